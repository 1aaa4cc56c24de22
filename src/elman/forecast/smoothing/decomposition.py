"""The classical decomposition of many series into a trend and a season (Hyndman and Athanasopoulos, section 3.4), and
the test of whether there is a season."""

from __future__ import annotations

import numpy as np

from elman.forecast.smoothing.rows import Rows, filled, line
from elman.series.seasonal.centred import centred_mean

__all__ = ["LEAST_INDEX", "is_seasonal", "seasonal_indices"]

LEAST_INDEX = 0.01  # of a multiplicative season


def seasonal_indices(rows: Rows, season: int, multiplicative: bool) -> np.ndarray:
    """Returns the seasonal indices (n, season) of each series, that of row 0 first: their mean is 0, or 1.

    The trend is a moving average over one season, or a straight line where a series has less than three seasons. An
    index is the mean, over the rows of its place in the season, of the distances from the trend or the ratios to it.
    """
    y = filled(rows)
    n, steps = y.shape
    straight, slope = line(y)
    trend = straight[:, None] + slope[:, None] * np.arange(steps)
    for i in np.flatnonzero(rows.lengths >= 3 * season):
        trend[i] = centred_mean(y[i], season)
    with np.errstate(all="ignore"):
        apart = np.where(trend > 0.0, y / trend, np.nan) if multiplicative else y - trend
    neutral = 1.0 if multiplicative else 0.0
    index = np.full((n, season), neutral)
    for place in range(min(season, steps)):
        here = apart[:, place::season]
        count = (~np.isnan(here)).sum(axis=1)
        np.divide(np.nansum(here, axis=1), count, out=index[:, place], where=count > 0)
    if multiplicative:
        index = np.maximum(index / index.mean(axis=1, keepdims=True), LEAST_INDEX)
        return index / index.mean(axis=1, keepdims=True)
    return index - index.mean(axis=1, keepdims=True)


def is_seasonal(rows: Rows, season: int) -> np.ndarray:
    """Tells for each series (n,) whether its autocorrelation at a lag of one season is significant at 90 %, given those
    at shorter lags; never for a series of less than two seasons, or for a season of less than 4 rows."""
    y = filled(rows)
    found = np.zeros(len(y), bool)
    if season < 4:
        return found
    inside = np.arange(y.shape[1]) < rows.lengths[:, None]
    centred = np.where(inside, y - (np.nansum(y, axis=1) / rows.lengths)[:, None], 0.0)
    power = (centred**2).sum(axis=1)
    with np.errstate(all="ignore"):
        r = [
            (centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / power
            for lag in range(1, min(season, y.shape[1] - 1) + 1)
        ]
    if len(r) == season:
        limit = 1.6448536269514722 * np.sqrt((1.0 + 2.0 * np.square(r[:-1]).sum(axis=0)) / rows.lengths)
        found = (np.abs(r[-1]) > limit) & (rows.lengths >= 2 * season) & (power > 0.0)
    return found
