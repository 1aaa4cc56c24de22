"""Moments in time from many cells of one pattern at once.

Cells that differ in their digits alone have the same shape. The pattern is matched with the first cell of each shape
only: its parts are at the same places in all cells of that shape, whose digits are converted to numbers together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["MONTHS", "Moments", "Parts", "minutes_east", "moments"]

Parts = dict[str, "str | None"]  # what each group of a pattern matched

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
_NUMBERS = {name.lower(): i + 1 for i, full in enumerate(MONTHS) for name in (full, full[:3])} | {"sept": 9}
_SHAPE = str.maketrans("123456789", "000000000")
_DIGIT = re.compile(r"\d")


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

    The pattern's groups: year, month, name (of a month), quarter, day; gap, hour, minute, second, fraction; offset.
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
    """Returns the minutes of an offset such as +02:00; 0 for "", Z and UTC."""
    text = offset.strip().replace(":", "")
    if text.upper() in ("", "Z", "UTC"):
        return 0
    minutes = 60 * int(text[1:3]) + int(text[3:5])
    return -minutes if text[0] == "-" else minutes


def _of_one_shape(texts: Sequence[str], match: re.Match[str]) -> Moments | int:
    """As `moments`, of cells of the same shape; `match` is the match of the first."""
    parts = match.groupdict()
    digits = np.frombuffer("".join(texts).encode("ascii", "replace"), np.uint8).reshape(len(texts), -1) - 48

    def number(part: str, default: int, longest: int = 6) -> np.ndarray | int:
        """Returns the number in a part of each cell (n,), or the default where the cells have no such part."""
        if not parts.get(part):
            return default
        start, stop = match.span(part)
        stop = min(stop, start + longest)
        return digits[:, start:stop] @ 10 ** np.arange(stop - start - 1, -1, -1)

    year, month, day = number("year", 1970), number("month", 1), number("day", 1)
    hour, minute, second = number("hour", 0), number("minute", 0), number("second", 0)
    micro = number("fraction", 0) * 10 ** max(0, 6 - len(parts.get("fraction") or ""))
    if name := parts.get("name"):
        month = _NUMBERS.get(name.lower(), 0)
    quarter = number("quarter", 1)
    if parts.get("quarter"):
        month = 3 * quarter - 2
    first = np.asarray((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (day - 1)
    good = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == first)
    good &= (quarter >= 1) & (quarter <= 4) & (hour < 24) & (minute < 60) & (second < 60)
    if not good.all():
        return int(good.argmin())
    times = days.astype("datetime64[us]") + (((hour * 60 + minute) * 60 + second) * 10**6 + micro)
    if not parts.get("offset"):
        return Moments(times, np.zeros(len(texts), np.int16), {"": 0}, {"": parts})
    start, stop = match.span("offset")
    written = [text[start:stop] for text in texts]
    offsets = {offset: row for row, offset in reversed([*enumerate(written)])}
    east = {offset: minutes_east(offset) for offset in offsets}
    return Moments(times, np.fromiter(map(east.__getitem__, written), np.int16, len(texts)), offsets, {"": parts})
