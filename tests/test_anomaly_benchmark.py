"""benchmarks/anomalies.py draws series, counts caught anomalies and alarms outside, and logs its scores."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import anomalies, drawn_series, nab
from elman.anomaly import Alarm, Anomalies


def test_caught_windows_and_alarms_outside_are_counted():
    labels = np.zeros(100, bool)
    labels[[10, 50, 90]] = True
    alarms = tuple(Alarm(a, b, a, 5.0, "value", 1) for a, b in ((10, 12), (50, 50), (80, 90)))
    nothing = np.zeros(100)
    found = Anomalies(
        drawn_series.dated(np.arange(100.0), 24), 15, 1e-4, nothing, nothing, np.zeros((100, 2)), labels, alarms
    )
    # the second window holds part of the last alarm, which is therefore not outside, but no flagged row
    assert anomalies.count(found, [(8, 20), (85, 90), (51, 60)]) == ([True, False, False], 1)


@pytest.mark.parametrize("kind", [*drawn_series.STATIONARY])
def test_draws_are_reproducible_and_anomalies_lie_in_their_windows(kind: str):
    first, per_day = drawn_series.STATIONARY[kind](np.random.default_rng(3), restless=False)
    again, _ = drawn_series.STATIONARY[kind](np.random.default_rng(3), restless=False)
    assert first.tolist() == again.tolist()
    if len(first) < 40 * per_day or per_day < 1:  # too few rows for anomalies of days
        return
    planted, windows, kinds = drawn_series.plant(np.random.default_rng(4), first, per_day)
    changed = np.flatnonzero(planted != first)
    assert len(windows) == len(kinds) == 6
    assert all(any(a <= row < b for a, b in windows) for row in changed.tolist())
    assert changed.min() > 0.15 * len(first)


def a_file(rows: int, windows: list[tuple[int, int]], name: str = "a.csv") -> nab.NabFile:
    return nab.NabFile(name, np.arange(rows), np.zeros(rows), windows)


def test_the_standard_profile_by_hand():
    """One window of 100 rows, 400 to 499, in 1000 rows, of which the first 150 are not scored."""
    file = a_file(1000, [(400, 499)])
    first = 2 / (1 + math.exp(-5)) - 1  # of the sigmoid at -1
    none, _, _ = nab.best_score([file], {"a.csv": []})
    assert none == 0.0
    # the window's first row is all that can be had; a later row in it counts no more
    assert nab.score([file], {"a.csv": [(400, 1.0), (450, 1.0)]})[0] == pytest.approx(100.0)
    # in the middle: p = -(499 - 450 + 1) / 100 = -0.5
    middle = (2 / (1 + math.exp(-2.5)) - 1) / first
    assert nab.score([file], {"a.csv": [(450, 1.0)]})[1]["a.csv"] == pytest.approx(middle)
    assert nab.score([file], {"a.csv": [(450, 1.0)]})[0] == pytest.approx(100 * (middle + 1) / 2)
    # before the first window, then 33 rows behind it: p = 33 / 99; the last is far behind
    behind = 2 / (1 + math.exp(5 / 3)) - 1
    found = [(100, 1.0), (200, 1.0), (532, 1.0), (900, 1.0)]
    assert nab.score([file], {"a.csv": found})[1]["a.csv"] == pytest.approx(-1 + 0.11 * (-1 + behind - 1))


def test_the_best_threshold_is_one_for_all_files():
    files = [a_file(1000, [(400, 499)]), a_file(1000, [(600, 699)], "b.csv")]
    found = {"a.csv": [(400, 5.0), (200, 3.0)], "b.csv": [(600, 4.0), (300, 2.0)]}
    score, threshold, sums = nab.best_score(files, found)
    assert (score, threshold) == (pytest.approx(100.0), 4.0)
    assert sums == pytest.approx({"a.csv": 1.0, "b.csv": 1.0})
    # one false alarm below a true one costs 0.11 of the 4 between none and all
    found["a.csv"][1] = (200, 4.5)
    assert nab.best_score(files, found)[0] == pytest.approx(100 - 100 * 0.11 / 4)


@pytest.mark.parametrize(("rows", "left"), [(1000, 150), (4032, 604), (22_695, 750)])
def test_the_first_rows_are_not_scored(rows: int, left: int):
    assert nab.probation_rows(rows) == left


def test_the_sliding_gaussian_is_that_of_the_rows_before():
    values = np.random.default_rng(0).normal(5, 2, 1000)
    values[950] = 15.0
    scores = nab.sliding_gaussian(values)
    size = (15.0 - values[:900].mean()) / values[:900].std()
    assert scores[950] == pytest.approx(-math.log10(math.erfc(size / math.sqrt(2))))
    assert scores[950] == scores[500:].max()


def test_a_run_on_the_benchmark_is_logged(tmp_path: Path, monkeypatch, capsys):
    """One file in the format of the benchmark, with a row missing, a row twice, and one planted day of ones."""
    values, per_day = drawn_series.trips(np.random.default_rng(0))
    values = values[:5000]
    values[4000:4048] = 1.0
    times = drawn_series.dated(values, per_day).times
    rows = [(str(t).replace("T", " ")[:19], v) for t, v in zip(times, values, strict=True)]
    rows = [*rows[:3000], *rows[3001:3500], rows[3499], *rows[3500:]]
    with (tmp_path / "one.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("timestamp", "value"), *rows])
    monkeypatch.setattr(anomalies, "LOG", tmp_path / "log.csv")
    monkeypatch.setattr(sys, "argv", ["anomalies", "--nab", str(tmp_path), "effort='fast',rate=1e-3"])
    anomalies.main()
    assert "no windows.json" in capsys.readouterr().out  # there is nothing to score
    (tmp_path / "windows.json").write_text(json.dumps({"one.csv": [[f"{times[3990]}", f"{times[4080]}"]]}))
    anomalies.main()
    with (tmp_path / "log.csv").open(newline="", encoding="utf-8") as file:
        (found,) = csv.DictReader(file)
    assert (found["series"], found["windows"], found["rate"]) == ("1", "1", "0.001")
    assert float(found["score"]) > 70.0
    assert "sliding Gaussian" in capsys.readouterr().out


def test_published_scores_are_those_of_the_families_that_they_name():
    with nab.PUBLISHED.open(newline="", encoding="utf-8") as table:
        families = next(csv.reader(table))[1:]
    files = [a_file(100, [(50, 60)], name if name.endswith(".csv") else f"{name}/a.csv") for name in families]
    found = nab.published(files)
    assert found["ARTime"][1]["realTraffic"] == 10.32
    assert found["ARTime"][0] == pytest.approx(100 * (sum(found["ARTime"][1].values()) + 6) / 12)
    assert nab.published(files[1:]) == {}
