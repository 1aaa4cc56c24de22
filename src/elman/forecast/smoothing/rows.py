"""Many series of unequal length as the rows of one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Rows", "checked_series", "filled", "line", "rows_of", "usable_season"]


class Rows(NamedTuple):
    """n series, each from column 0 on: y (n, T), NaN where a value is missing and past the end, and lengths (n,)."""

    y: np.ndarray
    lengths: np.ndarray

    def take(self, rows: np.ndarray) -> Rows:
        """Returns some of the series, as long as the longest of them needs."""
        lengths = self.lengths[rows]
        return Rows(self.y[rows, : lengths.max(initial=1)], lengths)


def rows_of(values: Sequence[np.ndarray]) -> Rows:
    """Returns series, each (T,) with NaN where a value is missing, as rows of one array."""
    lengths = np.array([len(each) for each in values], np.int64)
    y = np.full((len(values), max(1, lengths.max(initial=1))), np.nan)
    for row, each in zip(y, values, strict=True):
        row[: len(each)] = each
    return Rows(y, lengths)


def checked_series(values: Sequence[np.ndarray]) -> Rows:
    """Returns series as rows of one array; ValueError for one that is not (T,), has infinite or no values."""
    for number, each in enumerate(values):
        if np.ndim(each) != 1 or not np.isfinite(each).any() or np.isinf(each).any():
            raise ValueError(
                f"values: expected series (T,) of finite values or NaN, at least one of them known, "
                f"got {np.asarray(each)!r:.60} at {number}"
            )
    return rows_of(values)


def usable_season(season: int, rows: Rows) -> int:
    """Returns the season, or 1 where no series has as many rows: nothing would be learned of it, at any cost."""
    return season if rows.lengths.max(initial=0) > season else 1


def filled(rows: Rows) -> np.ndarray:
    """Returns y (n, T) with missing values within each series drawn on straight lines between their neighbours."""
    y = rows.y.copy()
    inside = np.arange(y.shape[1]) < rows.lengths[:, None]
    for i in np.flatnonzero((np.isnan(y) & inside).any(axis=1)):
        row = y[i, : rows.lengths[i]]
        known = ~np.isnan(row)
        row[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), row[known])
    return y


def line(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each row of y (n, T), NaN where there is no value, the least squares line through its values: its
    height at column 0 and its slope. The slope is 0 where there is only one value."""
    known = ~np.isnan(y)
    count = known.sum(axis=1)
    t = np.where(known, np.arange(y.shape[1], dtype=np.float64), 0.0)
    values = np.where(known, y, 0.0)
    mean_t, mean = t.sum(axis=1) / count, values.sum(axis=1) / count
    centred = np.where(known, t - mean_t[:, None], 0.0)
    spread = (centred**2).sum(axis=1)
    slope = np.divide((centred * values).sum(axis=1), spread, out=np.zeros(len(y)), where=spread > 0.0)
    return mean - slope * mean_t, slope
