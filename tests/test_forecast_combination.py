"""Forecasts that combine a network with statistical models: what they are made of, for series of any length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import elman
from elman import Forecaster
from elman.forecast.combination import strategy
from elman.forecast.combination.members import MEMBERS
from elman.series.errors import DataError
from elman.series.notes import DataNotice
from tests.forecast_series import wave, waves

QUICK: dict[str, Any] = {"effort": "fast", "members": 1, "updates": 20}


@pytest.fixture(scope="module")
def many() -> Forecaster:
    return Forecaster(horizon=7, windows=3, **QUICK).fit(waves())


def test_a_forecast_is_the_weighted_mean_of_its_members(many: Forecaster):
    prediction, members = many.model_.predict_with_members(many.series_)
    for i, (id, weights) in enumerate(many.chosen_.items()):
        mean = sum(weights[name] * np.nan_to_num(members[name][i]) for name in weights)
        assert many.predict()[id] == pytest.approx(mean)
        assert sum(weights.values()) == pytest.approx(1.0)
        assert prediction.values[i] == pytest.approx(mean)


def test_the_backtest_compares_with_every_member(many: Forecaster):
    found = many.backtest_
    assert found.model == "combination"
    assert (
        {"network", "exponential smoothing", "damped trend", "theta", "naive 2"}
        <= {*found.forecasts}
        <= {
            "combination",
            *MEMBERS,
        }
    )
    assert found.best_baseline not in ("combination", "network", "linear")


def test_a_scored_value_changes_no_forecast_of_its_own_position():
    """Weights of a window come from windows at other positions."""
    changed = {id: values.copy() for id, values in waves().items()}
    for values in changed.values():
        values[-7:] *= 1.5
    one, other = (Forecaster(horizon=7, windows=3, **QUICK).fit(y).backtest_ for y in (waves(), changed))
    last = [max(places, key=lambda w: one.starts[w]) for places in one.places.values()]
    for name in one.forecasts:
        assert np.array_equal(one.forecasts[name][last], other.forecasts[name][last], equal_nan=True)


@pytest.mark.parametrize("rows", [3, 4, 5, 7, 8, 11, 14, 20])
def test_short_series_are_forecast(rows: int):
    values = 50 + np.random.default_rng(rows).normal(size=rows).cumsum()
    model = Forecaster(horizon=4, **QUICK).fit(values)
    found = model.forecast()
    assert np.isfinite(found.values).all()
    assert np.abs(found.values - values.mean()).max() < 10 * np.ptp(values)
    assert all(np.isfinite(each).all() for each in found.intervals.values())
    if rows < 7:
        assert model.backtest_ is None
        assert found.intervals == {}
        with pytest.raises(DataError, match="too short for a backtest window of 4 rows"):
            model.verdict()


def test_two_rows_are_refused():
    with pytest.raises(DataError, match="2 rows are too few to forecast: 3 are needed"):
        Forecaster(**QUICK).fit([1.0, 2.0])


def test_short_series_beside_long_ones_keep_their_places():
    panel = {**waves(), "short": np.array([4.0, 5.0, 4.5, 5.5]), "middle": waves()["s0"][:18]}
    with pytest.warns(DataNotice, match="1 of 8 series, 'short' first, hold less than two seasons of 7 rows"):
        model = Forecaster(horizon=7, season=7, windows=2, **QUICK).fit(panel)
    assert model.skipped_ == {}
    assert list(model.predict()) == list(panel)
    assert model.chosen_["short"]["network"] == 0.0
    assert "short" not in model.backtest_.places


def test_a_season_of_which_there_are_not_two_is_told():
    with pytest.warns(DataNotice, match="season: the rows hold less than two seasons of 50 rows"):
        Forecaster(season=50, horizon=5, **QUICK).fit(wave(60))


def test_it_is_saved_and_updated(many: Forecaster, tmp_path: Any):
    many.save(tmp_path / "many.safetensors")
    again = elman.load(tmp_path / "many.safetensors")
    for id, values in many.predict().items():
        assert np.array_equal(again.predict()[id], values)
    assert again.chosen_ == many.chosen_
    newer = {id: values[-1:] for id, values in waves().items()}
    assert {len(each) for each in again.update(newer, updates=2).predict().values()} == {7}


@pytest.mark.parametrize("models", ["theta", ("drift", "theta"), ["exponential smoothing"]])
def test_models_by_name(models: Any):
    model = Forecaster(horizon=6, windows=2, models=models, **QUICK).fit(wave())
    assert {*model.chosen_} == ({models} if isinstance(models, str) else {*models})
    assert model.model_.network is None
    if isinstance(models, str):
        _, members = model.model_.predict_with_members({"y": model.series_})
        assert model.predict() == pytest.approx(np.maximum(members[models][0], 0.0))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"models": "oracle"}, ValueError, "models: expected one of .*, got 'oracle'"),
        ({"models": ()}, TypeError, "models: expected some of network, "),
        ({"models": 3}, TypeError, "models: expected some of network, "),
        ({"models": "theta", "distribution": "quantiles"}, ValueError, "models: expected 'network' for distribution"),
    ],
)
def test_models_that_cannot_be_combined(options: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        Forecaster(**options).fit(wave())


def test_a_straight_line_goes_on():
    model = Forecaster(horizon=4, season=1, **QUICK).fit(10.0 + 3.0 * np.arange(60))
    assert model.predict() == pytest.approx(10.0 + 3.0 * np.arange(60, 64), rel=1e-3)


def test_missing_values_are_no_evidence():
    values = wave()
    values[[10, 50, 110]] = np.nan
    found = Forecaster(horizon=6, missing="mask", **QUICK).fit(values)
    assert np.isfinite(found.predict()).all()


def test_widths_follow_each_series():
    rng = np.random.default_rng(3)
    panel = {f"{k}": 100.0 + (10.0 if k % 2 else 1.0) * rng.normal(size=80).cumsum() for k in range(12)}
    found = Forecaster(horizon=6, season=1, windows=4, **QUICK).fit(panel).forecast(levels=(80,))
    width = {id: np.diff(each.intervals[80.0]).ravel() for id, each in found.items()}
    wide = np.mean([width[str(k)] for k in range(1, 12, 2)], axis=0)
    narrow = np.mean([width[str(k)] for k in range(0, 12, 2)], axis=0)
    assert (wide > 5.0 * narrow).all()
    assert wide[5] / wide[0] == pytest.approx(np.sqrt(6.0), rel=0.35)  # random walks


def test_windows_of_a_long_horizon_overlap_where_two_years_are_known():
    rng = np.random.default_rng(0)
    rows = 4 * 365 + 1
    values = 15 + 10 * np.cos(2 * np.pi * np.arange(rows) / 365.25) + rng.normal(size=rows)
    time = np.datetime64("2020-01-01") + np.arange(rows)
    names = ("damped trend", "seasonal mean", "naive", "year ago")
    model = Forecaster(horizon=365, models=names).fit(values, time=time)
    starts = np.array(model.backtest_.starts)
    assert len(starts) == 10
    assert starts.min() >= 2 * 365
    assert starts.max() == rows - 365
    true = 15 + 10 * np.cos(2 * np.pi * np.arange(rows, rows + 365) / 365.25)
    assert np.abs(model.predict() - true).mean() < 0.5


def test_of_thousands_of_series_two_windows_are_enough(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    panel = {f"s{i}": 50 + rng.normal(size=60).cumsum() for i in range(24)}
    options = {"horizon": 2, "models": ("damped trend", "naive")}
    assert len(Forecaster(**options).fit(panel).backtest_) == 6 * 24
    monkeypatch.setattr(strategy, "ENOUGH", 72)
    assert len(Forecaster(**options).fit(panel).backtest_) == 3 * 24
    monkeypatch.setattr(strategy, "ENOUGH", 10)
    assert len(Forecaster(**options).fit(panel).backtest_) == 2 * 24
