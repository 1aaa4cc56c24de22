"""Sources of many series: files, data frames, lists and mappings, and errors in them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forecast_series import long_table, waves

from elman.forecast import DataError, Forecaster, Series, as_series
from elman.series.columns import Columns
from elman.series.panel_sources import as_panel
from elman.series.series import SeriesOptions

QUICK = {"effort": "fast", "hidden_size": 8, "updates": 60}


def test_parquet_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    polars = pytest.importorskip("polars")
    days = np.datetime64("2024-01-01") + np.arange(60)
    values = waves(1)["s0"][:60]
    polars.DataFrame({"day": days, "units": values}).write_parquet(tmp_path / "one.parquet")
    series = Forecaster().read(tmp_path / "one.parquet")
    assert isinstance(series, Series)
    assert (series.name, series.label(0), series.values.tolist()) == ("units", "2024-01-01", values.tolist())
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match=r"bad.parquet: not a Parquet file"):
        Forecaster().read(tmp_path / "bad.parquet")
    with pytest.raises(FileNotFoundError):
        Forecaster().read(tmp_path / "none.parquet")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'elman\[parquet\]'"):
        Forecaster().read(tmp_path / "one.parquet")
    pytest.importorskip("typer")
    from elman.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["forecast", "one.parquet"]) == 2
    assert "Parquet files need polars; type: pip install 'elman[parquet]'" in capsys.readouterr().err


def test_bad_series_are_errors_or_skipped(tmp_path: Path) -> None:
    values = waves(3)
    path = long_table(tmp_path, values, "bad,2024-01-01,1\nbad,2024-01-02,\nbad,2024-01-03,2\nshort,2024-01-01,1\n")
    with pytest.raises(DataError, match=r"series 'bad': .*long.csv, line \d+, column 'units': the value is missing"):
        Forecaster(**QUICK).fit(path, id="shop")
    model = Forecaster(skip_bad=True, horizon=7, windows=1, **QUICK).fit(path, id="shop")
    assert list(model.series_) == list(values)
    assert "the value is missing" in model.skipped_["bad"]
    assert "expected at least 2 rows, got 1" in model.skipped_["short"]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({}, {}, "y: expected at least one series, got an empty mapping"),
        ({"a": np.arange(2.0), "b": waves()["s0"]}, {}, "series 'a': 2 rows are too few to forecast"),
        ({"a": np.ones(50)}, {}, "series 'a': .*every value is 1"),
        (waves(), {"season": (7, 10)}, "season: expected lengths of which each divides the next"),
        (waves(), {"context": 200}, "context: .* too many"),
        (waves(), {"effort": "much"}, "effort: expected one of"),
        (waves(), {"levels": (99.99,)}, "levels: an interval of 99.99 % needs at least"),
        (waves(), {"windows": 0, "levels": (80,)}, "levels: an interval of 80 % needs at least"),
        (waves(), {"members": 0}, "members: expected"),
        (waves(), {"skip_bad": "yes"}, "skip_bad: expected"),
    ],
)
def test_bad_data_and_options(data: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        Forecaster(**{"horizon": 7, **QUICK, **options}).fit(data)


def test_series_with_different_steps() -> None:
    days, weeks = (np.datetime64("2024-01-01") + step * np.arange(50) for step in (1, 7))
    values = waves(1)["s0"][:50]
    panel = {"a": as_series(values, time=days), "b": as_series(values, time=weeks)}
    with pytest.raises(DataError, match=r"series 'b': its step is weekly.*, that of series 'a' is daily"):
        as_panel(panel, Columns(), SeriesOptions())


def test_forecast_command_with_many_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typer = pytest.importorskip("typer.testing")
    from elman.cli.app import app

    monkeypatch.chdir(tmp_path)
    path = long_table(tmp_path, waves(3), "tiny,2024-01-01,1\n")
    command = ["forecast", str(path), "--id", "shop", "--effort", "fast", "--skip-bad", "--horizon", "7", "--json"]
    result = typer.CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert list(found["series"]) == ["s0", "s1", "s2"]
    assert list(found["skipped"]) == ["tiny"]
    lines = (tmp_path / "long.units.forecast.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("series,day,units,lower_80")
    assert len(lines) == 1 + 3 * 7
    assert (tmp_path / "long.units.forecast.png").stat().st_size > 10_000
    again = typer.CliRunner().invoke(app, ["predict", "long.units.forecaster.safetensors", str(path), "--id", "shop"])
    assert again.exit_code == 0, again.output
    assert len((tmp_path / "long.units.forecast.csv").read_text(encoding="utf-8").splitlines()) == 1 + 3 * 7
