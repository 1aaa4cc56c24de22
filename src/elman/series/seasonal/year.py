"""A year in rows that are no whole number of it: how many rows it has, and whether series show it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.series.calendar import Calendar
from elman.series.seasonal.lengths import has_season

__all__ = ["rows_per_year", "shows_year"]

DAYS = 365.2425  # of a year of the Gregorian calendar, on the mean
PARTS = 12  # into which a year is cut to look for it
YEARS = 2  # that a series must have
_US_PER_DAY = 86_400_000_000


def rows_per_year(calendar: Calendar | None) -> float | None:
    """Returns how many rows a year has: 365.2425 of days, 52.1775 of weeks; None where it is a whole number of them
    (months), where it has too few rows to be looked for, and where there are no dates."""
    if calendar is None or calendar.unit == "month":
        return None
    rows = DAYS / 7 * calendar.weekmask.count("1") if calendar.unit == "weekday" else DAYS * _US_PER_DAY / calendar.step
    return rows if rows >= 2 * PARTS else None


def shows_year(values: Sequence[np.ndarray], rows: float) -> bool:
    """Returns whether series, of which one at least has two years of `rows` rows, show a season of that length.

    Each year is cut into twelve parts at the rows nearest to their ends, and the means of these are tested
    (`lengths.has_season`)."""
    means = [_means(each, rows / PARTS) for each in values if len(each) >= YEARS * rows]
    return bool(means) and has_season(means, PARTS)


def _means(values: np.ndarray, rows: float) -> np.ndarray:
    """Returns the means of parts of about `rows` rows, the last of which ends with the values."""
    count = int(len(values) / rows)
    ends = len(values) - np.rint(rows * np.arange(count, -1, -1)).astype(np.int64)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.diff(sums[ends]) / np.diff(ends)
