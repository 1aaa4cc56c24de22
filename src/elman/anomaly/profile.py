"""The season profile of a series: seasonal effects and relative dispersion by position in the season.

Row i has position i % m in a season of m rows. Cross-validation over whole seasons decides whether the series has a
season, which one, over how many neighbouring positions the effects are averaged, and whether the model works on the
values, on their square roots, whose spread is the same for large and small counts, or on their logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from elman.forecast.boxcox import inverse

__all__ = ["MIN_SEASONS", "SeasonProfile", "fit_profile"]

FOLDS = 8  # of the cross-validation
MIN_SEASONS = 2.0  # a season is considered only where the rows hold so many of it
DISPERSION_BINS = 32  # dispersion is averaged over neighbouring positions that span about a season / DISPERSION_BINS


@dataclass(frozen=True, eq=False)
class SeasonProfile:
    """The seasonal part of a series with a season of m rows; m is 1 for a series without one.

    power         1: the model works on the values; 0.5: on twice their square roots, those of values below 0 with
                  their sign; 0: on their logarithms
    floor         smaller values are raised to this before their logarithm is taken; 0 where `power` is not
    effects       (m,) seasonal effect at each position, added to the level; a single 0 without a season
    dispersion    (m,) mean absolute residual at each position, divided by its mean over all positions
    seasons_seen  number of seasons in the rows that the profile was estimated from
    """

    power: float
    floor: float
    effects: Annotated[np.ndarray, "float64 (m,)"]
    dispersion: Annotated[np.ndarray, "float64 (m,)"]
    seasons_seen: float

    def __len__(self) -> int:
        return len(self.effects)

    def transformed(self, value: float) -> float:
        """Returns what the model sees of a value."""
        if self.power == 1.0:
            return value
        return math.copysign(2.0 * math.sqrt(abs(value)), value) if self.power else math.log(max(value, self.floor))

    def values(self, transformed: np.ndarray) -> np.ndarray:
        """Returns the values of which the model sees these: the inverse of `transformed`."""
        if self.power == 0.5:
            transformed = np.sign(transformed) * np.square(transformed / 2.0)
        return inverse(transformed, 0.0 if self.power == 0.0 else 1.0)


def fit_profile(values: np.ndarray, seasons: Sequence[int]) -> tuple[SeasonProfile, np.ndarray, np.ndarray]:
    """Estimates the season profile of values (n,), whose season may be one of `seasons` or none.

    Returns the profile, the values as it transforms them (n,), and the seasonal effect at each row
    (n,), estimated without the season that the row lies in.
    """
    known = [m for m in seasons if m > 1 and len(values) >= MIN_SEASONS * m]
    power, transformed, found = 1.0, values, _select(values, known)
    if values.min() >= 0.0 and values.any():
        positive = np.maximum(values, values[values > 0.0].min() / 2.0)
        logs = np.log(positive)
        least = np.log(_mean_size(found))
        for other in (0.5, 0.0) if values.min() > 0.0 else (0.5,):
            changed = 2.0 * np.sqrt(values) if other else logs
            tried = _select(changed, known)
            # log likelihoods of Laplace errors; the mean of the logs comes from the Jacobian of the transformation
            size = np.log(_mean_size(tried)) + (1.0 - other) * logs.mean()
            if size < least:
                least, power, transformed, found = size, other, changed, tried
    effects, held_out, residuals = found
    dispersion = _dispersion(residuals, len(effects))
    seen = len(values) / len(effects) if len(effects) > 1 else 1.0
    floor = max(float(values.min()) / 10.0, float(np.finfo(float).smallest_subnormal)) if power == 0.0 else 0.0
    return SeasonProfile(power, floor, effects, dispersion, seen), transformed, held_out


def _mean_size(found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    """Returns the mean absolute residual of what `_select` found, above 0."""
    return max(float(np.abs(found[2]).mean()), np.finfo(float).tiny)


def _select(values: np.ndarray, seasons: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Selects the season and the smoothing with the smallest cross-validated error.

    Returns the seasonal effects (m,), the held-out effect at each row (n,), and the residuals (n,) from the level and
    the held-out effects.
    """
    rows = len(values)
    detrended = values - _moving_mean(values, max(seasons, default=1))
    best = (np.zeros(1), np.zeros(rows), detrended if seasons else values - np.median(values))
    least = float(np.abs(detrended).sum())
    for m in seasons:
        table = np.full((-(-rows // m), m), np.nan)
        table.ravel()[:rows] = detrended
        for width in sorted({1, m // 96 * 2 + 1, m // 32 * 2 + 1}):
            held_out = _held_out_effects(table, width).ravel()[:rows]
            error = float(np.abs(detrended - held_out).sum())
            if error < least:
                least, best = error, (_effects(table, width), held_out, detrended - held_out)
    return best


def _moving_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Returns the centred moving mean (n,) of values (n,) over `width` rows; near both ends it is constant."""
    if width >= len(values):
        return np.full(len(values), values.mean())
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means = (sums[width:] - sums[:-width]) / width
    return means[np.clip(np.arange(len(values)) - width // 2, 0, len(means) - 1)]


def _effects(table: np.ndarray, width: int) -> np.ndarray:
    """Returns the median of each column of a table (seasons, m), averaged over `width` neighbouring columns."""
    return _circular_mean(np.nanmedian(table, axis=0), width)


def _circular_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Returns the moving mean (m,) of values (m,) over `width` positions, where the first follows the last."""
    side = width // 2
    joined = np.concatenate([values[len(values) - side :], values, values[:side]])
    return np.convolve(joined, np.full(2 * side + 1, 1.0 / (2 * side + 1)), "valid")


def _held_out_effects(table: np.ndarray, width: int) -> np.ndarray:
    """Returns for each season of a table (seasons, m) the effects that the seasons of the other folds give."""
    folds = np.arange(len(table)) * min(FOLDS, len(table)) // len(table)
    found = np.empty_like(table)
    for fold in np.unique(folds):
        others = table[folds != fold]
        unknown = np.isnan(others).all(axis=0)
        if unknown.any():  # positions without a value in any other fold
            others = np.where(unknown, table[folds == fold][:1], others)
        found[folds == fold] = _effects(others, width)
    return found


def _dispersion(residuals: np.ndarray, m: int) -> np.ndarray:
    """Returns the relative dispersion (m,) of residuals (n,) by position; one tenth of it is the same everywhere."""
    if m == 1:
        return np.ones(1)
    sizes = np.abs(residuals)
    table = np.full((-(-len(residuals) // m), m), np.nan)
    table.ravel()[: len(residuals)] = np.minimum(sizes, 5.0 * np.median(sizes) or sizes.mean())
    mean = _circular_mean(np.nanmean(table, axis=0), 2 * max(1, m // DISPERSION_BINS) + 1)
    return 0.1 + 0.9 * mean / mean.mean() if mean.any() else np.ones(m)
