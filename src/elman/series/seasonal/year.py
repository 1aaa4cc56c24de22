"""A year in rows that are no whole number of it: how many rows it has, and whether series show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.series.calendar import Calendar
from elman.series.seasonal.products import changes_of, f_log_tail, independent

__all__ = ["rows_per_year", "shows_year"]

DAYS = 365.2425  # of a year of the Gregorian calendar, on the mean
PARTS = 12  # into which a year is cut to look for it
YEARS = 2 * 364 / DAYS  # that a series must have: 104 weeks
HARMONICS = 3  # of a year at most, by which it is looked for
EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
STEEPER = 0.25  # by which the exponent is raised, since a line taken out of few years makes it look smaller
FALSE = 0.01  # probability of seeing a year where there is none
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

    Each year is cut into twelve parts at the rows nearest to their ends. The power of the means of these at the first
    one to three harmonics of a year is compared with that between them, over all series (an F test). What has no year
    has less power the higher the frequency, as 1 / (4 sin^2 pi f)^d says; d, from 0 for independent values to 1 for a
    random walk, is the likeliest one by the frequencies that belong to no year.
    """
    means = [_means(each, rows / PARTS) for each in values if len(each) >= int(YEARS * rows)]
    waves = [_power(each) for each in means if np.ptp(each) > 0.0]
    if not waves:
        return False
    worth = independent([changes_of(each) for each in means]) / len(means)
    likely = min(EXPONENTS, key=lambda d: sum(_unlikely(each, d) for each in waves)) + STEEPER
    below = 2.0 * sum(int(each.between.sum()) - 1 for each in waves)
    for count in range(1, HARMONICS + 1):
        above = 2.0 * count * len(waves)
        ratio = float(np.mean([_ratio(each, likely, count) for each in waves]))
        if f_log_tail(ratio, above * worth, below * worth) < np.log(FALSE / HARMONICS):
            return True
    return False


class _Power(NamedTuple):
    """The power of the means of the parts of a number of years at each frequency but zero and the highest."""

    power: np.ndarray  # (F,)
    flat: np.ndarray  # (F,) log 4 sin^2 pi f
    between: np.ndarray  # (F,) whether the frequency belongs to no harmonic of a year
    years: int


def _power(means: np.ndarray) -> _Power:
    """Returns the power of the last whole years of means, less their straight line."""
    years = len(means) // PARTS
    last = means[len(means) - years * PARTS :]
    time = np.arange(len(last)) - (len(last) - 1) / 2.0
    level = last - last.mean()
    line = level - time * float(time @ level) / float(time @ time)
    each = np.arange(1, len(last) // 2)
    power = np.abs(np.fft.rfft(line)[each]) ** 2
    least = 1e-12 * float(power.max())
    return _Power(
        np.maximum(power, least), np.log(4.0 * np.sin(np.pi * each / len(last)) ** 2), each % years != 0, years
    )


def _unlikely(wave: _Power, exponent: float) -> float:
    """Returns minus the logarithm of Whittle's likelihood of the power between the harmonics, but for a constant."""
    flat = wave.flat[wave.between]
    level = float((wave.power[wave.between] * np.exp(exponent * flat)).mean())
    return len(flat) * float(np.log(level)) - exponent * float(flat.sum())


def _ratio(wave: _Power, exponent: float, count: int) -> float:
    """Returns the power at the first harmonics over that between them, both over what `shows_year` expects."""
    found = wave.power * np.exp(exponent * wave.flat)
    return float(found[wave.years * np.arange(1, count + 1) - 1].mean() / found[wave.between].mean())


def _means(values: np.ndarray, rows: float) -> np.ndarray:
    """Returns the means of parts of about `rows` rows, the last of which ends with the values."""
    count = int(len(values) / rows + 0.1)  # the first part may be a little shorter
    ends = np.maximum(len(values) - np.rint(rows * np.arange(count, -1, -1)).astype(np.int64), 0)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.diff(sums[ends]) / np.diff(ends)
