"""Baselines: forecasting rules without training (Hyndman and Athanasopoulos, Forecasting, section 5.2)."""

from __future__ import annotations

import numpy as np

from elman.series.calendar import Calendar
from elman.series.limits import LARGEST_FORECAST, SMALLEST
from elman.series.season import autocorrelation
from elman.series.seasonal.centred import centred_mean
from elman.series.seasonal.year import rows_per_year

__all__ = ["ALWAYS", "NAIVE2", "RULES", "YEAR_AGO", "baselines", "drift", "naive", "naive2", "rows_ago"]
__all__ += ["seasonal_naive"]

NAIVE2 = "naive 2"  # the baseline that OWA is relative to
YEAR_AGO = "year ago"
ALWAYS: tuple[str, ...] = ("naive", "seasonal naive", "drift", NAIVE2)
RULES = (*ALWAYS, YEAR_AGO)  # the last one where a year is no season by itself, and was seen


def naive(values: np.ndarray, horizon: int) -> np.ndarray:
    """Returns the last of the values (n,) as the forecast of every row, (horizon,)."""
    return np.full(horizon, values[-1])


def seasonal_naive(values: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Returns the last season of the values (n,), n >= season, repeated as often as needed, (horizon,)."""
    return np.resize(values[-season:], horizon)


def drift(values: np.ndarray, horizon: int) -> np.ndarray:
    """Returns the straight line through the first and the last of the values (n,), n >= 2, continued, (horizon,)."""
    slope = (values[-1] - values[0]) / (len(values) - 1)
    return values[-1] + slope * np.arange(1, horizon + 1)


def naive2(values: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Returns the Naive 2 forecast (horizon,) of values (n,), the baseline of the M4 competition.

    It is the naive forecast of the seasonally adjusted values, multiplied by the seasonal indices, which are found by
    the classical multiplicative decomposition. It equals the naive forecast where the autocorrelation at a lag of one
    season is not significant (at 90 %), where there are less than three seasons, and where a value is not above zero.
    """
    if season == 1 or len(values) < 3 * season or values.min() <= 0.0:
        return naive(values, horizon)
    r = autocorrelation(values, season)
    if abs(r[season]) <= 1.645 * np.sqrt((1.0 + 2.0 * float((r[1:season] ** 2).sum())) / len(values)):
        return naive(values, horizon)
    ratios = values / centred_mean(values, season)
    known = np.flatnonzero(np.isfinite(ratios))
    index = np.bincount(known % season, ratios[known], season) / np.bincount(known % season, minlength=season)
    index /= index.mean()
    index = np.maximum(index, SMALLEST)
    last = values[-1] / index[(len(values) - 1) % season]
    return last * index[(len(values) + np.arange(horizon)) % season]


def rows_ago(calendar: Calendar | None, season: int) -> int | None:
    """Returns how many rows ago the same time of the year was, None where a year is no season of its own (months).

    It is a whole number of seasons where there is one, so that a Monday is forecast by a Monday: 364 days.
    """
    rows = rows_per_year(calendar)
    return None if rows is None or season > rows / 2 else round(rows / season) * season


def baselines(values: np.ndarray, horizon: int, season: int, year: int | None = None) -> dict[str, np.ndarray]:
    """Returns the forecasts (horizon,) of all baselines by name; with season 1 "seasonal naive" equals "naive".

    year   how many rows ago "year ago" looks (`rows_ago`); it is the seasonal naive forecast where there are fewer.
           None: without this rule
    """
    forecasts = (
        naive(values, horizon),
        seasonal_naive(values, horizon, season),
        drift(values, horizon),
        np.clip(naive2(values, horizon, season), -LARGEST_FORECAST, LARGEST_FORECAST),
    )
    found: dict[str, np.ndarray] = dict(zip(ALWAYS, forecasts, strict=True))
    if year is not None:
        found[YEAR_AGO] = seasonal_naive(values, horizon, year if len(values) >= year else season)
    return found
