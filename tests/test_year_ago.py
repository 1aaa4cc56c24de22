"""The baseline that repeats what was a year ago, and the year among the features of the dates."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman import Forecaster
from elman.forecast.evaluation.baselines import ALWAYS, RULES, YEAR_AGO, baselines, rows_ago
from elman.series.calendar import Calendar

DAY = 86_400_000_000
QUICK = {"models": "network", "updates": 20, "members": 1, "hidden_size": 4, "effort": "fast"}


def daily(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = 10 * np.cos(2 * np.pi * np.arange(rows) / 365.2425) + rng.normal(size=rows)
    return values + np.resize([0.0, 0, 0, 0, 0, 4, 4], rows), np.datetime64("2019-01-01") + np.arange(rows)


@pytest.mark.parametrize(
    ("calendar", "season", "rows"),
    [
        (Calendar("us", DAY), 7, 364),
        (Calendar("us", DAY), 1, 365),
        (Calendar("us", 7 * DAY), 1, 52),
        (Calendar("us", 7 * DAY), 52, None),  # the seasonal naive forecast is the same
        (Calendar("us", DAY // 24), 24, 8760),
        (Calendar("us", DAY // 24), 168, 8736),
        (Calendar("weekday"), 5, 260),
        (Calendar("month"), 12, None),
        (None, 7, None),
    ],
)
def test_how_many_rows_ago_a_year_was(calendar: Calendar | None, season: int, rows: int | None) -> None:
    assert rows_ago(calendar, season) == rows


def test_the_same_day_a_year_ago() -> None:
    values = np.arange(500.0)
    found = baselines(values, 3, 7, 364)
    assert list(found) == list(RULES) == [*ALWAYS, YEAR_AGO]
    assert found[YEAR_AGO].tolist() == [136, 137, 138]
    assert (
        baselines(values[:300], 3, 7, 364)[YEAR_AGO].tolist()
        == baselines(values[:300], 3, 7)["seasonal naive"].tolist()
    )
    assert list(baselines(values, 3, 7)) == list(ALWAYS)


def test_a_backtest_has_it_where_a_year_was_seen(tmp_path) -> None:
    values, times = daily(1000)
    model = Forecaster(horizon=60, season=7, windows=3, **QUICK).fit(values, time=times)
    backtest = model.backtest_
    assert backtest is not None
    assert list(backtest.forecasts) == ["network", *RULES]
    first = backtest.starts[0]
    np.testing.assert_array_equal(backtest.forecasts[YEAR_AGO][0], values[first - 364 : first - 304])
    assert backtest.best_baseline == YEAR_AGO
    assert model.model_.inputs.calendar == ("year",)
    forecast = model.forecast(best=True)
    if forecast.model == YEAR_AGO:
        np.testing.assert_array_equal(forecast.values, values[1000 - 364 : 1000 - 304])
    model.save(tmp_path / "days.safetensors")
    again = elman.load(tmp_path / "days.safetensors")
    assert again.backtest_ is not None
    assert list(again.backtest_.forecasts) == ["network", *RULES]
    np.testing.assert_array_equal(again.predict(), model.predict())


def test_elsewhere_it_is_left_out() -> None:
    values, times = daily(350)
    short = Forecaster(horizon=14, season=7, windows=1, **QUICK).fit(values, time=times)
    assert short.backtest_ is not None
    assert list(short.backtest_.forecasts) == ["network", *ALWAYS]
    assert short.model_.inputs.calendar == ()
    values, _ = daily(1000)
    undated = Forecaster(horizon=14, season=7, windows=1, **QUICK).fit(values)
    assert undated.backtest_ is not None
    assert list(undated.backtest_.forecasts) == ["network", *ALWAYS]


def test_features_of_the_dates_are_those_asked_for() -> None:
    values, times = daily(1000)
    assert Forecaster(horizon=7, windows=0, calendar=[], **QUICK).fit(values, time=times).model_.inputs.calendar == ()
    found = Forecaster(horizon=7, windows=0, calendar=["month"], **QUICK).fit(values, time=times)
    assert found.model_.inputs.calendar == ("month",)
