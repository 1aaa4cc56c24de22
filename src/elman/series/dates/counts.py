"""Numbers that count time from a fixed date: seconds, milliseconds, a spreadsheet's days, and years with a fraction.

Any number may be such a count, so they are read only where a column is known to hold times, and the reader is told.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.series.tables.numbers import parse_numbers

__all__ = ["count_of", "count_template", "times_of_counts"]

_DAY = 86_400_000_000  # microseconds
_ZERO = np.datetime64("1899-12-30", "us")  # a spreadsheet's day 0, as its days from 1900-03-01 on count
_RANGES = {  # numbers that are taken for counts without being asked: of years from about 1950 or 1970 to 2100 or 2280
    "years": (1000.0, 3000.0),
    "serial": (18_000.0, 80_000.0),
    "seconds": (1e8, 1e10),
    "milliseconds": (1e11, 1e13),
}
_MONTH = 0.05  # of a month: how far a year with a fraction may be from a month's beginning, since it is rounded


def count_template(cells: Sequence[str], years: bool = False) -> str | None:
    """Returns what all cells count, one of `forms.COUNTS`, judged by how large they are; None: nothing.

    years   whether whole numbers below 1000 may be years
    """
    values, unread = parse_numbers(cells)
    if not len(values) or unread or np.isnan(values).any():
        return None
    if years and (values == np.floor(values)).all() and ((values >= 1) & (values < 10_000)).all():
        return "years"
    for template, (low, high) in _RANGES.items():
        if ((values >= low) & (values < high)).all() and not isinstance(_times(values, template), int):
            whole = bool((values == np.floor(values)).all())
            return None if template == "years" and whole else template
    return None


def times_of_counts(cells: Sequence[str], template: str) -> np.ndarray | int:
    """Returns the times, datetime64[us] (n,), that cells count, or the index of the first cell that counts none."""
    values, unread = parse_numbers(cells)
    bad = [*unread[:1], *np.flatnonzero(~np.isfinite(values))[:1].tolist()]
    return min(bad) if bad else _times(values, template)


def count_of(time: np.datetime64, template: str, digits: int) -> str:
    """Returns the number that counts the time, with so many decimals."""
    micros = int(time.astype("datetime64[us]").astype(np.int64))
    if template == "years":
        month = int(time.astype("datetime64[M]").astype(np.int64))
        return f"{1970 + month / 12:.{digits or 4}f}".rstrip("0").rstrip(".")
    zero = int(_ZERO.astype(np.int64)) if template == "serial" else 0
    unit = {"seconds": 10**6, "milliseconds": 1000, "serial": _DAY}[template]
    whole, rest = divmod(micros - zero, unit)
    return str(whole) if not rest else f"{(micros - zero) / unit:.{digits or 6}f}".rstrip("0")


def _times(values: np.ndarray, template: str) -> np.ndarray | int:
    """Returns the times of finite counts, or the index of the first that is none."""
    low, high = {
        "years": (1.0, 10_000.0),
        "serial": (61.0, 2_958_466.0),  # before day 61 spreadsheets differ, and none goes beyond the year 9999
        "seconds": (-6e10, 2.5e11),
        "milliseconds": (-6e13, 2.5e14),
    }[template]
    good = (values >= low) & (values < high)
    months = np.rint((values - 1970) * 12)
    if template == "years":
        good &= np.abs((values - 1970) * 12 - months) <= _MONTH
    if not good.all():
        return int(good.argmin())
    if template == "years":
        return months.astype(np.int64).astype("datetime64[M]").astype("datetime64[us]")
    if template == "serial":  # to the second: a day's fraction has no more exact digits
        return _ZERO + np.rint(values * 86_400).astype(np.int64) * np.timedelta64(10**6, "us")
    unit = 10**6 if template == "seconds" else 1000
    return np.rint(values * unit).astype(np.int64).astype("datetime64[us]")
