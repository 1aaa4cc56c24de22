"""States before the first row from which the search for the best ones begins (Hyndman et al. 2008, section 2.6.1)."""

from __future__ import annotations

import numpy as np

from elman.core.smoothing import Smoothing
from elman.forecast.smoothing.decomposition import seasonal_indices
from elman.forecast.smoothing.rows import Rows, line

__all__ = ["initial_states"]


def initial_states(form: Smoothing, rows: Rows, season: int) -> np.ndarray:
    """Returns the level, the trend and the seasons before row 0 of each series, (n, 2 + m); m = 0 without a season.

    The seasons are those of the classical decomposition. Level and trend are those of a straight line through the first
    two seasons of the seasonally adjusted values, or 10 rows where these are more; without a trend, their mean.
    """
    n, m = len(rows.y), season if form.season else 0
    y, index = rows.y, np.zeros((n, m))
    if m:
        index = seasonal_indices(rows, m, form.season == "multiplicative")
        repeated = np.resize(np.arange(m), y.shape[1])
        y = y / index[:, repeated] if form.season == "multiplicative" else y - index[:, repeated]
    early = y[:, : max(10, 2 * m)]
    early = np.where(np.isnan(early).all(axis=1, keepdims=True), np.nanmean(y, axis=1, keepdims=True), early)
    if form.trend is None:
        level, slope = np.nanmean(early, axis=1), np.zeros(n)
    else:
        first, slope = line(early)
        level = first - slope
        if form.positive:  # the first forecasts must be above zero
            low = 0.1 * np.nanmean(early, axis=1)
            rising = level < low
            level, slope = np.where(rising, low, level), np.where(rising & (slope < 0.0), 0.0, slope)
    return np.column_stack([level, slope, index])
