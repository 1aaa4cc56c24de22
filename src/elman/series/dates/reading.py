"""Dates as people write them, read from the cells of a column.

All cells of a column are read by the same form (`forms`). Where several forms fit every cell (03/04/2020 is in
March or in April), all readings are returned, and the one that makes regular steps is taken later (`build`). What a
reader should know of a reading is in its `notes`: its caller tells them, since readings are cached.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from elman.series.dates.counts import count_template, times_of_counts
from elman.series.dates.forms import COUNTS, DAYS, DIGITS, WIDER, pattern
from elman.series.dates.local_time import unwrapped
from elman.series.dates.moments import LAST_SHORT_YEAR, Parts, moments
from elman.series.dates.style import Style
from elman.series.dates.zones import zone_with
from elman.series.errors import shorten
from elman.series.tables.cells import blocks

__all__ = ["Reading", "common_form", "first_undated", "read_dates", "reads_as_date", "unclear"]

_REMEMBERED = 2000  # cells of a column at most, for which the readings are cached
_FIRST, _LAST = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31T23:59:59.999999", "us")
_NUMBER = re.compile(r"[+-]?\d*(?:[.,]\d*)?(?:[eE][+-]?\d+)?\Z")
_NUMERIC = ("%Y", "%Y%m%d", "%m.%Y")  # the forms that read as numbers, but for DIGITS and COUNTS
_SHORT = f"years of two digits: 00 to {LAST_SHORT_YEAR} are 2000 to 20{LAST_SHORT_YEAR}, the others 1900 and later"
_NO_DAY = ("%b-%y", "%B-%y", "%b %y", "%B %y", "%b/%y", "%B/%y", "%y-%b", "%y-%B")
_WORDS = {"d": "day", "m": "month", "Y": "year", "y": "year"}


@dataclass(frozen=True)
class Reading:
    """A column read as dates.

    times   datetime64[us] (n,): UTC where the style has a zone, else as they are written
    style   how they are written
    notes   what a reader should know of how they were read
    """

    times: np.ndarray
    style: Style
    notes: tuple[str, ...] = ()


def read_dates(cells: Sequence[str], form: str | None = None, named: str = "") -> list[Reading]:
    """Returns every way to read all cells as dates: none, one, or several where days, months and years cannot be told
    apart.

    form    the form of the dates in strftime's letters, or one of `forms.COUNTS`; None: any that is known
    named   what the column is known to hold, so that numbers may count them: "time", "year" or, if nothing, ""
    """
    read = _read_before if len(cells) <= _REMEMBERED else _readings
    return list(read(tuple(cells) if len(cells) <= _REMEMBERED else cells, form, named))


def _readings(cells: Sequence[str], form: str | None, named: str) -> tuple[Reading, ...]:
    """As `read_dates`, without the cache."""
    found: list[Reading] = []
    same: list[str] = []
    templates = [form] if form is not None else list(_candidates(cells[:1], named))
    for template in templates:
        reading = _read(cells, template, form is not None, named)
        if not isinstance(reading, Reading):
            continue
        if any(np.array_equal(reading.times, each.times) for each in found):
            same.append(template)
            continue
        reading.times.flags.writeable = False  # the cache shares it
        found.append(reading)
    if len(cells) > 1:  # 2001/02, 2002/03 are years, though every 13 months would be regular too
        found = [each for each in found if "%N" in each.style.template] or found
    if len(found) > 1:  # 2024013118 is no count of seconds
        found = [each for each in found if each.style.template.startswith("%Y%m%d%")] or found
    if form is None:
        found = [_with_order(each, cells, [each for each in templates if each not in same], len(found) > 1)
                 for each in found]  # fmt: skip
    return tuple(found)


_read_before = lru_cache(4)(_readings)  # most series of a panel have the same dates


def common_form(cells: Sequence[str], named: str) -> Reading | None:
    """Returns the reading of all cells, of which each series of a table has some, where the first cell alone could be
    read in several ways and all of them in one only; else None."""
    first = [each for form in _candidates(cells[:1], named) if isinstance(each := _read(cells[:1], form), Reading)]
    if len({each.times[0] for each in first}) < 2:
        return None
    readings = read_dates(cells, None, named)
    return readings[0] if len(readings) == 1 else None


def reads_as_date(cell: str) -> bool:
    """Returns whether one cell alone can be read as a date."""
    return any(isinstance(_read([cell], template), Reading) for template in _candidates([cell]))


def first_undated(cells: Sequence[str], form: str | None = None, named: str = "") -> int:
    """Returns the index of the first cell that, together with those before it, has no reading; for cells that
    `read_dates` cannot read."""
    templates = [form] if form is not None else _candidates(cells[:1], named)
    readings = (_read(cells, template, form is not None) for template in templates)
    return max((reading for reading in readings if isinstance(reading, int)), default=0)


def unclear(readings: Sequence[Reading]) -> str:
    """Returns what is wrong where several readings are possible, and what to do: with the first date."""
    first = readings[0].style.label(readings[0].times[0])
    forms = [reading.style.template for reading in readings]
    orders, remedy = " or ".join(map(_order, forms)), " or ".join(forms)
    return f"{shorten(first)} may be {orders}; say which with date_format (--date-format {remedy})"


def _order(template: str) -> str:
    """Returns the order of a form's days, months and years in words, such as day/month/year."""
    return re.sub(r"%(.)", lambda letter: _WORDS.get(letter[1], letter[0]), template)


def _candidates(cells: Sequence[str], named: str = "") -> Iterable[str]:
    """Returns the templates whose pattern the first cell matches."""
    text = cells[0].strip() if cells else ""
    if not any(map(str.isdigit, text)):  # a quick test that fails for most cells that are no dates
        return
    numeric = _NUMBER.match(text) is not None
    yield from (each for each in (_NUMERIC if numeric else (*DAYS, *WIDER)) if pattern(each).match(text))
    if numeric and named:
        yield from (each for each in DIGITS if pattern(each).match(text))
        yield from COUNTS


def _read(cells: Sequence[str], template: str, given: bool = False, named: str = "") -> Reading | int:
    """Returns all cells read by one template, or the index of the first that cannot be read with those before it."""
    if template in COUNTS:
        return _read_counts(cells, template, given, named)
    times: list[np.ndarray] = []
    east: list[np.ndarray] = []
    offsets: dict[str, int] = {}
    forms: dict[str, Parts] = {}
    start = 0
    for block in blocks(cells):
        found = moments(block, pattern(template))
        if isinstance(found, int):
            return start + found
        times.append(found.times)
        east.append(found.east)
        for offset, first in found.offsets.items():
            offsets.setdefault(offset, start + first)
        for shape, parts in found.forms.items():
            forms.setdefault(shape, parts)
        start += len(block)
    whole = np.concatenate(times)
    if not given and template in _NO_DAY and _may_be_days(whole):
        return 0
    notes = [] if given and "%y" not in template else list(_notes(cells[0].strip(), template, whole[0]))
    if "%y" in template and (later := unwrapped(whole)) is not whole:
        whole = later
        notes.append("times: years of two digits go on into the next century")
    style = Style(template, padded=not _narrow(forms.values()), offset=next(iter(offsets)))
    style = _with_clock(style, list(forms.values()))
    if len(offsets) > 1 and any(parts.get("hour") for parts in forms.values()):
        minutes = np.concatenate(east)
        whole -= minutes.astype(np.int64) * np.timedelta64(1, "m")
        beyond = np.flatnonzero((whole < _FIRST) | (whole > _LAST))
        if beyond.size:
            return max(int(beyond[0]), sorted(offsets.values())[1])
        style, note = _with_zone(style, whole, minutes)
        notes += note
    return Reading(whole, style, tuple(notes))


def _read_counts(cells: Sequence[str], template: str, given: bool, named: str) -> Reading | int:
    """As `_read`, of cells that count from a fixed date."""
    if not given and count_template(cells, named == "year") != template:
        return 0
    found = times_of_counts(cells, template)
    if isinstance(found, int):
        return found
    parted = bool((found.astype("datetime64[Y]") != found).any())
    longest = max((len(cell.strip().partition(".")[2]) for cell in cells), default=0)
    style = Style(template, digits=min(6, longest))
    what, shown = {
        "seconds": ("seconds since 1970", 19), "milliseconds": ("milliseconds since 1970", 19),
        "serial": ("a spreadsheet's days", 19), "years": ("a year with its fraction" if parted else "a year", 7),
    }[template]  # fmt: skip
    note = f"times: {shorten(cells[0].strip())} is read as {what}, {str(found[0]).replace('T', ' ')[:shown]}"
    return Reading(found, style, () if given else (f"{note}; date_format (--date-format) names another form",))


def _with_zone(style: Style, times: np.ndarray, minutes: np.ndarray) -> tuple[Style, list[str]]:
    """Returns the style of times of UTC that were written with several offsets, and what is to be told of it."""
    if (minutes == minutes[0]).all():  # Z and +00:00
        return replace(style, offset="+00:00") if not minutes[0] else style, []
    zone = zone_with(times, minutes)
    if zone is None:
        return replace(style, offset="+00:00"), [
            "times: their offsets change as those of no known zone, so they are in UTC; zone (--zone) names the zone"
        ]
    return replace(style, zone=zone), [
        f"times: their offsets change as in {zone}, so steps of a day go by its clocks; zone (--zone) names another"
    ]


def _with_order(reading: Reading, cells: Sequence[str], templates: Sequence[str], several: bool) -> Reading:
    """Returns a reading with the note of how days and months were told apart, if the first cell does not do so."""
    own, shown = reading.style.template, shorten(cells[0].strip()) if cells else ""
    if several:
        note = f"times: dates such as {shown} are read as {_order(own)}, since their steps are regular then"
        return replace(reading, notes=(*reading.notes, note))
    rivals = [each for each in templates if {"%d", "%m"} <= {*re.findall("%.", each)} and each != own]
    if "%d" not in own or not any(isinstance(_read(cells[:1], each), Reading) for each in rivals):
        return reading
    note = f"times: dates such as {shown} are read as {_order(own)}, as all of them can be"
    return replace(reading, notes=(*reading.notes, note))


def _notes(cell: str, template: str, time: np.datetime64) -> Iterable[str]:
    """Returns what is to be told of a form that could mean something else, with the first cell and its time."""
    shown, day = shorten(cell), str(time)[:10]
    if "%y" in template:
        yield f"times: {shown} is read as {day}; {_SHORT}"
    if "%N" in template:
        yield f"times: {shown} is read as the year that begins in {cell[:4]}"
    if "FY" in template:
        yield f"times: {shown} is read as the year {day[:4]}; in which month it begins is not known"
    if template in DIGITS:
        whole = str(time).replace("T", " ")[:16]
        yield f"times: {shown} is read as {whole}; date_format (--date-format) names another form"


def _may_be_days(times: np.ndarray) -> bool:
    """Returns whether months with a year of two digits, such as Jan-01, Jan-02, may as well be days without a year."""
    months = times.astype("datetime64[M]").astype(np.int64)
    short = (months // 12 + 1970) % 100
    return len(times) > 1 and bool(((short >= 1) & (short <= 31)).all()) and months[0] % 12 == months[1] % 12


def _narrow(forms: Iterable[Parts]) -> bool:
    """Returns whether some day, month or year is written with fewer digits than the longest one has."""
    longest = {"day": 2, "month": 2, "week": 2, "year": 4}
    return any(len(parts.get(key) or "0000") < most for parts in forms for key, most in longest.items())


def _with_clock(style: Style, forms: Sequence[Parts]) -> Style:
    """Returns the style with the names of months and the time of day as these parts of cells have them."""
    template = style.template
    names = [(parts.get("name") or "").lower() for parts in forms]
    if any(len(name) > 4 or name in ("june", "july") for name in names):  # "sept" is an abbreviation too
        style = replace(style, template=style.template.replace("%b", "%B"))
    if template not in DAYS:  # the time of day, if there is any, is part of the template
        return style
    timed = next((parts for parts in forms if parts.get("gap")), None)
    if timed is None:
        return replace(style, offset="")
    seconds = any(parts.get("second") for parts in forms)
    digits = min(6, max(len(parts.get("fraction") or "") for parts in forms))
    minutes = any(parts.get("minute") for parts in forms)
    clock = "%H:%M:%S" if seconds else "%H:%M" if minutes else "%H"
    gap = str(timed["gap"])
    gap = gap if gap in "Tt" else ", " if gap.startswith(",") else " "
    if meridiem := timed.get("meridiem"):
        letters = "%p" if meridiem.strip().isupper() else "%P"
        clock = clock.replace("%H", "%I") + (" " if meridiem[0].isspace() else "") + letters
        narrow = any(len(parts.get("hour") or "00") == 1 for parts in forms)
        style = replace(style, padded=style.padded and not narrow)
    return replace(style, clock=f"{gap}{clock}", digits=digits)
