"""benchmarks/forecast_peers.py: the input of contenders, scores compared with results by hand, errors, sizes."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import forecast_peers
from benchmarks.footprint import closure, megabytes
from benchmarks.forecast_sets import DataSet, cut, sets
from benchmarks.forecast_table import score
from benchmarks.forecasters import CONTENDERS, Answer
from elman import Forecaster
from elman.forecast.evaluation.baselines import naive2


def panel(count: int, rows: int = 60) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    time = np.arange(rows)
    return {
        f"s{k}": 10 * (k + 1) * (2 + np.sin(2 * np.pi * time / 6) + 0.1 * rng.normal(size=rows)) for k in range(count)
    }


def by_hand(known: np.ndarray, truth: np.ndarray, forecast: np.ndarray, season: int) -> tuple[float, float, float]:
    """Returns MASE, sMAPE in percent and RMSSE, computed term by term."""
    steps = [abs(known[t] - known[t - season]) for t in range(season, len(known))]
    squares = [(known[t] - known[t - 1]) ** 2 for t in range(1, len(known))]
    errors = [f - y for f, y in zip(forecast, truth, strict=True)]
    mase = sum(map(abs, errors)) / len(errors) / (sum(steps) / len(steps))
    smape = sum(2 * abs(e) / (abs(y) + abs(y + e)) for e, y in zip(errors, truth, strict=True)) / len(errors)
    rmsse = (sum(e * e for e in errors) / len(errors) / (sum(squares) / len(squares))) ** 0.5
    return mase, 100 * smape, rmsse


def test_contenders_get_only_rows_before_the_cutoff() -> None:
    series = {"a": np.arange(20.0), "b": np.arange(100.0, 113.0)}
    found = cut(series, 4, 3)
    assert [cutoff.known["a"][-1] for cutoff in found] == [7, 11, 15]
    assert found[0].known["b"].tolist() == [100.0]
    for cutoff in found:
        for name, values in series.items():
            joined = [*cutoff.known[name], *cutoff.truth[name]]
            assert joined == values[: len(joined)].tolist()
            assert len(cutoff.truth[name]) == 4
    assert found[-1].truth["b"].tolist() == [109, 110, 111, 112]
    assert [cutoff.known["a"][-1] for cutoff in cut(series, 4, 3, 2)] == [11, 13, 15]


def test_every_window_has_rows_before_it() -> None:
    for data in sets(["airline", "sunspots"], None, 1):
        assert isinstance(data, DataSet)
        assert len(data.cutoffs) == 12
        assert min(len(cutoff.known[data.name]) for cutoff in data.cutoffs) >= 3 * data.horizon


def test_the_m4_sample_is_of_the_training_part(tmp_path: Path) -> None:
    (left_out,) = sets(["m4"], tmp_path, 2)
    assert isinstance(left_out, str)
    assert "--data FOLDER" in left_out
    lines = [["id", *(f"v{i}" for i in range(700))]]
    lines += [[f"H{k}", *map(str, range(k, k + 700 - 10 * k)), *[""] * (10 * k)] for k in range(5)]
    with (tmp_path / "m4_hourly_train.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    (data,) = sets(["m4"], tmp_path, 2)
    assert isinstance(data, DataSet)
    ((known, truth),) = data.cutoffs
    assert list(known) == ["H0", "H2", "H4"]
    assert (known["H2"][0], len(known["H2"]), len(truth["H2"]), truth["H2"][-1]) == (2, 632, 48, 681)


def test_the_table_agrees_with_scores_by_hand(tmp_path: Path, monkeypatch: Any) -> None:
    data = DataSet("tiny", "drawn", (6,), 6, cut(panel(3), 6, 2))
    given: Iterator[Any] = iter([data, "m4 is left out: because"])
    monkeypatch.setattr(forecast_peers, "sets", lambda *_: given)
    known = "seasonal-naive,naive2,elman-fast"
    assert forecast_peers.main(["--only", known, "--out", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rows = {row["contender"]: row for row in csv.DictReader(file)}
    assert list(rows) == known.split(",")

    expected: dict[str, list[tuple[float, float, float]]] = {key: [] for key in rows}
    for known, truth in data.cutoffs:
        model = Forecaster(horizon=6, season=6, windows=0, effort="fast").fit(known)
        forecasts = {"elman-fast": model.predict()}
        forecasts["seasonal-naive"] = {name: values[-6:] for name, values in known.items()}
        forecasts["naive2"] = {name: naive2(values, 6, 6) for name, values in known.items()}
        for key, found in forecasts.items():
            expected[key] += [by_hand(known[name], truth[name], found[name], 6) for name in known]
    base = np.mean(expected["naive2"], axis=0)
    for key, row in rows.items():
        means = np.mean(expected[key], axis=0)
        assert [float(row[name]) for name in ("mase", "smape", "rmsse")] == pytest.approx(means, abs=1e-3)
        assert float(row["owa"]) == pytest.approx((means[0] / base[0] + means[1] / base[1]) / 2, abs=1e-3)
        assert 0 <= float(row["seconds"]) < 60
        assert float(row["peak_mib"]) > 10
    text = path.with_suffix(".md").read_text("utf-8")
    assert f"**{float(rows['elman-fast']['owa']):.3f}** in" in text
    assert "\nm4 is left out: because\n" in text


def test_a_failing_contender_has_a_line_and_the_others_run(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    data = DataSet("short", "too short for elman", (6,), 6, cut(panel(2, 8), 6, 1))
    monkeypatch.setattr(forecast_peers, "sets", lambda *_: iter([data]))
    monkeypatch.setitem(CONTENDERS, "absent", CONTENDERS["darts-lstm"]._replace(module="absent", package="no-such-one"))
    assert forecast_peers.main(["--only", "elman-fast,seasonal,absent", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "absent is left out: it is not installed. pip install 'elman[forecast-peers]'" in printed
    assert "2 rows are too few to forecast: 3 are needed" in printed
    assert "short: seasonal naive: mase" in printed
    (path,) = tmp_path.glob("*.md")
    assert "- elman, fast on short: " in path.read_text("utf-8")


def test_a_contender_that_takes_too_long_is_ended() -> None:
    data = DataSet("any", "", (6,), 6, cut(panel(2), 6, 1))
    assert forecast_peers.ask("elman-fast", data, 1, [], 1e-3) == ("failed", "took more than 0.001 s")


def test_forecasts_that_are_not_finite_are_errors() -> None:
    data = DataSet("any", "", (6,), 6, cut(panel(2), 6, 1))
    found = {"s0": np.zeros(6), "s1": np.full(6, np.nan)}
    run = score("naive2", data, "ok", Answer((found,), 0.0, 0.0, 0.0, {}))
    assert (run.scores, run.trouble) == ({}, "no finite forecast of 1 series, s1 the first")


@pytest.mark.parametrize(("arguments", "keys"), [
    ([], [key for key, each in CONTENDERS.items() if not each.slow]),
    (["--slow"], list(CONTENDERS)),
    (["--only", "elman"], ["elman-fast", "elman-normal"]),
    (["--only", "elman-best,naive2"], ["naive2", "elman-best"]),
])  # fmt: skip
def test_selection_of_contenders(arguments: list[str], keys: list[str]) -> None:
    assert forecast_peers.parse(arguments).only == keys


@pytest.mark.parametrize("arguments", [["--only", "prophet"], ["--sets", "tides"]], ids=lambda words: words[1])
def test_a_wrong_name_is_an_error(arguments: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit):
        forecast_peers.parse(arguments)
    assert f"got '{arguments[1]}'" in capsys.readouterr().err


def test_naive2_of_an_odd_season_and_of_too_few_rows() -> None:
    time = np.arange(70)
    season = 3 + np.cos(2 * np.pi * time / 7)
    assert naive2(season[:63], 7, 7) == pytest.approx(season[63:])
    assert naive2(season[:20], 4, 7).tolist() == [season[19]] * 4


def test_installed_sizes_agree_with_the_disk() -> None:
    found = closure("safetensors")
    assert list(found) == ["safetensors"]  # none of its extras' requirements
    home = Path(str(distribution("safetensors").locate_file("")))
    folders = [*home.glob("safetensors"), *home.glob("safetensors-*.dist-info")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert megabytes("safetensors") == pytest.approx(sum(path.stat().st_size for path in files) / 1e6, rel=0.01)
    assert {"pytest", "pluggy", "packaging"} <= set(closure("pytest"))
    assert megabytes("no-such-package") is None
    ours, alone = megabytes("elman"), megabytes("numpy")
    assert ours is not None
    assert alone is not None
    assert alone < ours < alone + 30


@pytest.mark.skipif(importlib.util.find_spec("statsforecast") is None, reason="needs the extra forecast-peers")
def test_statsforecast_forecasts_each_series() -> None:
    data = DataSet("tiny", "", (6,), 6, cut(panel(2), 6, 1))
    kind, found = forecast_peers.ask("statsforecast-theta", data, 1, [], 120.0)
    assert kind == "ok", found
    ((known, truth),) = data.cutoffs
    for name in known:  # a season that hardly changes is carried on
        assert np.abs(found.forecasts[0][name] - truth[name]).mean() < 0.5 * truth[name].std()
