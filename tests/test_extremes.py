"""A small form of `tests/campaigns/extremes.py`: forecasts, anomalies and every command asked for extremes."""

from __future__ import annotations

import os
from collections import Counter

import pytest

pytest.importorskip("typer")
if os.name != "posix":
    pytest.skip("alarms of POSIX", allow_module_level=True)
from tests.campaigns.extremes import campaign


def test_extremes_end_in_one_line_or_finite_numbers():
    counted, wrong = campaign(24, seed=0)
    assert not wrong, "\n".join(wrong)
    kinds = Counter(outcome.split(": ")[1] for outcome in counted.elements())
    assert kinds.keys() >= {"exit 0", "exit 2", "exit 3", "finite", "TypeError"}, counted
