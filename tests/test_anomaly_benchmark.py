"""benchmarks/anomalies.py draws series, counts caught anomalies and alarms outside, and logs its scores."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import anomalies
from elman.anomaly import Alarm, Anomalies


def test_caught_windows_and_alarms_outside_are_counted():
    labels = np.zeros(100, bool)
    labels[[10, 50, 90]] = True
    alarms = tuple(Alarm(a, b, a, 5.0, "value", 1) for a, b in ((10, 12), (50, 50), (80, 90)))
    nothing = np.zeros(100)
    found = Anomalies(
        anomalies.dated(np.arange(100.0), 24), 15, 1e-4, nothing, nothing, np.zeros((100, 2)), labels, alarms
    )
    # the second window holds part of the last alarm, which is therefore not outside, but no flagged row
    assert anomalies.count(found, [(8, 20), (85, 90), (51, 60)]) == ([True, False, False], 1)


@pytest.mark.parametrize("kind", [*anomalies.STATIONARY])
def test_draws_are_reproducible_and_anomalies_lie_in_their_windows(kind: str):
    first, per_day = anomalies.STATIONARY[kind](np.random.default_rng(3), restless=False)
    again, _ = anomalies.STATIONARY[kind](np.random.default_rng(3), restless=False)
    assert first.tolist() == again.tolist()
    planted, windows, kinds = anomalies.plant(np.random.default_rng(4), first, per_day)
    changed = np.flatnonzero(planted != first)
    assert len(windows) == len(kinds) == 6
    assert all(any(a <= row < b for a, b in windows) for row in changed.tolist())
    assert changed.min() > 0.15 * len(first)


def test_a_run_on_the_benchmark_is_logged(tmp_path: Path, monkeypatch, capsys):
    """Two files in the format of the benchmark, each with a row missing, a row twice, and one planted day of ones."""
    (tmp_path / "nab").mkdir()
    windows = {}
    for name in anomalies.NAB:
        values, per_day = anomalies.trips(np.random.default_rng(0))
        values[5000:5048] = 1.0
        times = anomalies.dated(values, per_day).times
        windows[f"realKnownCause/{name}.csv"] = [[f"{times[4990]}", f"{times[5050]}"]]
        rows = [(str(t).replace("T", " ")[:19], v) for t, v in zip(times, values, strict=True)]
        rows = [*rows[:3000], *rows[3001:3500], rows[3499], *rows[3500:]]
        with (tmp_path / "nab" / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("timestamp", "value"), *rows])
    monkeypatch.setattr(anomalies, "LOG", tmp_path / "log.csv")
    monkeypatch.setattr(sys, "argv", ["anomalies", "--data", str(tmp_path), "effort='fast'"])
    anomalies.main()
    assert "no windows.json" in capsys.readouterr().out  # there is nothing to score
    (tmp_path / "nab" / "windows.json").write_text(json.dumps(windows))
    anomalies.main()
    with (tmp_path / "log.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [row["series"] for row in found] == list(anomalies.NAB)
    assert [(row["rows"], row["windows"], row["caught"]) for row in found] == [("9600", "1", "1")] * 2
    assert int(found[0]["alarms"]) - int(found[0]["outside"]) == 1
