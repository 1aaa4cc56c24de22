"""Moments in time from many cells of one pattern at once.

Cells that differ in their digits alone have the same shape. The pattern is matched with the first cell of each shape
only: its parts are at the same places in all cells of that shape, whose digits are converted to numbers together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["LAST_SHORT_YEAR", "MONTHS", "Moments", "Parts", "minutes_east", "moments"]

Parts = dict[str, "str | None"]  # what each group of a pattern matched
Numbers = Callable[[str, int], "np.ndarray | int"]  # the number in a part of each cell (n,), or a default for all

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
LAST_SHORT_YEAR = 29  # years of two digits up to it are 2000 and later, those above it 1930 to 1999, as in spreadsheets
_NUMBERS = {name.lower(): i + 1 for i, full in enumerate(MONTHS) for name in (full, full[:3])} | {"sept": 9}
_SHAPE = str.maketrans("123456789", "000000000")
_DIGIT = re.compile(r"\d")
_HALF_DAY = 12


class Moments(NamedTuple):
    """The moments in n cells.

    times     datetime64[us] (n,), as they are written, without regard to the offset
    east      int16 (n,), the offset of each in minutes east of UTC
    offsets   every offset as it is written, "" for none, and the first cell that has it
    forms     every shape, in order of its first cell, and that cell's parts
    """

    times: np.ndarray
    east: np.ndarray
    offsets: dict[str, int]
    forms: dict[str, Parts]


def moments(cells: Sequence[str], pattern: re.Pattern[str]) -> Moments | int:
    """Returns the moments in cells (n,) that match `pattern`, or the index of the first cell that holds none.

    The pattern's groups: year, short (a year's last two digits), next (the year after), month, name (of a month),
    quarter, half (of a year), week (ISO), weekday (1 is Monday), ordinal (day of the year), day; gap, hour, minute,
    second, fraction, meridiem (AM or PM); offset.
    """
    texts = [cell.strip() for cell in cells]
    if not all(map(str.isascii, texts)):  # digits of other scripts
        texts = [_DIGIT.sub(lambda digit: str(int(digit[0])), text) for text in texts]
    shapes = [text.translate(_SHAPE) for text in texts]
    rows: dict[str, list[int]] = {shape: [] for shape in shapes}
    if len(rows) > 1:
        for row, shape in enumerate(shapes):
            rows[shape].append(row)
    whole = Moments(np.empty(len(texts), "datetime64[us]"), np.empty(len(texts), np.int16), {}, {})
    bad = len(texts)
    for shape, own in rows.items():
        at = own or range(len(texts))
        match = pattern.match(texts[at[0]])
        found = 0 if match is None else _of_one_shape([texts[i] for i in own] if own else texts, match)
        if isinstance(found, int):
            bad = min(bad, at[found])
            continue
        place = own or slice(None)
        whole.times[place], whole.east[place] = found.times, found.east
        whole.forms[shape] = found.forms[""]
        for offset, first in found.offsets.items():
            whole.offsets[offset] = min(at[first], whole.offsets.get(offset, bad))
    return whole if bad == len(texts) else bad


def minutes_east(offset: str) -> int:
    """Returns the minutes of an offset such as +02:00 or +02; 0 for "", Z, UTC and GMT."""
    text = offset.strip().replace(":", "")
    if text.upper() in ("", "Z", "UTC", "GMT"):
        return 0
    minutes = 60 * int(text[1:3]) + int(text[3:5] or 0)
    return -minutes if text[0] == "-" else minutes


def _of_one_shape(texts: Sequence[str], match: re.Match[str]) -> Moments | int:
    """As `moments`, of cells of the same shape; `match` is the match of the first."""
    parts = match.groupdict()
    digits = np.frombuffer("".join(texts).encode("ascii", "replace"), np.uint8).reshape(len(texts), -1) - 48

    def number(part: str, default: int) -> np.ndarray | int:
        """Returns the number in a part of each cell (n,), or the default where the cells have no such part."""
        if not parts.get(part):
            return default
        start, stop = match.span(part)
        stop = min(stop, start + 6)  # of a fraction, microseconds
        return digits[:, start:stop] @ 10 ** np.arange(stop - start - 1, -1, -1)

    days, good = _days(parts, number)
    clock, in_day = _clock(parts, number)
    good = np.broadcast_to(good & in_day, len(texts))
    if not good.all():
        return int(good.argmin())
    times = np.broadcast_to(days.astype("datetime64[us]") + clock, len(texts))
    if not parts.get("offset"):
        return Moments(times, np.zeros(len(texts), np.int16), {"": 0}, {"": parts})
    start, stop = match.span("offset")
    written = [text[start:stop] for text in texts]
    offsets = {offset: row for row, offset in reversed([*enumerate(written)])}
    east = {offset: minutes_east(offset) for offset in offsets}
    return Moments(times, np.fromiter(map(east.__getitem__, written), np.int16, len(texts)), offsets, {"": parts})


def _days(parts: Parts, number: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """Returns the days, datetime64[D], and whether each of them exists."""
    year = np.asarray(number("year", 1970))
    if parts.get("short"):
        short = np.asarray(number("short", 0))
        year = short + np.where(short <= LAST_SHORT_YEAR, 2000, 1900)
    good = year >= 1
    if parts.get("next"):
        good = good & (number("next", 0) == (year + 1) % (100 if len(str(parts["next"])) == 2 else 10_000))
    if parts.get("week"):
        week, weekday = number("week", 1), number("weekday", 1)
        fourth = _january(year) + 3  # always in week 1
        thursday = fourth - (fourth.astype(np.int64) + 3) % 7 + (7 * (np.asarray(week) - 1) + 3)
        good = good & (week >= 1) & (thursday.astype("datetime64[Y]") == _january(year).astype("datetime64[Y]"))
        return thursday + (np.asarray(weekday) - 4), good & (weekday >= 1) & (weekday <= 7)
    if parts.get("ordinal"):
        days = _january(year) + (np.asarray(number("ordinal", 1)) - 1)
        return days, good & (days.astype("datetime64[Y]") == _january(year).astype("datetime64[Y]"))
    month, day = number("month", 1), number("day", 1)
    if name := parts.get("name"):
        month = _NUMBERS.get(name.lower(), 0)
    for part, months in (("quarter", 3), ("half", 6)):
        if parts.get(part):
            which = np.asarray(number(part, 1))
            good = good & (which >= 1) & (which <= 12 // months)
            month = months * (which - 1) + 1
    first = np.asarray((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (np.asarray(day) - 1)
    good = good & (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == first)
    return days, good


def _january(year: np.ndarray) -> np.ndarray:
    """Returns the first day of each year."""
    return (year - 1970).astype("datetime64[Y]").astype("datetime64[D]")


def _clock(parts: Parts, number: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """Returns the time of day in microseconds, and whether there is such a time: from 00:00 to 24:00, which is the next
    day's 00:00."""
    hour, minute, second = number("hour", 0), number("minute", 0), number("second", 0)
    micro = number("fraction", 0) * 10 ** max(0, 6 - len(parts.get("fraction") or ""))
    good = np.asarray(hour < 24)
    if meridiem := parts.get("meridiem"):
        good = (np.asarray(hour) >= 1) & (np.asarray(hour) <= _HALF_DAY)
        hour = np.asarray(hour) % _HALF_DAY + (_HALF_DAY if meridiem.strip()[0] in "pP" else 0)
    within = np.asarray((np.asarray(minute) * 60 + second) * 10**6 + micro)
    good = (good | ((np.asarray(hour) == 24) & (within == 0))) & np.asarray(minute < 60) & np.asarray(second < 60)
    return np.asarray(hour) * 3_600_000_000 + within, good
