"""Baselines: forecasting rules without training (Hyndman and Athanasopoulos, Forecasting, section 5.2)."""

from __future__ import annotations

import numpy as np

from elman.series.limits import LARGEST_FORECAST, SMALLEST
from elman.series.season import autocorrelation

__all__ = ["NAIVE2", "RULES", "baselines", "drift", "naive", "naive2", "seasonal_naive"]

NAIVE2 = "naive 2"  # the baseline that OWA is relative to
RULES = ("naive", "seasonal naive", "drift", NAIVE2)


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
    half = season // 2
    weights = np.ones(2 * half + 1) / season
    if season % 2 == 0:
        weights[[0, -1]] /= 2.0
    trend = np.convolve(values, weights, "valid")
    ratios = values[half : half + len(trend)] / trend
    phase = (half + np.arange(len(trend))) % season
    index = np.bincount(phase, ratios, season) / np.bincount(phase, minlength=season)
    index /= index.mean()
    index = np.maximum(index, SMALLEST)
    last = values[-1] / index[(len(values) - 1) % season]
    return last * index[(len(values) + np.arange(horizon)) % season]


def baselines(values: np.ndarray, horizon: int, season: int) -> dict[str, np.ndarray]:
    """Returns the forecasts (horizon,) of all baselines by name; with season 1 "seasonal naive" equals "naive"."""
    forecasts = (
        naive(values, horizon),
        seasonal_naive(values, horizon, season),
        drift(values, horizon),
        np.clip(naive2(values, horizon, season), -LARGEST_FORECAST, LARGEST_FORECAST),
    )
    return dict(zip(RULES, forecasts, strict=True))
