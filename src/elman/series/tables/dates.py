"""Dates as people write them: read from text, and written again in the same style.

All cells of a column are read by the same `Style`. Where both orders of day and month fit every cell (03/04/2020), both
readings are returned, and the one that makes regular steps is taken later (`build`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import numpy as np

from elman.core import checks, fields
from elman.series.tables.cells import blocks
from elman.series.tables.moments import MONTHS, Parts, moments

__all__ = ["ISO", "Reading", "Style", "first_undated", "plain_style", "read_dates", "reads_as_date"]

_YEAR = re.compile(r"\d{4}")  # part of every template
_REMEMBERED = 2000  # cells of a column at most, for which the readings are cached
_FIRST, _LAST = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31T23:59:59.999999", "us")
_TOKENS = {
    "%Y": r"(?P<year>\d{4})",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
    "%b": r"(?P<name>[A-Za-z]{3,9})",
    "%q": r"(?P<quarter>[1-4])",
}
# an hour alone, as NumPy writes it, needs its T
_CLOCK = (
    r"(?:(?P<gap>[T ])(?P<hour>\d{1,2})(?:(?<=T\d\d)(?!:)|:(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?))?"
)
_CLOCKS = ("", *(gap + clock for gap in "Tt " for clock in ("%H", "%H:%M", "%H:%M:%S")))
_OFFSET = r"(?P<offset>\s?(?:Z|UTC|[+-]\d\d:?\d\d))?"

# Forms with a day, which may have a time of day, come first; the year alone comes last, since any whole number might be
# one.
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %b %Y",
         "%d-%b-%Y", "%b %d, %Y", "%b-%d-%Y")  # fmt: skip
_WIDER = ("%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%b %Y", "%b-%Y", "%Y %b", "%Y-%b", "%YQ%q", "%Y-Q%q", "%Y Q%q",
          "Q%q %Y", "Q%q-%Y", "%Y%m%d", "%Y")  # fmt: skip
_TEMPLATES = tuple(dict.fromkeys(word for each in (*_DAYS, *_WIDER) for word in (each, each.replace("%b", "%B"))))


@dataclass(frozen=True)
class Style:
    """How dates are written.

    template   of the day, one of strftime's kind
    padded     whether days and months below 10 have two digits
    clock      of the time of day, empty where there is none;  digits  of the fraction of a second
    offset     of a fixed time zone, as it is written
    """

    template: str = "%Y-%m-%d"
    padded: bool = True
    clock: str = ""
    digits: int = 0
    offset: str = ""

    def __post_init__(self) -> None:
        checks.choice("template", self.template, _TEMPLATES)
        checks.flag("padded", self.padded)
        checks.choice("clock", self.clock, _CLOCKS)
        checks.whole("digits", self.digits, low=0, high=6)
        if not re.fullmatch(_OFFSET, fields.text("offset", self.offset), re.IGNORECASE):
            raise ValueError(f"offset: expected Z or one such as +01:00, got {checks.shown(self.offset)}")

    def label(self, time: np.datetime64) -> str:
        """Returns one date as text in this style."""
        moment: Any = time.astype("datetime64[us]").item()
        if not isinstance(moment, datetime):  # beyond the year 9999
            return str(time)
        padded = self.padded or self.template == "%Y%m%d"
        month, day = (f"{part:02d}" if padded else str(part) for part in (moment.month, moment.day))
        name = MONTHS[moment.month - 1]
        parts = {"Y": f"{moment.year:04d}", "m": month, "d": day, "b": name[:3], "B": name,
                 "q": str((moment.month + 2) // 3)}  # fmt: skip
        text = re.sub("%([YmdbBq])", lambda token: parts[token.group(1)], self.template)
        if self.clock:
            text += moment.strftime(self.clock)
            text += f".{moment.microsecond:06d}"[: self.digits + 1] if self.digits else ""
        return text + self.offset

    def labels(self, times: np.ndarray) -> list[str]:
        """Returns dates (n,) as texts in this style."""
        return [self.label(time) for time in times]


ISO = Style()


@dataclass(frozen=True)
class Reading:
    """A column read as dates, datetime64[us] (n,), and the style in which they were written."""

    times: np.ndarray
    style: Style


def read_dates(cells: Sequence[str]) -> list[Reading]:
    """Returns every way to read all cells as dates: none, one, or two where days and months cannot be told apart."""
    return list(_read_before(tuple(cells)) if len(cells) <= _REMEMBERED else _readings(cells))


def _readings(cells: Sequence[str]) -> tuple[Reading, ...]:
    """As `read_dates`, without the cache."""
    found: list[Reading] = []
    for template in _candidates(cells[:1]):
        reading = _read(cells, template)
        if isinstance(reading, Reading) and not any(np.array_equal(reading.times, each.times) for each in found):
            reading.times.flags.writeable = False  # the cache shares it
            found.append(reading)
    return tuple(found)


_read_before = lru_cache(4)(_readings)  # most series of a panel have the same dates


def reads_as_date(cell: str) -> bool:
    """Returns whether one cell alone can be read as a date."""
    return any(isinstance(_read([cell], template), Reading) for template in _candidates([cell]))


def first_undated(cells: Sequence[str]) -> int:
    """Returns the index of the first cell that, together with those before it, has no reading; for cells that
    `read_dates` cannot read."""
    readings = (_read(cells, template) for template in _candidates(cells[:1]))
    return max((reading for reading in readings if isinstance(reading, int)), default=0)


def plain_style(times: np.ndarray) -> Style:
    """Returns the ISO style with as much of a time of day as the times (datetime64 of any unit) need."""
    unit = np.datetime_data(times.dtype)[0]
    if unit in ("Y", "M"):
        return Style("%Y" if unit == "Y" else "%Y-%m")
    clocks = times.astype("datetime64[us]").astype(np.int64) % 86_400_000_000
    if not clocks.any():
        return Style()
    if not (clocks % 60_000_000).any():
        return Style(clock=" %H:%M")
    return Style(clock=" %H:%M:%S", digits=6 if (clocks % 1_000_000).any() else 0)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Returns the pattern of cells that a template can read."""
    text = re.escape(template).replace(r"\ ", " ")
    for token, pattern in _TOKENS.items():
        text = text.replace(token, pattern)
    if template == "%Y%m%d":
        text = r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    return re.compile(text + (_CLOCK + _OFFSET if template in _DAYS else "") + r"\Z", re.IGNORECASE)


def _candidates(cells: Sequence[str]) -> Iterable[str]:
    """Returns the templates whose pattern the first cell matches."""
    text = cells[0].strip() if cells else ""
    if not _YEAR.search(text):  # a quick test that fails for most cells that are no dates
        return ()
    return (template for template in (*_DAYS, *_WIDER) if _pattern(template).match(text))


def _read(cells: Sequence[str], template: str) -> Reading | int:
    """Returns all cells read by one template, or the index of the first that cannot be read with those before it."""
    times: list[np.ndarray] = []
    east: list[np.ndarray] = []
    offsets: dict[str, int] = {}
    forms: dict[str, Parts] = {}
    start = 0
    for block in blocks(cells):
        found = moments(block, _pattern(template))
        if isinstance(found, int):
            return start + found
        times.append(found.times)
        east.append(found.east)
        for offset, first in found.offsets.items():
            offsets.setdefault(offset, start + first)
        for shape, parts in found.forms.items():
            forms.setdefault(shape, parts)
        start += len(block)
    whole, offset = np.concatenate(times), next(iter(offsets))
    if len(offsets) > 1:  # a time zone with summer time: the times are converted to UTC
        whole -= np.concatenate(east).astype(np.int64) * np.timedelta64(1, "m")
        beyond = np.flatnonzero((whole < _FIRST) | (whole > _LAST))
        if beyond.size:
            return max(int(beyond[0]), sorted(offsets.values())[1])
        offset = "+00:00"
    style = Style(template, padded=not _narrow(forms.values()), offset=offset)
    return Reading(whole, _with_clock(style, list(forms.values())))


def _narrow(forms: Iterable[Parts]) -> bool:
    """Returns whether some day or month is written with one digit."""
    return any(len(parts.get(key) or "00") == 1 for parts in forms for key in ("day", "month"))


def _with_clock(style: Style, forms: Sequence[Parts]) -> Style:
    """Returns the style with the names of months and the time of day as these parts of cells have them."""
    if any(len(parts.get("name") or "") > 4 for parts in forms):  # "sept" is an abbreviation too
        style = replace(style, template=style.template.replace("%b", "%B"))
    timed = next((parts for parts in forms if parts.get("gap")), None)
    if timed is None:
        return replace(style, offset="")
    seconds = any(parts.get("second") for parts in forms)
    digits = min(6, max(len(parts.get("fraction") or "") for parts in forms))
    minutes = any(parts.get("minute") for parts in forms)
    clock = "%H:%M:%S" if seconds else "%H:%M" if minutes else "%H"
    return replace(style, clock=f"{timed['gap']}{clock}", digits=digits)
