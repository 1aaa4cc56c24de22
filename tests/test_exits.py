"""Processes that end or fork while threads are inside the compiled core; the long form is tests/campaigns/exits.py."""

from __future__ import annotations

import importlib.util
import os

import pytest
from campaigns.exits import HOW, cycle

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("elman._native") is None, reason="the compiled core was not built"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork"),
]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("hidden", [4, 300])
def test_a_process_ends_in_order(how: str, hidden: int):
    assert cycle(how, 0.05, hidden, 0) == ""
