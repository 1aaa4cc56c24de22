"""`Forecaster` on one series: no effect of later values, accuracy, files, repeatability, intervals."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.forecast import DataError, Forecaster, Series, as_series, read_series
from elman.forecast.models.global_model import GlobalModel
from elman.forecast.models.local_windows import windows

QUICK = {"members": 1, "updates": 20}


def wave(rows: int = 120, season: int = 12, noise: float = 0.1) -> np.ndarray:
    """Returns a season on a linear trend, with noise."""
    time = np.arange(rows)
    return 10 + 0.05 * time + np.sin(2 * np.pi * time / season) + noise * np.random.default_rng(0).normal(size=rows)


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    months = np.arange("2015-01", "2025-01", dtype="datetime64[M]")
    return Forecaster(**QUICK).fit(wave(), time=months)


# -------------------------------------------------------------------------- no effect of later values


@pytest.mark.parametrize(("w", "cut"), [(0, 102), (1, 108), (2, 114)])
def test_later_values_do_not_change_a_window(w: int, cut: int):
    """The forecasts, baselines and MASE scale of a window are unchanged, bit for bit, if every later value changes."""
    values = wave()
    model = Forecaster(horizon=6, windows=3, **QUICK).fit(values)
    changed = values.copy()
    changed[cut:] = 1e3 * np.random.default_rng(w).normal(size=120 - cut)
    other = Forecaster(horizon=6, windows=3, **QUICK).fit(changed)
    assert other.backtest_.scales[w] == model.backtest_.scales[w]
    for name, forecasts in model.backtest_.forecasts.items():
        assert other.backtest_.forecasts[name][w].tolist() == forecasts[w].tolist(), name
    assert other.backtest_.truth[w].tolist() == changed[cut : cut + 6].tolist()


@pytest.mark.parametrize(("base_name", "lag"), [("season", 12), ("last", 1)])
def test_windows_agree_with_explicit_loops(base_name: str, lag: int):
    """Input, base and scale equal those of explicit loops."""
    z, first = wave(40), np.array([30, 34])
    x, base, scale = windows(z, first, base_name, 24, 12, 5, 4)
    for i, origin in enumerate(first):
        read = z[origin - 24 : origin]
        change = read[lag:] - read[:-lag]
        size = np.abs(change).mean() if lag == 12 else read.std()
        assert scale[i, 0] == pytest.approx(size, rel=1e-4)
        assert base[i].tolist() == [z[origin - lag + k % lag] for k in range(5)]
        level, moved = (read[lag:] - read[-12:].mean()) / read.std(), change / size
        for step in range(x.shape[1]):
            expected = np.stack([level[step : step + 4], moved[step : step + 4]], axis=1).ravel()
            assert x[i, step] == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert x.shape == (2, 24 - lag - 3, 8)


def test_forecasts_scale_with_unit_and_origin():
    """Windows are scaled by level and spread, so a series in other units gives the same forecast in these units."""
    values = wave() - 10.0
    first = Forecaster(horizon=6, windows=0, **QUICK).fit(values)
    other = Forecaster(horizon=6, windows=0, **QUICK).fit(-1e4 + 1e3 * values)
    assert other.predict() == pytest.approx(-1e4 + 1e3 * first.predict(), rel=1e-3)


# ------------------------------------------------------------------------------------------- accuracy


def test_the_network_beats_the_baselines_on_growing_seasons():
    """The amplitude of the season is proportional to the level, which grows."""
    time = np.arange(144)
    values = 100 * np.exp(0.01 * time + 0.2 * np.sin(2 * np.pi * time / 12))
    values *= np.exp(0.01 * np.random.default_rng(0).normal(size=144))
    model = Forecaster(members=1).fit(values)
    assert (model.season_, model.horizon_, len(model.backtest_)) == (12, 12, 6)
    assert model.backtest_.gain > 0.3
    assert "The network beats the best baseline" in model.verdict()
    assert model.forecast(best=True).model == "network"


def test_a_baseline_forecasts_a_random_walk():
    values = 100 + np.random.default_rng(5).normal(size=80).cumsum()
    model = Forecaster(horizon=4, season=1, **QUICK).fit(values)
    assert not model.backtest_.network_wins
    assert "better forecast here" in model.verdict()
    best = model.forecast(best=True)
    assert best.model == model.backtest_.best_baseline
    assert model.forecast().model == "network"


@pytest.mark.parametrize("cell", ["gru", "lstm", "tanh", "relu"])
def test_every_cell_gives_finite_forecasts(cell):
    assert np.isfinite(Forecaster(cell=cell, windows=0, **QUICK).fit(wave()).predict()).all()


def test_nonnegative_series_have_nonnegative_forecasts():
    values = np.maximum(0.0, np.sin(np.arange(90) * 2 * np.pi / 9)) + np.random.default_rng(0).uniform(0, 0.01, 90)
    values[::9] = 0.0
    result = Forecaster(**QUICK).fit(values).forecast()
    assert result.values.min() >= 0
    assert min(bounds.min() for bounds in result.intervals.values()) >= 0


def test_windows_of_long_series_are_thinned():
    values = wave(900)
    assert len(values) > 4 * 16 * 2  # rows than two updates of four networks can read
    model = Forecaster(horizon=2, season=1, context=4, windows=0, members=1, updates=2).fit(values)
    assert np.isfinite(model.predict()).all()


def test_a_long_series_gets_a_global_model(tmp_path):
    """The result is one Forecast with one backtest, and later values have no effect."""
    values = wave(1100, season=7)
    quick = {"horizon": 7, "windows": 2, "effort": "fast", "updates": 60, "hidden_size": 8}
    model = Forecaster(**quick).fit(values)
    assert isinstance(model.model_, GlobalModel)
    assert isinstance(model.series_, Series)
    assert (model.season_, model.backtest_.series, len(model.backtest_)) == (7, (), 2)
    assert "over 2 windows of 7 rows, better" in model.verdict()
    found = model.forecast()
    assert found.backtest is model.backtest_
    assert found.intervals[80.0].shape == (7, 2)
    assert [row["level"] for row in model.coverage()] == [80.0]  # the other window's 7 residuals are too few for 95 %
    again = elman.load(_saved(model, tmp_path)).forecast()
    assert again.values.tolist() == found.values.tolist()
    assert again.intervals[80.0].tolist() == found.intervals[80.0].tolist()
    values[-14:] = 1e3
    changed = Forecaster(**quick).fit(values)
    assert changed.backtest_.forecasts["network"][0].tolist() == model.backtest_.forecasts["network"][0].tolist()
    with pytest.raises(TypeError, match="levels: expected a list"):
        Forecaster(levels="80").fit(values)


# ------------------------------------------------------------------------------------ repeatability, files


def test_equal_seeds_give_equal_results(fitted):
    again = Forecaster(**QUICK).fit(fitted.series_)
    assert again.predict().tolist() == fitted.predict().tolist()
    assert again.backtest_.forecasts["network"].tolist() == fitted.backtest_.forecasts["network"].tolist()
    assert Forecaster(seed=1, **QUICK).fit(fitted.series_).predict().tolist() != fitted.predict().tolist()


def test_saving_and_loading_keeps_all_results(fitted, tmp_path: Path):
    fitted.save(tmp_path / "m.safetensors")
    loaded = elman.load(tmp_path / "m.safetensors")
    assert loaded.get_params() == fitted.get_params()
    assert loaded.verdict() == fitted.verdict()
    assert loaded.backtest_.summary() == fitted.backtest_.summary()
    ours, theirs = fitted.forecast(), loaded.forecast()
    assert theirs.to_dict() == ours.to_dict()
    assert theirs.labels[:2] == ["2025-01", "2025-02"]
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()


def _saved(model: Forecaster, folder: Path) -> Path:
    model.save(folder / "m.safetensors")
    return folder / "m.safetensors"


def test_forecast_from_another_history(fitted):
    months = np.arange("2015-01", "2025-04", dtype="datetime64[M]")
    longer = as_series(wave(123), time=months)
    result = fitted.forecast(history=longer)
    assert result.labels[0] == "2025-04"
    assert result.values.tolist() == fitted.predict(history=longer).tolist()
    assert fitted.predict(history=longer.head(120)).tolist() == fitted.predict().tolist()
    with pytest.raises(DataError, match=r"history: expected at least \d+ rows to forecast from, got 5"):
        fitted.predict(history=longer.head(5))


def test_a_shorter_horizon_gives_the_first_rows(fitted):
    assert fitted.predict(horizon=3).tolist() == fitted.predict()[:3].tolist()
    with pytest.raises(TypeError, match=r"history: expected rows to forecast from, got 3; .* say horizon=3"):
        fitted.predict(3)
    assert fitted.forecast(horizon=3).intervals[80.0].tolist() == fitted.forecast().intervals[80.0][:3].tolist()


def test_rows_past_the_trained_horizon_are_recursive(fitted):
    """They equal a forecast from the history followed by the forecasts of the first rows."""
    longer = fitted.forecast(horizon=30)
    assert (len(longer), longer.recursive_steps, fitted.forecast(horizon=12).recursive_steps) == (30, 18, 0)
    assert longer.to_dict()["recursive_steps"] == 18
    first = fitted.predict()
    assert longer.values[:12].tolist() == first.tolist()
    again = fitted.series_.with_forecasts(first)
    assert longer.values[12:24].tolist() == fitted.predict(history=again).tolist()
    assert longer.labels[12] == again.labels_ahead(1)[0]
    width = np.ptp(
        np.log(longer.intervals[80.0]) if fitted.model_.configuration.boxcox_lambda == 0 else longer.intervals[80.0],
        axis=1,
    )
    assert (np.diff(width) >= -1e-12).all()


# -------------------------------------------------------------------------------------------- intervals


def test_intervals_are_nested_around_the_forecast(fitted):
    assert fitted.levels_ == (80.0, 95.0)
    bands = fitted.predict_interval()
    inner, outer = bands[80.0], bands[95.0]
    assert (outer[:, 0] <= inner[:, 0]).all()
    assert (inner[:, 0] < fitted.predict()).all()
    assert (fitted.predict() < inner[:, 1]).all()
    assert (inner[:, 1] <= outer[:, 1]).all()
    assert list(fitted.predict_interval([50])) == [50.0]
    with pytest.raises(
        ValueError, match=r"levels: an interval of 99 % needs at least 99 backtest residuals, there are 72"
    ):
        fitted.predict_interval([99])


def test_levels_need_enough_residuals():
    with pytest.raises(ValueError, match=r"95 % needs at least 19 backtest residuals, there are 12"):
        Forecaster(horizon=2, levels=(80, 95), **QUICK).fit(wave())
    model = Forecaster(horizon=2, **QUICK).fit(wave())  # default levels with enough residuals
    assert model.levels_ == (80.0,)


def test_without_windows_there_are_no_intervals():
    model = Forecaster(windows=0, **QUICK).fit(wave())
    assert model.backtest_ is None
    assert dict(model.forecast().intervals) == {}
    with pytest.raises(ValueError, match=r"windows: expected at least 1 for intervals and a verdict, got 0"):
        model.verdict()
    with pytest.raises(ValueError, match="80 % needs at least 4 backtest residuals, there are 0"):
        Forecaster(windows=0, levels=(80,), **QUICK).fit(wave())


def test_another_backtest_does_not_change_the_forecaster(fitted):
    before = fitted.forecast().to_dict()
    assert fitted.backtest() is fitted.backtest_
    assert len(fitted.backtest(2)) == 2
    assert fitted.backtest(2).forecasts["network"].tolist() == fitted.backtest_.forecasts["network"][-2:].tolist()
    assert fitted.forecast().to_dict() == before


# ---------------------------------------------------------------------------------------------- outputs


def test_write_csv(fitted, tmp_path: Path):
    result = fitted.forecast()
    path = result.write_csv(tmp_path / "out.csv")
    header, *rows = csv.reader(path.read_text("utf-8").splitlines())
    assert header == ["time", "value", "lower_80", "upper_80", "lower_95", "upper_95"]
    assert [row[0] for row in rows] == result.labels == [str(m) for m in np.arange("2025-01", "2026-01", dtype="M8[M]")]
    assert [float(row[1]) for row in rows] == pytest.approx(result.values.tolist())
    assert read_series(path, target="value").values == pytest.approx(result.values)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        result.write_csv(tmp_path / "nowhere" / "out.csv")
