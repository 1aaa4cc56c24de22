"""Forecasts of many series by one model: no look past a cut, what is read, files, bits, intervals, what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forecast_series import long_table, waves

import elman
from elman.forecast import DataError, Forecaster, Forecasts, Series, as_series
from elman.forecast.evaluation import intervals
from elman.forecast.models.efforts import GLOBAL, LOCAL
from elman.forecast.models.global_model import DirectModel
from elman.forecast.models.global_strategy import find_seasons
from elman.forecast.models.window_pool import WindowPool
from elman.forecast.models.window_spec import WindowSpec, context_rows
from elman.series.columns import Columns
from elman.series.inputs import CovariateWindows
from elman.series.panel import Panel
from elman.series.panel_sources import as_panel
from elman.series.series import SeriesOptions

NOTHING = CovariateWindows(*(np.zeros((2, 20, 0)),) * 4)
QUICK: dict[str, Any] = {"models": "network", "effort": "fast", "hidden_size": 8, "updates": 60}


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return Forecaster(horizon=7, windows=3, **QUICK).fit(waves())


def series_of(values: dict[str, np.ndarray]) -> Panel:
    return as_panel(values, Columns(), SeriesOptions())


# ---------------------------------------------------------------------------------- what it may look at


def test_no_scored_value_touches_anything_else(fitted: Forecaster) -> None:
    """Every value after the first window's cut changed, in every series: its forecasts stay the same to the bit."""
    changed = {name: values.copy() for name, values in waves().items()}
    for values in changed.values():
        values[-21:] = 1e3 + np.random.default_rng(3).normal(size=21)
    other = Forecaster(horizon=7, windows=3, **QUICK).fit(changed)
    one, two = fitted.backtest_, other.backtest_
    assert one is not None
    assert two is not None
    first = [w for w in range(len(one)) if w % 3 == 0]
    assert [one.series[w] for w in first] == list(changed)
    for name in one.forecasts:
        assert two.forecasts[name][first].tolist() == one.forecasts[name][first].tolist(), name
    assert two.scales[first].tolist() == one.scales[first].tolist()
    assert two.truth[first].tolist() == [values[-21:-14].tolist() for values in changed.values()]


def test_what_a_network_reads_of_a_window() -> None:
    """x, base and unit beside loops written out: days of 4 rows, weeks of 12, 6 rows ahead."""
    spec = WindowSpec((4, 12), 20, 6, 12, 1.0)
    read = np.random.default_rng(0).normal(5, 2, (2, 20))
    x, base, unit = spec.windows(read, np.full((2, 1), 1e-9), NOTHING)
    assert x.shape == (2, 5, 10)
    for i, row in enumerate(read):
        level = row[-12:].mean()
        size = np.abs(row[-12:] - level).mean()
        assert unit[i, 0] == pytest.approx(size)
        assert base[i].tolist() == row[8:14].tolist()
        scaled = (row - level) / size
        for step in range(5):
            end = 4 * (step + 1)
            before = scaled[end - 12 : end - 6] if end >= 12 else np.zeros(6)
            assert x[i, step] == pytest.approx(np.concatenate([scaled[end - 4 : end], before]), rel=1e-5, abs=1e-6)
    assert WindowSpec((4,), 8, 6, 4, 1.0).windows(read[:, -8:], np.ones((2, 1)), NOTHING)[1].tolist() == [
        [*row[-4:], *row[-4:-2]] for row in read
    ]
    assert (WindowSpec((1,), 9, 3, 1, 1.0).windows(read[:, -9:], np.ones((2, 1)), NOTHING)[1] == read[:, -1:]).all()


def test_drawn_windows_lie_within_one_series() -> None:
    """Rows tell their series by the hundreds and count up, so a window across an edge would show."""
    series = [Series(100.0 * k + np.arange(rows)) for k, rows in enumerate((30, 8, 13, 12, 40))]  # of 8 rows: no window
    spec = WindowSpec((1,), 8, 4, 1, 1.0)
    drawn = WindowPool(series, spec).draw(3000, np.random.default_rng(0))
    x, base, unit = spec.windows(drawn.values[:, :8], drawn.floor, drawn.covariates)
    y = (drawn.values[:, 8:] - base) / unit
    assert np.ptp(np.diff(x[..., 0], axis=1)) < 1e-5
    assert y[:, 0] == pytest.approx(x[:, 1, 0] - x[:, 0, 0], abs=1e-5)


def test_the_same_answer_in_other_units(fitted: Forecaster) -> None:
    other = Forecaster(horizon=7, windows=0, **QUICK).fit({name: 1e3 * values for name, values in waves().items()})
    for name, values in fitted.predict().items():
        assert other.predict()[name] == pytest.approx(1e3 * values, rel=1e-3)


# -------------------------------------------------------------------------------------- what it can do


def test_one_model_learns_from_all() -> None:
    """Waves of any length, too few rows of each to tell it from noise but for one who has seen many."""
    rng = np.random.default_rng(0)
    values: dict[str, np.ndarray] = {}
    for k in range(40):
        phase = rng.uniform(0, 7) + np.arange(90) * 2 * np.pi / rng.uniform(5, 20)
        values[str(k)] = 10 ** rng.uniform(0, 3) * (5 + np.sin(phase) + 0.2 * rng.normal(size=90))
    model = Forecaster(horizon=6, season=1, windows=3, effort="normal", updates=800).fit(values)
    assert model.backtest_ is not None
    assert model.backtest_.gain > 0.3, model.verdict()
    assert "120 windows of 6 rows in 40 series" in model.verdict()
    assert model.backtest_.of("3").truth.shape == (3, 6)
    covered: dict[float, list[float]] = {80.0: [], 95.0: []}
    for name, found in model.forecast(history={n: v[:-6] for n, v in values.items()}).items():
        for level, bounds in found.intervals.items():
            covered[level].append(((values[name][-6:] >= bounds[:, 0]) & (values[name][-6:] <= bounds[:, 1])).mean())
    assert np.mean(covered[80.0]) == pytest.approx(0.8, abs=0.08)
    assert np.mean(covered[95.0]) == pytest.approx(0.95, abs=0.05)


def test_intervals_know_which_series_are_noisy() -> None:
    """Ten times the noise in one of ten series: its intervals are wide, the others' are not."""
    values = waves(10, rows=180, noise=0.02)
    values["s5"] = waves(10, rows=180, noise=0.2)["s5"]
    found = Forecaster(horizon=7, windows=4, **QUICK).fit(values).forecast()
    widths = {name: float(np.mean(np.ptp(each.intervals[80], axis=1) / each.values)) for name, each in found.items()}
    assert widths["s5"] > 2.5 * max(width for name, width in widths.items() if name != "s5")


def test_another_backtest_of_the_same_series(fitted: Forecaster) -> None:
    """The last window alone, by a model that saw what lay before it; the forecaster stays as it is."""
    before = fitted.predict()
    found = fitted.backtest(windows=1)
    assert len(found) == 6
    assert found.truth.tolist() == [values[-7:].tolist() for values in waves().values()]
    assert {name: each.tolist() for name, each in fitted.predict().items()} == {
        n: v.tolist() for n, v in before.items()
    }
    assert fitted.backtest() is fitted.backtest_


def test_quantiles_are_ends_of_intervals(fitted: Forecaster) -> None:
    asked = (0.975, 0.1, 0.5, 0.9)
    for name, found in fitted.predict_quantiles(asked).items():
        forecast = fitted.forecast(levels=(80, 95))[name]
        assert found[:, 0].tolist() == forecast.intervals[95][:, 1].tolist()
        assert found[:, 1].tolist() == forecast.intervals[80][:, 0].tolist()
        assert found[:, 2].tolist() == forecast.values.tolist()
        assert (np.diff(found[:, [1, 2, 3, 0]]) > 0).all()
    assert fitted.predict_quantiles([0.5], horizon=2, history=waves()["s1"]).shape == (2, 1)
    with pytest.raises(ValueError, match="quantiles: expected numbers between 0 and 1"):
        fitted.predict_quantiles((0.5, 1.0))
    with pytest.raises(TypeError, match="quantiles: expected a list of numbers"):
        fitted.predict_quantiles(0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs at least"):
        fitted.predict_quantiles((0.9999,))


def test_series_never_seen(fitted: Forecaster) -> None:
    new = {"x": 5 * waves(1)["s0"], "y": waves(2)["s1"][:60]}
    found = fitted.forecast(history=new)
    assert isinstance(found, Forecasts)
    assert list(found) == ["x", "y"]
    assert found["x"].backtest is None
    alone = fitted.forecast(history=new["y"])
    assert alone.values.tolist() == pytest.approx(found["y"].values.tolist(), rel=1e-6)
    with pytest.raises(DataError, match=r"series 'y': history: expected at least \d+ rows to forecast from, got 9"):
        fitted.predict(history={"x": new["x"], "y": new["y"][:9]})


def test_what_was_never_negative_is_not_forecast_to_be() -> None:
    values = {name: np.maximum(0.0, each - each.mean()) for name, each in waves(noise=0.2).items()}
    for found in Forecaster(horizon=7, **QUICK).fit(values).forecast().values():
        assert found.values.min() >= 0
        assert min(bounds.min() for bounds in found.intervals.values()) >= 0


def test_seasons_of_hours_and_weeks() -> None:
    hours = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[h]")
    time, rng = np.arange(len(hours)), np.random.default_rng(0)
    week = 1.0 + (time // 24 % 7 < 5)
    values = [week * (3 + np.sin(2 * np.pi * time / 24)) + 0.1 * rng.normal(size=len(time)) for _ in range(3)]
    panel = series_of({str(i): as_series(each, time=hours) for i, each in enumerate(values)})  # type: ignore[dict-item]
    assert find_seasons(panel) == (24, 168)
    model = Forecaster(windows=1, **QUICK).fit(panel)
    assert (model.season_, model.horizon_) == ((24, 168), 24)
    assert model.forecast()["0"].labels[0] == "2024-03-01 00:00"


# ------------------------------------------------------------------------------------ the same again


def test_the_same_bits_with_any_number_of_threads(fitted: Forecaster) -> None:
    before = elman.get_num_threads()
    try:
        for threads in (1, 2):
            elman.set_num_threads(threads)
            other = Forecaster(horizon=7, windows=0, members=2, **QUICK).fit(waves())
            answers = np.array(list(other.predict().values()))
            if threads == 1:
                wanted = answers
        assert answers.tolist() == wanted.tolist()
    finally:
        elman.set_num_threads(before)


def test_a_file_gives_the_same_forecasts(fitted: Forecaster, tmp_path: Path) -> None:
    fitted.save(tmp_path / "m.safetensors")
    loaded = elman.load(tmp_path / "m.safetensors")
    for name, found in fitted.forecast().items():
        again = loaded.forecast()[name]
        assert again.values.tolist() == found.values.tolist()
        assert {k: v.tolist() for k, v in again.intervals.items()} == {
            k: v.tolist() for k, v in found.intervals.items()
        }
    assert loaded.verdict() == fitted.verdict()
    assert loaded.get_params() == fitted.get_params()


# ---------------------------------------------------------------------------------------- where they come from


def source_of(kind: str, path: Path) -> Any:
    """The series of the long table at `path`, in another form."""
    if kind == "file":
        return path
    if kind in ("polars", "parquet"):
        frame = pytest.importorskip("polars").read_csv(path, try_parse_dates=True)
        if kind == "polars":
            return frame
        frame.write_parquet(path.with_suffix(".parquet"))
        return path.with_suffix(".parquet")
    frame = pytest.importorskip("pandas").read_csv(path, parse_dates=["day"])
    if kind == "pandas, by day":
        return frame.iloc[np.argsort(np.arange(len(frame)) % 2, kind="stable")].sort_values("day", kind="stable")
    usual = {"shop": "unique_id", "day": "ds", "units": "y"}
    return frame.rename(columns=usual).assign(price=1.0) if kind == "usual names" else frame


@pytest.mark.parametrize("kind", ["file", "pandas", "pandas, by day", "polars", "parquet", "usual names"])
def test_a_long_table_in_any_form_is_the_same_series(kind: str, tmp_path: Path) -> None:
    values = waves(3)
    source = source_of(kind, long_table(tmp_path, values))
    read = Forecaster().read(source, **({} if kind == "usual names" else {"id": "shop"}))
    assert list(read) == list(values)
    for name, series in read.items():
        assert series.values.tolist() == pytest.approx(values[name].tolist(), rel=1e-12)
        assert series.times is not None


def test_mappings_and_lists_of_arrays_are_series_without_times() -> None:
    values = waves(3)
    read = Forecaster().read(values)
    assert {name: each.values.tolist() for name, each in read.items()} == {n: v.tolist() for n, v in values.items()}
    assert all(each.times is None for each in read.values())
    assert list(Forecaster().read(list(values.values()))) == ["1", "2", "3"]
    assert isinstance(Forecaster().read(values["s0"].tolist()), Series)


# ------------------------------------------------------------------------------------------ the parts


def test_context_leaves_windows_to_learn_from() -> None:
    assert context_rows(None, np.full(3, 960), 48, (24, 168)) == 14 * 24
    assert context_rows(None, np.array([700, 700, 300]), 48, (24, 168)) == 240
    assert context_rows(30, np.full(3, 200), 7, (7,)) == 35
    assert DirectModel(WindowSpec((24, 168), 336, 48, 24, 0.0), ()).seasons == (24, 168)
    assert set(GLOBAL) == set(LOCAL) == {"fast", "normal", "best"}


def test_thinned_residuals_give_the_same_widths() -> None:
    residuals = np.random.default_rng(0).normal(size=(9000, 5))
    found = intervals.calibrate(residuals)
    assert len(found.sizes) == intervals.MAX_RESIDUALS < found.count == 45_000
    whole = np.sort(np.abs(residuals / found.scale), axis=None)
    for level, width in zip((50.0, 80.0, 99.0), found.half_widths((50.0, 80.0, 99.0)), strict=True):
        rank = int(np.ceil((found.count + 1) * level / 100)) - 1
        assert width == pytest.approx(whole[rank] * found.scale, rel=1e-3)


def test_the_page_runs() -> None:
    """docs/forecasting.md, in a process of its own: its names must be there for who imports elman alone."""
    page = (Path(__file__).parents[1] / "docs" / "forecasting.md").read_text(encoding="utf-8")
    block, *_ = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "The combination beats" in done.stdout
