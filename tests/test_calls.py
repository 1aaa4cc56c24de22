"""Random calls of the public classes, in small form; the long one is tests/campaigns/calls.py."""

from __future__ import annotations

import signal

import pytest
from campaigns.calls import run


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="the system has no alarms")
@pytest.mark.parametrize("first", range(0, 1000, 100))
def test_calls_answer_or_refuse_by_name(first: int):
    failed = {seed: wrong for seed in range(first, first + 100) if (wrong := run(seed)[2])}
    assert not failed
