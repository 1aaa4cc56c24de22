"""The profile of a season of a whole number of rows: what each of its rows is above or below the level around it.

A deviation is a value less the mean of the season around it. The profile at a row is a weighted mean of the deviations
one, two, ... seasons before and after it, the nearer ones weighing more where the profile moves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.series.seasonal.centred import centred_mean

__all__ = ["Profile", "deviations", "find_profile"]

RATES = (0.0, 0.05, 0.15, 0.3)  # by which the weight of a season falls with each season between; 0: all weigh the same
NEAR = 7  # seasons
CLIPPED = 4.0  # standard deviations, found robustly, to which single deviations from the profile are clipped


class Profile(NamedTuple):
    """The profile of one season in the rows of a series, and in those that follow."""

    past: np.ndarray  # (n,)
    next: np.ndarray  # (m,) of the next season
    error: float  # mean absolute error of deviations predicted from the seasons before them; NaN: none were
    without: float  # the same where they are taken as 0


def deviations(values: np.ndarray, season: int) -> np.ndarray:
    """Returns the values (n,) less the centred mean over one season, NaN in half a season at either end."""
    return values - centred_mean(values, season)


def find_profile(found: np.ndarray, season: int) -> Profile:
    """Returns the profile of deviations (n,), NaN where they are not known.

    Its rate is the one of `RATES` by which deviations are predicted best from the seasons before, and its size is
    shrunk by what the noise of its means adds to it.
    """
    n = len(found)
    count = -(-n // season)
    table = np.full(count * season, np.nan)
    table[count * season - n :] = found  # the last row of the last season is the last value
    table = table.reshape(count, season)
    known = np.isfinite(table)
    if known.sum() < season:
        return Profile(np.zeros(n), np.zeros(season), np.nan, np.nan)
    table = _clipped(np.where(known, table, 0.0), known)
    errors = [_error_ahead(table, known, rate) for rate in RATES]
    rate = RATES[int(np.nanargmin(errors))] if np.isfinite(errors).any() else 0.0
    before, weight_before = _running(table, known, rate)
    after, weight_after = (each[::-1] for each in _running(table[::-1], known[::-1], rate))
    weights = np.maximum(weight_before + weight_after - known, 1e-12)
    past = (before + after - table) / weights
    ahead = before[-1] / np.maximum(weight_before[-1], 1e-12)
    left = np.where(known, table - past, 0.0)
    seen = weights[-1].mean() if rate else known.sum(axis=0).mean()
    noise = float((left**2).sum()) / max(known.sum() - season, 1) / max(seen, 1.0)
    size = float(((ahead - ahead.mean()) ** 2).sum()) / max(season - 1, 1)
    shrink = max(0.0, 1.0 - noise / size) if size > 0.0 else 0.0
    past = shrink * (past - past.mean(axis=1, keepdims=True))
    without = _error_ahead(table, known, None)
    return Profile(past.ravel()[count * season - n :], shrink * (ahead - ahead.mean()), float(min(errors)), without)


def _clipped(table: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Returns deviations (seasons, m) clipped around the medians of the nearest seasons, as many as `NEAR`."""
    if len(table) < 3:
        return table
    middle = np.array([np.median(table[known[:, k], k]) if known[:, k].any() else 0.0 for k in range(table.shape[1])])
    filled = np.where(known, table, middle)
    if len(table) >= NEAR:
        near = np.median(sliding_window_view(filled, NEAR, axis=0), axis=2)
        middle = near[np.clip(np.arange(len(table)) - NEAR // 2, 0, len(near) - 1)]
    spread = 1.4826 * float(np.median(np.abs(table - middle)[known]))
    if spread == 0.0:
        return table
    return np.where(known, np.clip(table, middle - CLIPPED * spread, middle + CLIPPED * spread), 0.0)


def _running(table: np.ndarray, known: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weighted sums of the deviations of each season and those before it, and the sums of the weights."""
    if rate == 0.0:
        return table.cumsum(axis=0), known.cumsum(axis=0, dtype=np.float64)
    sums, weights = np.zeros(table.shape), np.zeros(table.shape)
    total, weight = np.zeros(table.shape[1]), np.zeros(table.shape[1])
    for k in range(len(table)):
        total, weight = (1.0 - rate) * total + table[k], (1.0 - rate) * weight + known[k]
        sums[k], weights[k] = total, weight
    return sums, weights


def _error_ahead(table: np.ndarray, known: np.ndarray, rate: float | None) -> float:
    """Returns the mean absolute error of each season predicted from those before it, by a rate; None: by zero."""
    sums, weights = _running(table, known, rate or 0.0)
    judged = known[1:] & (weights[:-1] > 0.0)
    if not judged.any():
        return np.nan
    predicted = sums[:-1] / np.maximum(weights[:-1], 1e-12) if rate is not None else 0.0
    return float(np.abs(table[1:] - predicted)[judged].mean())
