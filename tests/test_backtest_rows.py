"""`elman backtest`: what was forecast and what came for each row, the errors of each window, and a picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from elman.cli import main
from elman.forecast import Forecaster
from elman.forecast.evaluation.coverage import bands_of_windows
from elman.forecast.evaluation.rows import BacktestRows

MONTHS = [str(np.datetime64("2015-01", "M") + i) for i in range(72)]
VALUES = (100 + np.arange(72) + 20 * np.sin(np.arange(72) * np.pi / 6)).round(2)
QUICK = {"models": "network", "horizon": 3, "members": 1, "updates": 5, "hidden_size": 4, "windows": 3}
OPTIONS = [word for name, value in QUICK.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(name: str) -> list[dict[str, str]]:
    with open(name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(name: str, ids: str = "") -> None:
    rows = [f"{month},{value}" for month, value in zip(MONTHS, VALUES, strict=True)]
    lines = [f"{id},{row}" for id in ids for row in rows] if ids else rows
    Path(name).write_text("\n".join(["shop,month,units" if ids else "month,units", *lines]) + "\n")


def test_each_row_with_truth_forecast_and_intervals(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write("sales.csv")
    assert main(["backtest", "sales.csv", *OPTIONS, "--levels", "80"]) == 0
    out = capsys.readouterr().out
    names = ["sales.units.backtest.csv", "sales.units.errors.csv", "sales.units.backtest.png"]
    assert f"Wrote {', '.join(names)}" in out
    assert "Season of 12 rows, found in the data" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "sales.csv"])
    rows = table("sales.units.backtest.csv")
    assert list(rows[0]) == ["window", "month", "truth", "forecast", "lower_80", "upper_80", "naive", "seasonal naive",
                             "drift", "naive 2"]  # fmt: skip
    assert [row["window"] for row in rows] == ["1"] * 3 + ["2"] * 3 + ["3"] * 3
    assert [row["month"] for row in rows] == MONTHS[-9:]
    assert [float(row["truth"]) for row in rows] == VALUES[-9:].tolist()
    model = Forecaster(**QUICK)
    found = model.backtest(y=model.read("sales.csv"))
    np.testing.assert_allclose([float(row["forecast"]) for row in rows], found.forecasts["network"].ravel(), rtol=1e-7)
    bounds = bands_of_windows(found, 80.0, "network").reshape(-1, 2)
    written = [[float(row[name] or "nan") for name in ("lower_80", "upper_80")] for row in rows]
    np.testing.assert_allclose(written, bounds, rtol=1e-7)
    assert np.isnan(bounds[:3]).all()  # no window ends before the first begins
    errors = table("sales.units.errors.csv")
    rmse = [float(row["rmse"]) for row in errors if row["model"] == "network"]
    truth, forecast = (np.array([float(row[name]) for row in rows]).reshape(3, 3) for name in ("truth", "forecast"))
    np.testing.assert_allclose(rmse, np.sqrt(((truth - forecast) ** 2).mean(axis=1)), rtol=1e-6)


def test_many_series_and_json(capsys: pytest.CaptureFixture[str]):
    write("shops.csv", "ab")
    assert main(["backtest", "shops.csv", "--id", "shop", *OPTIONS, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == [f"shops.units.{name}" for name in ("backtest.csv", "errors.csv", "backtest.png")]
    rows = table("shops.units.backtest.csv")
    assert [row["series"] for row in rows] == ["a"] * 9 + ["b"] * 9
    assert [row["window"] for row in rows[:9]] == [row["window"] for row in rows[9:]] == list("111222333")
    assert [row["month"] for row in rows[9:]] == MONTHS[-9:]


def test_parquet():
    polars = pytest.importorskip("polars")
    write("sales.csv")
    assert main(["backtest", "sales.csv", *OPTIONS, "--to", "parquet"]) == 0
    found = polars.read_parquet("sales.units.backtest.parquet")
    assert found["truth"].to_list() == VALUES[-9:].tolist()
    assert np.array_equal(found["month"].to_numpy(), np.array(MONTHS[-9:], "datetime64[M]").astype("datetime64[us]"))


def test_masked_truth_is_empty():
    values = np.where(np.arange(72) == 68, np.nan, VALUES)
    model = Forecaster(missing="mask", **QUICK)
    series = model.read(values, time=np.array(MONTHS, "datetime64[M]"))
    rows = BacktestRows(model.backtest(y=series), {"value": series}, [80.0]).columns()
    assert [value is None for value in rows["truth"]] == [row == 68 for row in range(63, 72)]
    assert None not in rows["forecast"]


def test_the_picture_has_titles_and_axes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from elman.plots import backtest_plot

    kept: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: (kept.append(self), Path(path).touch()))
    model = Forecaster(**QUICK)
    series = model.read(VALUES, time=np.array(MONTHS, "datetime64[M]"))
    found = model.backtest(y=series)
    rows = BacktestRows(found, {"value": series}, [80.0])
    backtest_plot(found, {"value": series}, tmp_path / "a.png", bounds=rows.bounds)
    axes = kept[0].axes[0]
    assert axes.get_title(loc="left") == "value: backtest, the last 3 windows of 3 rows"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time", "value")
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["truth", found.best_baseline, "network", "80 % interval"]
    write("shops.csv", "ab")
    panel = model.read("shops.csv", id="shop")
    backtest_plot(model.backtest(y=panel), panel, tmp_path / "b.png")
    assert kept[1].get_suptitle() == "2 series, units, backtest: the last 3 windows of 3 rows"
    assert (kept[1].get_supxlabel(), kept[1].get_supylabel()) == ("month", "units")
    assert [axes.get_title(loc="left") for axes in kept[1].axes[:2]] == ["a", "b"]
