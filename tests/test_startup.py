"""The script that times the command line's start: what it calls wall, CPU and overhead are these."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import startup
from benchmarks.startup import Spent, fresh, overhead, table
from elman.engines.config import show_config

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="a child's CPU time, POSIX alone")


def test_waiting_is_wall_and_working_is_cpu(tmp_path: Path):
    waiting, _ = fresh(["-c", "import time; time.sleep(0.6)"], tmp_path)
    working, said = fresh(["-c", "import time\nwhile time.process_time() < 0.6: pass\nprint('done')"], tmp_path)
    assert waiting.wall >= 0.6
    assert waiting.cpu < 0.5
    assert working.cpu >= 0.6
    assert said == "done\n"


def test_a_command_that_fails_is_not_timed(tmp_path: Path):
    with pytest.raises(RuntimeError, match="exit code 7"):
        fresh(["-c", "raise SystemExit(7)"], tmp_path)


@pytest.mark.skipif(show_config()["engine"] != "native", reason="a minute on the reference engine")
def test_the_overhead_is_what_training_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What a training spends is in the whole, and not in the overhead."""
    pytest.importorskip("typer")
    (tmp_path / "a.csv").write_text("\n".join(["day,value", *(f"2024-01-{d:02},{d % 7}" for d in range(1, 31))]))
    slow = "fit = Forecaster.fit\nForecaster.fit = lambda *a, **o: (time.sleep(2), fit(*a, **o))[1]\n"
    monkeypatch.setattr(startup, "TIMED", startup.TIMED.replace("def timed", f"{slow}def timed"))
    whole, rest = overhead(tmp_path, ["a.csv", "--season", "7", "--horizon", "2", "--effort", "fast"])
    assert 0 < rest.wall <= whole.wall - 2
    assert 0 < rest.cpu < whole.cpu


def test_the_table_has_median_and_best():
    found = {"a": [Spent(3.0, 0.3), Spent(1.0, 0.1), Spent(2.5, 0.2)]}
    assert table(found).splitlines()[2] == "| a | 2.500 | 1.000 | 0.200 | 0.100 |"
