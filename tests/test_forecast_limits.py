"""`Forecaster` on one series: bad options and data, the shortest series, extreme values, failed trainings."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from forecast_series import wave

from elman.forecast import DataError, Forecaster, Series, as_series
from elman.forecast.evaluation.folds import cut as trained
from elman.forecast.models.efforts import LOCAL
from elman.forecast.models.local_model import Split, train_local
from elman.forecast.models.local_windows import context_rows, min_rows

QUICK: dict[str, Any] = {"models": "network", "members": 1, "updates": 20}


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    months = np.arange("2015-01", "2025-01", dtype="datetime64[M]")
    return Forecaster(**QUICK).fit(wave(), time=months)


def test_error_for_too_few_rows():
    with pytest.raises(DataError, match=r"20 rows are too few to forecast 12 with season 1: \d+ are needed; give more"):
        Forecaster(horizon=12, season=1, **QUICK).fit(wave(20))
    with pytest.raises(DataError, match=r"give more rows, or a horizon \(--horizon\) of at most 2"):
        Forecaster(horizon=12, season=12, **QUICK).fit(wave(24))
    need = min_rows(4, 1) + 4
    Forecaster(horizon=4, season=1, **QUICK).fit(wave(need))
    with pytest.raises(DataError, match=f"{need - 1} rows are too few to forecast 4 with season 1: {need} are needed"):
        Forecaster(horizon=4, season=1, **QUICK).fit(wave(need - 1))


@pytest.mark.parametrize(("horizon", "season"), [(1, 1), (1, 12), (12, 12), (5, 3), (3, 7)])
def test_the_shortest_series_can_be_fitted(horizon, season):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Forecaster(horizon=horizon, season=season, **QUICK).fit(wave(min_rows(horizon, season) + horizon))
    assert len(model.backtest_) == 1
    assert np.isfinite(model.predict()).all()


@pytest.mark.parametrize("season", [1, 2, 3, 7, 12, 59])
@pytest.mark.parametrize("horizon", [1, 2, 5, 12, 48, 119])
def test_min_rows_is_the_smallest_number_with_a_context(horizon, season):
    rows = min_rows(horizon, season)
    least = season + 1 if season > 1 else 3
    assert trained(rows, horizon) - horizon - 2 >= least
    assert rows == 2 * horizon or trained(rows - 1, horizon) - horizon - 2 < least


def test_a_season_that_begins_late():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=40).cumsum(), 10 * np.sin(np.arange(60) * 2 * np.pi / 12)])
    model = Forecaster(horizon=8, **QUICK).fit(values)
    assert np.isfinite(model.backtest_.forecasts["network"]).all()


def test_context_rows_of_a_local_model():
    assert context_rows(None, 144, 12, 12) == 24
    assert context_rows(30, 144, 12, 12) == 30
    with pytest.raises(ValueError, match="context: expected a whole number of at least 13, got 12"):
        context_rows(12, 144, 12, 12)
    with pytest.raises(DataError, match="context: 140 rows are too many for 144 rows and horizon 12; at most 102"):
        context_rows(140, 144, 12, 12)
    recipe = replace(LOCAL["normal"], members=1, updates=2)
    split = Split(Series(wave(144)), 120, 12, np.random.SeedSequence(0))
    (model,) = train_local([split], 12, 90, recipe, 4)
    assert model.context == 90


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"horizon": 0}, ValueError, r"horizon: expected a whole number in \[1, 1000000\], got 0"),
        ({"horizon": 1.5}, TypeError, "horizon: expected a whole number"),
        ({"season": 0}, ValueError, "season: expected a whole number of at least 1, got 0"),
        ({"windows": -1}, ValueError, r"windows: expected a whole number in \[0, 10000\], got -1"),
        ({"levels": (120,)}, ValueError, "levels: expected a finite number"),
        ({"cell": "rnn"}, ValueError, "cell: expected one of 'tanh', 'relu', 'gru', 'lstm', got 'rnn'"),
        ({"hidden_size": 0}, ValueError, "hidden_size: expected"),
        ({"members": 0}, ValueError, "members: expected"),
        ({"updates": 0}, ValueError, "updates: expected"),
        ({"seed": -1}, ValueError, "seed: expected"),
        ({"missing": "drop"}, ValueError, "missing: expected one of 'error', 'interpolate'"),
        # more than a machine can do is refused as fast
        ({"horizon": 10**9}, ValueError, r"horizon: expected a whole number in \[1, 1000000\], got 1000000000"),
        ({"horizon": 10**6}, DataError, r"120 rows are too few to forecast 1000000; expected at most 600"),
        (
            {"horizon": 10**6, "models": "network"},
            DataError,
            r"120 rows are too few to forecast 1000000 .* at most \d+",
        ),
        (
            {"season": 10**9, "models": "network"},
            DataError,
            "with season 1000000000: 1250000.* give more rows, or a shorter season",
        ),
        ({"season": (24, 240_000_000), "models": "network"}, DataError, "season 240000000"),
        ({"context": 10**9}, DataError, "context: 1000000000 rows are too many for"),
        ({"windows": 10**9}, ValueError, "windows: expected a whole number"),
        ({"hidden_size": 10**9}, ValueError, r"hidden_size: expected a whole number in \[1, 4096\]"),
        ({"members": 10**9}, ValueError, "members: expected"),
        ({"updates": 10**9}, ValueError, "updates: expected"),
        ({"skip_seasons": 10**9}, ValueError, "skip_seasons: expected"),
        ({"skip_seasons": 900}, DataError, "skip_seasons: 900 seasons are more than the .* that a window reads"),
        ({"seed": 10**30}, ValueError, "seed: expected"),
        ({"levels": tuple(np.linspace(1, 99, 1000))}, ValueError, "levels: expected at most 100 percentages, got 1000"),
    ],
)
def test_bad_options_are_refused_in_fit(options, error, message):
    with pytest.raises(error, match=message):
        Forecaster(**options).fit(wave())


def test_largest_horizon_of_a_forecast(fitted):
    """1000 horizons, and nothing runs without end."""
    with pytest.raises(ValueError, match=r"horizon: expected a whole number in \[1, 12000\], got 1000000000"):
        fitted.predict(horizon=10**9)


def test_estimator_interface():
    model = Forecaster(horizon=3)
    assert model.get_params()["horizon"] == 3
    assert model.set_params(horizon=4, seed=2).horizon == 4
    assert repr(model) == "Forecaster(horizon=4, seed=2)"
    with pytest.raises(ValueError, match="params: expected one of 'horizon'"):
        model.set_params(horizons=3)
    with pytest.raises(RuntimeError, match="expected fit to be called before"):
        model.predict()
    with pytest.raises(DataError, match="index 3: the value is missing"):
        model.fit([1, 2, 3, np.nan, 5])


def test_a_series_is_fitted_without_a_copy(fitted):
    assert isinstance(fitted.series_, Series)
    assert Forecaster(**QUICK).fit(fitted.series_).series_ is fitted.series_


@pytest.mark.parametrize("size", [1e-98, 1e99])
def test_extreme_units(size):
    result = Forecaster(horizon=3, **QUICK).fit(size * (wave(60) - 10)).forecast()
    assert result.values / size == pytest.approx(Forecaster(horizon=3, **QUICK).fit(wave(60) - 10).predict(), rel=1e-3)
    with pytest.raises(DataError, match=r"are outside 1e-100 to 1e\+100; use another unit"):
        as_series(size**2 * wave())


def test_mostly_constant_values():
    values = np.zeros(80)
    values[[7, 30, 31, 55, 70]] = [1, 3, 1, 2, 1]
    result = Forecaster(horizon=4, season=1, **QUICK).fit(values).forecast()
    assert np.abs(result.values).max() < 10
