"""The course of a season: what a row usually adds to the level, and how far rows lie from it, by place in the season.

Row i lies at place i % m. Which season a series has, if any, how much neighbouring places are averaged, and whether the
series is taken in logarithms, is what fits seasons best that were left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

__all__ = ["Shape", "find_shape"]

FOLDS = 8  # parts of which each is left out once
LEAST = 2.5  # seasons that must be known before their course is learned
WIDTHS = 32  # the spread of a place is that of its neighbours within a season over this


@dataclass(frozen=True, eq=False)
class Shape:
    """log     whether values are taken in logarithms
    lowest  what smaller values count as, where they are
    course  (m,); one 0 without a season
    widths  (m,) the usual distance from course and level at each place, over its mean
    seen    seasons that these were learned from
    """

    log: bool
    lowest: float
    course: Annotated[np.ndarray, "float64 (m,)"]
    widths: Annotated[np.ndarray, "float64 (m,)"]
    seen: float

    def __len__(self) -> int:
        return len(self.course)


def find_shape(values: np.ndarray, seasons: Sequence[int]) -> tuple[Shape, np.ndarray, np.ndarray]:
    """Of values (n,), and lengths that may be their season: the shape, the values as it takes them (n,), and the
    course at each row (n,) as the other seasons show it."""
    known = [m for m in seasons if m > 1 and len(values) >= LEAST * m]
    taken, log = values, False
    found = _find(values, known)
    if values.min() > 0.0:
        logs = np.log(values)
        other = _find(logs, known)
        # the likelihoods of exponential errors, each in the values' own unit
        if np.log(_size(other)) + logs.mean() < np.log(_size(found)):
            taken, found, log = logs, other, True
    course, others, rest = found
    widths = _widths(rest, len(course))
    seen = len(values) / len(course) if len(course) > 1 else 1.0
    lowest = max(float(values.min()) / 10.0, float(np.finfo(float).smallest_subnormal)) if log else 0.0
    return Shape(log, lowest, course, widths, seen), taken, others


def _size(found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    return max(float(np.abs(found[2]).mean()), np.finfo(float).tiny)


def _find(values: np.ndarray, seasons: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The course (m,), the same at each row by the other seasons (n,), and what neither it nor the level says (n,)."""
    rows = len(values)
    flat = values - _level(values, max(seasons, default=1))
    best = (np.zeros(1), np.zeros(rows), flat if seasons else values - np.median(values))
    least = float(np.abs(flat).sum())
    for m in seasons:
        table = np.full((-(-rows // m), m), np.nan)
        table.ravel()[:rows] = flat
        for width in sorted({1, m // 96 * 2 + 1, m // 32 * 2 + 1}):
            others = _left_out(table, width).ravel()[:rows]
            error = float(np.abs(flat - others).sum())
            if error < least:
                least, best = error, (_course(table, width), others, flat - others)
    return best


def _level(values: np.ndarray, width: int) -> np.ndarray:
    """The mean over a season about each row; at the ends of the first and last whole one."""
    if width >= len(values):
        return np.full(len(values), values.mean())
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means = (sums[width:] - sums[:-width]) / width
    return means[np.clip(np.arange(len(values)) - width // 2, 0, len(means) - 1)]


def _course(table: np.ndarray, width: int) -> np.ndarray:
    """The median of each column, averaged over `width` neighbours round the season."""
    return _around(np.nanmedian(table, axis=0), width)


def _around(values: np.ndarray, width: int) -> np.ndarray:
    side = width // 2
    joined = np.concatenate([values[len(values) - side :], values, values[:side]])
    return np.convolve(joined, np.full(2 * side + 1, 1.0 / (2 * side + 1)), "valid")


def _left_out(table: np.ndarray, width: int) -> np.ndarray:
    """For each row of the table the course that the rows of other parts show."""
    parts = np.arange(len(table)) * min(FOLDS, len(table)) // len(table)
    found = np.empty_like(table)
    for part in np.unique(parts):
        others = table[parts != part]
        unknown = np.isnan(others).all(axis=0)
        if unknown.any():  # a place that no other part knows
            others = np.where(unknown, table[parts == part][:1], others)
        found[parts == part] = _course(others, width)
    return found


def _widths(rest: np.ndarray, m: int) -> np.ndarray:
    if m == 1:
        return np.ones(1)
    apart = np.abs(rest)
    table = np.full((-(-len(rest) // m), m), np.nan)
    table.ravel()[: len(rest)] = np.minimum(apart, 5.0 * np.median(apart) or apart.mean())
    mean = _around(np.nanmean(table, axis=0), 2 * max(1, m // WIDTHS) + 1)
    return 0.1 + 0.9 * mean / mean.mean() if mean.any() else np.ones(m)
