"""The forecaster: no look past a cut, what it can learn, files, bits, intervals, options, what it refuses."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forecast_series import wave

import elman
from elman.forecast import DataError, Forecaster, ForecastWarning, Series, as_series, read_series
from elman.forecast.models.global_model import GlobalModel
from elman.forecast.models.local_windows import windows

QUICK: dict[str, Any] = {"models": "network", "members": 1, "updates": 20}


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    months = np.arange("2015-01", "2025-01", dtype="datetime64[M]")
    return Forecaster(**QUICK).fit(wave(), time=months)


# ---------------------------------------------------------------------------------- what it may look at


@pytest.fixture(scope="module")
def of_six_rows() -> Forecaster:
    return Forecaster(horizon=6, windows=3, **QUICK).fit(wave())


@pytest.mark.parametrize(("w", "cut"), [(0, 102), (1, 108), (2, 114)])
def test_no_scored_value_touches_anything_else(w: int, cut: int, of_six_rows: Forecaster):
    """A window's forecasts, baselines and unit of MASE stay the same, bit for bit, when every later value changes."""
    changed = wave()
    changed[cut:] = 1e3 * np.random.default_rng(w).normal(size=120 - cut)
    found = Forecaster(horizon=6, windows=3, **QUICK).fit(changed).backtest_
    wanted = of_six_rows.backtest_
    assert found.scales[w] == wanted.scales[w]
    at = {name: forecasts[w].tolist() for name, forecasts in found.forecasts.items()}
    assert at == {name: forecasts[w].tolist() for name, forecasts in wanted.forecasts.items()}
    assert found.truth[w].tolist() == changed[cut : cut + 6].tolist()


@pytest.mark.parametrize("base_of", ["season", "last"])
@pytest.mark.parametrize(("i", "origin"), [(0, 30), (1, 34)])
def test_a_window_holds_what_it_should(base_of: str, i: int, origin: int):
    """x, base and scale beside loops written out."""
    z, lag = wave(40), 12 if base_of == "season" else 1
    x, base, scale = windows(z, np.array([30, 34]), base_of, 24, 12, 5, 4)
    read = z[origin - 24 : origin]
    change = read[lag:] - read[:-lag]
    size = np.abs(change).mean() if lag == 12 else read.std()
    assert scale[i, 0] == pytest.approx(size, rel=1e-4)
    assert base[i].tolist() == [z[origin - lag + k % lag] for k in range(5)]
    level, moved = (read[lag:] - read[-12:].mean()) / read.std(), change / size
    steps = range(24 - lag - 3)
    expected = [np.stack([level[step : step + 4], moved[step : step + 4]], axis=1).ravel() for step in steps]
    assert x[i] == pytest.approx(np.array(expected), rel=1e-3, abs=1e-4)


def test_the_same_answer_for_another_unit_and_origin():
    """Level and scale are taken out per window: a series in other units gives the same forecast in those units."""
    values = wave() - 10.0
    first = Forecaster(horizon=6, windows=0, **QUICK).fit(values)
    other = Forecaster(horizon=6, windows=0, **QUICK).fit(-1e4 + 1e3 * values)
    assert other.predict() == pytest.approx(-1e4 + 1e3 * first.predict(), rel=1e-3)


# -------------------------------------------------------------------------------------- what it can do


def test_it_learns_what_no_baseline_knows():
    """Growing seasons: the season's swing is a share of the level, the level grows."""
    time = np.arange(144)
    values = 100 * np.exp(0.01 * time + 0.2 * np.sin(2 * np.pi * time / 12))
    values *= np.exp(0.01 * np.random.default_rng(0).normal(size=144))
    model = Forecaster(models="network", members=1).fit(values)
    assert (model.season_, model.horizon_, len(model.backtest_)) == (12, 12, 6)
    assert model.backtest_.gain > 0.3
    assert "The network beats the best baseline" in model.verdict()
    assert model.forecast(best=True).model == "network"


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_a_random_walk_is_hardly_forecast_better_than_by_the_baseline(seed: int):
    """Luck is allowed, but not much of it."""
    values = 100 + np.random.default_rng(seed).normal(size=80).cumsum()
    assert Forecaster(horizon=4, season=1, **QUICK).fit(values).backtest_.gain < 0.02


def test_where_the_last_value_is_right_the_network_is_not_told_to_be_better():
    """A random walk that stops before the windows: whatever a network forecasts, the last value has no error there."""
    values = 100 + np.random.default_rng(5).normal(size=80).cumsum()
    values[50:] = values[50]
    model = Forecaster(horizon=4, season=1, windows=3, **QUICK).fit(values)
    assert model.backtest_.best_baseline == "naive"
    assert model.backtest_.outcome in ("naive", "about equal")
    assert model.forecast(best=True).model == "naive"
    assert model.forecast().model == "network"


@pytest.mark.parametrize("cell", ["gru", "lstm", "tanh", "relu"])
def test_every_cell(cell):
    assert np.isfinite(Forecaster(cell=cell, windows=0, **QUICK).fit(wave()).predict()).all()


def test_what_was_never_negative_is_not_forecast_to_be():
    values = np.maximum(0.0, np.sin(np.arange(90) * 2 * np.pi / 9)) + np.random.default_rng(0).uniform(0, 0.01, 90)
    values[::9] = 0.0
    result = Forecaster(**QUICK).fit(values).forecast()
    assert result.values.min() >= 0
    assert min(bounds.min() for bounds in result.intervals.values()) >= 0


def test_long_series_are_thinned_not_refused():
    values = wave(900)
    assert len(values) > 4 * 16 * 2  # rows than two updates of four networks can read
    model = Forecaster(horizon=2, season=1, context=4, windows=0, members=1, updates=2).fit(values)
    assert np.isfinite(model.predict()).all()


def test_a_long_series_is_learned_from_as_many_are(tmp_path):
    """One series still: a Forecast, one backtest; the model that pools windows, and nothing seen past the cut."""
    values = wave(1100, season=7)
    quick = {"models": "network", "horizon": 7, "windows": 2, "effort": "fast", "updates": 60, "hidden_size": 8}
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


# ------------------------------------------------------------------------------------ the same again


def test_the_same_seed_gives_the_same_bits(fitted):
    again = Forecaster(**QUICK).fit(fitted.series_)
    assert again.predict().tolist() == fitted.predict().tolist()
    assert again.backtest_.forecasts["network"].tolist() == fitted.backtest_.forecasts["network"].tolist()
    assert Forecaster(seed=1, **QUICK).fit(fitted.series_).predict().tolist() != fitted.predict().tolist()


def test_saved_and_loaded(fitted, tmp_path: Path):
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


def test_another_history(fitted):
    months = np.arange("2015-01", "2025-04", dtype="datetime64[M]")
    longer = as_series(wave(123), time=months)
    result = fitted.forecast(history=longer)
    assert result.labels[0] == "2025-04"
    assert result.values.tolist() == fitted.predict(history=longer).tolist()
    assert fitted.predict(history=longer.head(120)).tolist() == fitted.predict().tolist()
    with pytest.raises(DataError, match=r"history: expected at least \d+ rows to forecast from, got 5"):
        fitted.predict(history=longer.head(5))


def test_shorter_horizons_are_the_beginning(fitted):
    assert fitted.predict(horizon=3).tolist() == fitted.predict()[:3].tolist()
    with pytest.raises(TypeError, match=r"history: expected rows to forecast from, got 3; .* say horizon=3"):
        fitted.predict(3)
    assert fitted.forecast(horizon=3).intervals[80.0].tolist() == fitted.forecast().intervals[80.0][:3].tolist()


def test_a_horizon_past_the_trained_one_is_rolled_forward_and_told(fitted):
    """The rows past it are those of a forecast from the history with the first rows' forecasts behind it."""
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


def test_intervals(fitted):
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


def test_a_level_without_enough_residuals_is_refused_before_the_work():
    with pytest.raises(ValueError, match=r"95 % needs at least 19 backtest residuals, there are 12"):
        Forecaster(horizon=2, levels=(80, 95), **QUICK).fit(wave())
    model = Forecaster(horizon=2, **QUICK).fit(wave())  # not asked for: the usual ones that can be had
    assert model.levels_ == (80.0,)


def test_without_windows_there_is_no_interval_and_no_verdict():
    model = Forecaster(windows=0, **QUICK).fit(wave())
    assert model.backtest_ is None
    assert dict(model.forecast().intervals) == {}
    with pytest.raises(ValueError, match=r"windows: expected at least 1 for intervals and a verdict, got 0"):
        model.verdict()
    with pytest.raises(ValueError, match="80 % needs at least 4 backtest residuals, there are 0"):
        Forecaster(windows=0, levels=(80,), **QUICK).fit(wave())


def test_another_backtest_leaves_the_forecaster_alone(fitted):
    before = fitted.forecast().to_dict()
    assert fitted.backtest() is fitted.backtest_
    assert len(fitted.backtest(2)) == 2
    assert fitted.backtest(2).forecasts["network"].tolist() == fitted.backtest_.forecasts["network"][-2:].tolist()
    assert fitted.forecast().to_dict() == before


# ---------------------------------------------------------------------------------------------- outputs


def test_the_table_and_its_file(fitted, tmp_path: Path):
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


# ---------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("head", ["median", "quantiles", "gaussian"])
def test_a_network_whose_training_fails_repeats_the_last_season(head: str, monkeypatch: pytest.MonkeyPatch):
    """The forecast stands, as the baseline that it then is, and a warning says so once."""

    def fails(self: elman.Trainer, *_: object, **__: object) -> None:
        self.network.theta[...] = np.nan
        raise elman.TrainingError(1, 1, np.nan, np.nan)

    monkeypatch.setattr(elman.Trainer, "fit", fails)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        model = Forecaster(
            models="network", horizon=6, season=12, boxcox_lambda=1, effort="fast", distribution=head
        ).fit(wave())
    assert len({str(warning.message) for warning in told}) == 1
    assert all(warning.category is ForecastWarning for warning in told)
    assert not model.backtest_.wins
    found, season, last = model.predict(), wave()[-12:-6], np.full(6, wave()[-1])
    if head == "gaussian":  # it draws around one of these
        assert min(np.abs(found - season).max(), np.abs(found - last).max()) < 1.0
    else:
        assert tuple(found) in {tuple(season), tuple(last)}
