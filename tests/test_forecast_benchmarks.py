"""benchmarks/m4.py, many_series.py and long_horizons.py run, and the scores of Naive 2 are the published ones."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import long_horizons, m4, many_series
from elman.forecast.evaluation.baselines import naive2

DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.mark.skipif(not (DATA / "m4_hourly_test.csv").exists(), reason="the M4 competition's series are not here")
def test_naive2_gives_the_published_figures() -> None:
    known, truth = m4.read(DATA / "m4_hourly_train.csv"), m4.read(DATA / "m4_hourly_test.csv")
    assert m4.mean_scores(known, truth, {k: naive2(known[k], 48, 24) for k in known}) == pytest.approx(
        (18.383, 2.395), abs=5e-4
    )


def test_naive2_with_and_without_a_season() -> None:
    time = np.arange(240)
    season = 1 + 0.5 * np.sin(2 * np.pi * time / 24)
    assert naive2(7 * season, 48, 24) == pytest.approx(7 * season[:48], rel=1e-6)
    walk = 100 + np.random.default_rng(0).normal(size=240).cumsum()
    noise = np.random.default_rng(1).normal(10, 1, 240)
    assert naive2(noise, 48, 24).tolist() == [noise[-1]] * 48
    assert np.isfinite(naive2(walk, 48, 24)).all()


def test_a_run_of_the_m4_benchmark_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time, rng = np.arange(700), np.random.default_rng(0)
    lines = [["id", *(f"v{i}" for i in range(700))]]
    for k in range(4):
        values = 50 * (k + 1) * (2 + np.sin(2 * np.pi * (time + k) / 24)) + rng.normal(size=700)
        lines.append([f"H{k}", *(f"{value:.3f}" for value in values[: 700 - 20 * k])])
    with (tmp_path / "m4_hourly_train.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    monkeypatch.setattr(m4, "LOG", tmp_path / "log.csv")
    monkeypatch.setattr(sys, "argv", ["m4", "--data", str(tmp_path), "effort='fast',updates=60,hidden_size=8"])
    m4.main()
    with (tmp_path / "log.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["part"] == "hold-out"
    assert 0 < float(row["owa"]) < 1
    assert 0.5 < float(row["cover_80"]) < 1


def test_many_short_series(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["many_series", "--count", "30", "--effort", "fast"])
    many_series.main()
    assert "30 series of 100 points, effort fast" in capsys.readouterr().out


def test_long_horizons_of_a_generated_series(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(long_horizons, "MOST", 1500)
    monkeypatch.setattr(long_horizons, "WINDOWS", 5)
    full = long_horizons.generated("load")
    monkeypatch.setattr(long_horizons, "cases", lambda data: [long_horizons.one_series("load", full, (24, 168), 48)])
    long_horizons.main(["--data", ".", "--effort", "fast"])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[2] for row in rows] == list(long_horizons.MODELS)
    errors = {row[2]: float(row[4]) for row in rows}
    assert errors["linear"] < errors["naive, day"]
    assert errors["mean"] <= (errors["linear"] + errors["network"]) / 2


def test_windows_of_long_horizons_lie_in_the_scored_rows():
    case = long_horizons.one_series("", np.arange(1000.0), (24, 168), 48)
    cuts = list(case.cuts())
    assert len(case.trained()[""]) == 800
    assert [cuts[0][2][0], cuts[-1][2][-1]] == [800.0, 999.0]
    assert all(known[-1] + 1 == truth[0] for _, known, truth in cuts)
    held = case.held_out()
    assert [len(held.trained()[""]), held.series[""][-1]] == [640, 799.0]
