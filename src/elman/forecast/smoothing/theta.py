"""The Theta method for many series at once (Assimakopoulos and Nikolopoulos 2000; Fiorucci et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from elman.core import checks
from elman.forecast.smoothing.decomposition import LEAST_INDEX, is_seasonal, seasonal_indices
from elman.forecast.smoothing.rows import Rows, checked_series, filled, usable_season
from elman.forecast.smoothing.theta_models import KINDS, ThetaModels, lines

__all__ = ["fit_theta"]

LOWEST, HIGHEST = 0.1, 0.99  # bounds of alpha
COARSE, FINE, ROUNDS = 15, 7, 3  # alphas tried over all of the bounds, then around the best one, so many times
RIDGE = 1e-8  # keeps the level near the first value and theta near 2 where the values say nothing of them
HALF = 0.5  # 1 - 1/theta with the standard theta, 2


def fit_theta(values: Sequence[np.ndarray], season: int = 1, kinds: Sequence[str] = ("DOTM",)) -> ThetaModels:
    """Returns the Theta model of each of n series, with the least mean squared error of its one-step forecasts.

    values  n series, each (T,) of finite values, NaN where one is missing; those are drawn on straight lines
    season  rows of a season, 1 for none, which is also taken where no series has so many rows. Values are adjusted by
            the classical decomposition where the autocorrelation at this lag is significant: by division where all are
            above zero, else by subtraction
    kinds   of these the one with the least error is taken: "STM", the standard method; "OTM", theta learned; "DSTM" and
            "DOTM", the same with a line that follows the values. By its errors on the values themselves "OTM" would
            nearly always be taken, and it forecasts worse

    Given alpha, forecasts are linear in the first level and in 1 - 1/theta: both come from least squares, so that the
    search is over alpha alone, of all series at once. ValueError or TypeError for other arguments.
    """
    season = checks.count("season", season)
    for kind in kinds:
        checks.choice("kinds", kind, KINDS)
    rows = checked_series(values)
    season = usable_season(season, rows)
    scale = np.nanmean(np.abs(rows.y), axis=1)
    scale = np.where(scale > 0.0, scale, 1.0)
    indices, how = _season(rows, season)
    n = len(scale)
    flat = _flat(rows, season, indices, how)
    adjusted = flat.adjusted(filled(rows)) / scale[:, None]
    inside = np.arange(adjusted.shape[1]) < rows.lengths[:, None]
    adjusted = np.where(inside, adjusted, 0.0)
    numbers = np.arange(1, adjusted.shape[1] + 1)
    line = np.column_stack(lines(rows.lengths, adjusted.sum(axis=1), (adjusted * numbers).sum(axis=1)))
    best = np.full(n, np.inf)
    chosen, found = np.zeros(n, np.int64), np.zeros((n, 3))  # alpha, share, level
    for dynamic in (False, True):
        wanted = [kind for kind in kinds if kind.startswith("D") == dynamic]
        for kind in wanted:
            loss, fitted = _search(adjusted, rows.lengths, line, dynamic, "O" in kind)
            better = loss < best * (1.0 - 1e-9)
            best[better], chosen[better], found[better] = loss[better], KINDS.index(kind), fitted[better]
    models = replace(
        flat,
        kinds=tuple(KINDS[each] for each in chosen),
        alpha=found[:, 0],
        share=found[:, 1],
        level=found[:, 2] * scale,
        line=line * scale[:, None],
        variance=best / np.maximum(rows.lengths - _skipped(rows.lengths) - 3, 1) * scale**2,
    )
    return models.updated(values)


def _season(rows: Rows, season: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the seasonal indices (n, season) of each series and how they apply."""
    there = is_seasonal(rows, season)
    positive = there & (np.nanmin(rows.y, axis=1) > 0.0)
    indices = np.zeros((len(there), season))
    how = np.full(len(there), "none", dtype="<U14")
    if positive.any():
        found = seasonal_indices(rows.take(np.flatnonzero(positive)), season, True)
        here = np.flatnonzero(positive)[(found > LEAST_INDEX).all(axis=1)]
        indices[positive] = found
        how[here] = "multiplicative"
    rest = there & (how == "none")
    if rest.any():
        indices[rest] = seasonal_indices(rows.take(np.flatnonzero(rest)), season, False)
        how[rest] = "additive"
    return indices, tuple(how.tolist())


def _flat(rows: Rows, season: int, indices: np.ndarray, how: tuple[str, ...]) -> ThetaModels:
    """Returns models that know the seasons alone."""
    n = len(indices)
    zero = np.zeros(n)
    return ThetaModels(
        season,
        ("STM",) * n,
        how,
        indices,
        zero + 1.0,
        zero,
        zero,
        np.zeros((n, 2)),
        np.zeros((n, 3)),
        rows.lengths,
        zero,
    )


def _skipped(lengths: np.ndarray) -> np.ndarray:
    """Returns how many rows of each series are not counted: no line goes through the first ones."""
    return np.minimum(3, lengths // 3)


def _search(
    y: np.ndarray, lengths: np.ndarray, line: np.ndarray, dynamic: bool, learned: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the least sum of squared errors of each series (n,), and its alpha, share and level (n, 3)."""
    alphas = np.broadcast_to(np.linspace(LOWEST, HIGHEST, COARSE), (len(y), COARSE))
    apart = (HIGHEST - LOWEST) / (COARSE - 1)
    loss, found = _best(y, lengths, line, dynamic, learned, alphas)
    for _ in range(ROUNDS):
        alphas = np.clip(found[:, :1] + apart * np.linspace(-1.0, 1.0, FINE), LOWEST, HIGHEST)
        loss, found = _best(y, lengths, line, dynamic, learned, alphas)
        apart *= 2.0 / (FINE - 1)
    return loss, found


def _best(
    y: np.ndarray, lengths: np.ndarray, line: np.ndarray, dynamic: bool, learned: bool, alphas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what `_search` does, of these alphas (n, K)."""
    loss, share, level = _profile(y, lengths, line, dynamic, learned, alphas)
    row, pick = np.arange(len(y)), loss.argmin(axis=1)
    return loss[row, pick], np.column_stack([each[row, pick] for each in (alphas, share, level)])


def _profile(
    y: np.ndarray, lengths: np.ndarray, line: np.ndarray, dynamic: bool, learned: bool, alpha: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns for each alpha (n, K) the sum of squared errors, and the share and the level that make it least.

    The error of row t is r_t - share d_t - level w_t: d_t the drift, w_t = (1 - alpha)^t, and r_t the error of a level
    that begins at 0."""
    n, steps = y.shape
    skipped = _skipped(lengths)
    p, w = np.zeros(alpha.shape), np.ones(alpha.shape)
    rr, rd, rw, dd, dw, ww = (np.zeros(alpha.shape) for _ in range(6))
    total, weighted = np.zeros(n), np.zeros(n)
    a, b = line[:, :1], line[:, 1:]
    for t in range(steps):
        if dynamic:
            a, b = (each[:, None] for each in lines(np.full(n, t), total, weighted))
            total, weighted = total + y[:, t], weighted + (t + 1) * y[:, t]
        counts = ((t >= skipped) & (t < lengths))[:, None]
        d = np.where(counts, a * w + b * (1.0 - (1.0 - alpha) * w) / alpha, 0.0)
        r, v = np.where(counts, y[:, t, None] - p, 0.0), np.where(counts, w, 0.0)
        rr, rd, rw = rr + r * r, rd + r * d, rw + r * v
        dd, dw, ww = dd + d * d, dw + d * v, ww + v * v
        p, w = p + alpha * (y[:, t, None] - p), w * (1.0 - alpha)
    first = y[:, :1]
    dd, rd, ww, rw = dd + RIDGE, rd + RIDGE * HALF, ww + RIDGE, rw + RIDGE * first
    rr = rr + RIDGE * (HALF**2 + first**2)
    share = np.full(alpha.shape, HALF)
    if learned:
        share = np.clip((rd * ww - rw * dw) / (dd * ww - dw * dw), 0.0, 1.0)
    level = (rw - share * dw) / ww
    loss = rr - 2.0 * share * rd - 2.0 * level * rw + share**2 * dd + 2.0 * share * level * dw + level**2 * ww
    return np.maximum(loss, 0.0), share, level
