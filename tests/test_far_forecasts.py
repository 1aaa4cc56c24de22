"""Far forecasts, of more than 96 rows: the year in what trained models read, and the windows that weights follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import Forecaster
from elman.forecast.combination.yearly import with_year, without_year
from elman.forecast.saved import CODEC
from elman.series.series import Series
from elman.series.sources import as_series

YEAR = 365.2425
QUICK: dict[str, Any] = {"effort": "fast", "members": 1, "updates": 60, "season": 7}


def days(rows: int, seed: int = 0) -> Series:
    rng = np.random.default_rng(seed)
    values = 30.0 + course(np.arange(rows)) + np.resize([0, 0, 0, 0, 0, 3, 3], rows) + rng.normal(size=rows)
    return as_series(values, time=np.datetime64("2019-01-01") + np.arange(rows))


def course(row: np.ndarray) -> np.ndarray:
    return 10.0 * np.cos(2.0 * np.pi * (row - 200.0) / YEAR)


@pytest.mark.parametrize("factors", [False, True])
def test_the_part_of_a_year_comes_back(factors: bool) -> None:
    series = days(1200)
    if factors:
        series = as_series(np.exp(series.values / 20.0), time=series.times)
    adjusted, parts = without_year({"a": series}, YEAR, {"a": 900})
    assert parts["a"].multiplicative == factors
    assert np.std(adjusted["a"].values) < 0.5 * np.std(series.values)
    back = with_year(adjusted["a"].values[None, 1000:1100], parts, ["a"], [1000])
    np.testing.assert_allclose(back[0], series.values[1000:1100], rtol=1e-9)


def test_it_is_found_in_the_rows_that_are_known() -> None:
    series = days(1200)
    changed = as_series(np.where(np.arange(1200) < 900, series.values, 0.0), time=series.times)
    one, other = (without_year({"": each}, YEAR, {"": 900})[1][""] for each in (series, changed))
    np.testing.assert_array_equal(one.ahead(300), other.ahead(300))
    kept, parts = without_year({"": days(700)}, YEAR)  # less than two years
    np.testing.assert_array_equal(kept[""].values, days(700).values)
    assert not parts[""].ahead(9).any()


def test_models_that_read_two_weeks_forecast_the_year() -> None:
    series, errors = days(1400), dict[tuple[str, bool], float]()
    for featured in (True, False):
        options: dict[str, Any] = QUICK if featured else {"calendar": [], **QUICK}
        found = Forecaster(horizon=150, models=("network", "linear"), **options).backtest(1, y=series)
        for name in ("network", "linear"):
            errors[name, featured] = float(np.abs(found.forecasts[name] - found.truth).mean())
    assert errors["network", True] < 0.5 * errors["network", False]
    assert errors["linear", True] < errors["linear", False]  # which continues a single wave by itself
    assert max(errors["network", True], errors["linear", True]) < 1.3  # of which noise is 0.8


def test_a_window_knows_no_later_row() -> None:
    series, later = days(1500), days(1500, 1)
    first = 1500 - 120
    changed = as_series(np.append(series.values[:first], later.values[first:]), time=series.times)
    forecaster = Forecaster(horizon=120, models=("network", "linear", "seasonal mean"), **QUICK)
    one, other = (forecaster.backtest(3, y=each) for each in (series, changed))
    for name in ("network", "linear", "seasonal mean"):
        np.testing.assert_array_equal(one.forecasts[name][-1], other.forecasts[name][-1])
    assert one.starts == other.starts
    assert len(one.starts) == 10
    assert one.starts[0] <= 1500 - 1500 // 5 < one.starts[-1] == first


def test_rules_that_know_no_year_have_no_say_in_a_season_ahead() -> None:
    series = days(1400)
    names = ("naive", "drift", "seasonal naive", "seasonal mean", "year ago")
    far = Forecaster(horizon=100, models=names, season=7).fit(series)
    assert {*far.chosen_} <= {"seasonal mean", "year ago"}
    assert np.abs(far.predict() - 30.0 - course(np.arange(1400, 1500))).mean() < 2.0
    assert "naive" in Forecaster(horizon=14, models=names, season=7).fit(series).chosen_
    assert "naive" in Forecaster(horizon=100, models=("naive", "drift"), season=7).fit(series).chosen_


def test_a_member_that_is_far_off_has_no_say() -> None:
    """Drift after a year of growth that ended is far off; without dates, rules are not left out by themselves."""
    rng = np.random.default_rng(0)
    values = np.concatenate([np.linspace(0, 900, 300), np.full(900, 900.0)]) + rng.normal(size=1200)
    chosen = Forecaster(horizon=100, models=("naive", "drift", "theta")).fit(values).chosen_
    assert "naive" in chosen
    assert "drift" not in chosen


def test_a_year_ago_that_nobody_saw_counts_once() -> None:
    hours = np.arange(1200)
    values = 10.0 + np.sin(2.0 * np.pi * hours / 24) + 0.3 * np.random.default_rng(0).normal(size=1200)
    dated = as_series(values, time=np.datetime64("2024-01-01T00", "h") + hours)
    names = ("seasonal naive", "theta", "year ago")
    one, other = (Forecaster(horizon=24, season=24, models=names).fit(each) for each in (dated, values))
    assert {*one.chosen_} == {*other.chosen_} == {"seasonal naive", "theta"}
    np.testing.assert_array_equal(one.predict(), other.predict())


def test_it_comes_back_from_a_file_and_older_files_have_none(tmp_path: Path) -> None:
    model = Forecaster(horizon=100, models=("linear", "seasonal mean"), windows=0, **QUICK).fit(days(1200))
    model.save(tmp_path / "days.safetensors")
    again = elman.load(tmp_path / "days.safetensors")
    assert again.model_.year == model.model_.year == YEAR
    np.testing.assert_array_equal(again.predict(), model.predict())
    earlier = CODEC.newer["combined model/1"]({"linear": None})
    assert earlier == {"linear": None, "smoothed": None, "year": None}
