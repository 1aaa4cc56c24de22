"""The times in a column of text, a list or an array: read, placed in their time zone, and told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from elman.series.dates.local_time import localized, recognised
from elman.series.dates.moments import minutes_east
from elman.series.dates.reading import Reading, first_undated, read_dates
from elman.series.dates.style import Style, plain_style
from elman.series.dates.zones import fixed_offset
from elman.series.errors import shorten
from elman.series.tables.numbers import is_missing
from elman.series.tables.rows import Rows

__all__ = ["TimeOptions", "Zoned", "dates_of", "times_of"]


class TimeOptions(NamedTuple):
    """How a column of times is read.

    form    the form of the dates (`forms.check_template`); None: one that is known
    zone    the name of the time zone in which the times lie; None: that of the column, if it has one
    named   what the column is known to hold, "time" or "year"
    like    the style of the series that the rows follow, to which the times are converted
    """

    form: str | None = None
    zone: str | None = None
    named: str = "time"
    like: Style | None = None


class Zoned(np.ndarray):
    """Times of UTC, datetime64 (n,), and the name of the time zone or the offset in which their column showed them."""

    zone: str

    @classmethod
    def of(cls, times: np.ndarray, zone: str) -> Zoned:
        """Returns the times with their zone."""
        found = times.view(cls)
        found.zone = zone
        return found

    def __array_finalize__(self, obj: Any) -> None:
        self.zone = getattr(obj, "zone", "")


def times_of(data: object, name: str = "time", options: TimeOptions | None = None) -> list[Reading]:
    """Returns the times in an array, list or column: one reading, or several of text whose days and months cannot be
    told apart. Raises `DataError` for the first that is no time."""
    options, rows = options or TimeOptions(), Rows("value", name)
    times: Any = data if isinstance(data, Zoned) else np.asarray(data)
    if times.dtype.kind != "M":
        cells = times.tolist()
        key = getattr(getattr(cells[0], "tzinfo", None), "key", None) if cells else None
        if times.dtype.kind == "f" and all(cell == cell and cell == int(cell) for cell in cells):
            cells = map(int, cells)
        return dates_of([str(cell) for cell in cells], rows, options._replace(zone=options.zone or key))
    zone = times.zone if isinstance(times, Zoned) else ""
    times = np.asarray(times)
    if (absent := np.flatnonzero(np.isnat(times))).size:
        raise rows.error("no date", int(absent[0]), dates=True)
    whole = times.astype("datetime64[us]")
    days = times.astype("datetime64[D]")  # datetime64[us] overflows silently, days do not
    if (wrapped := np.flatnonzero(whole.astype("datetime64[D]") != days)).size:
        raise rows.error("expected a year between -290000 and 290000", int(wrapped[0]), dates=True)
    if zone and (offset := fixed_offset(zone)) is not None:
        walls = whole + np.timedelta64(minutes_east(offset), "m")
        reading = Reading(walls, replace(_timed(plain_style(walls)), offset=offset))
    elif zone:
        reading = Reading(whole, plain_style(times, zone))
    else:
        reading = Reading(whole, plain_style(times))
    return [_placed(reading, rows, options)]


def dates_of(cells: Sequence[str], rows: Rows, options: TimeOptions | None = None) -> list[Reading]:
    """Returns every reading of cells of text as dates. Raises `DataError` for the first cell that, together with those
    before it, has none."""
    options = options or TimeOptions()
    readings = read_dates(cells, options.form, options.named)
    if readings:
        alike = [each for each in readings if options.like and each.style.template == options.like.template]
        return [_placed(each, rows, options) for each in (alike or readings)]
    bad = first_undated(cells, options.form, options.named)
    raise rows.error(_problem(cells, bad, options.form), bad, dates=True)


def _problem(cells: Sequence[str], bad: int, form: str | None) -> str:
    """Returns what is wrong with the first cell that has no reading, and what to do."""
    cell = cells[bad]
    problem = "no date" if is_missing(cell) else f"{shorten(cell)} does not read as a date"
    if form is not None:
        return f"{problem} of the form {form}"
    if bad:
        return f"{problem} like {shorten(cells[0])}"
    if ":" in cell and len(cell.strip()) <= len("12:00:00 AM"):
        return f"{problem}, a time of day needs one; name both columns with time (--time date,time)"
    return (
        f"{problem}; dates such as 2024-01-31 are read, date_format (--date-format) names another form, and"
        " time='none' (--time none) numbers the rows"
    )


def _placed(reading: Reading, rows: Rows, options: TimeOptions) -> Reading:
    """Returns a reading in the zone that was asked for, or of the series that the rows follow, or that its clocks show.
    `DataError` for a time that the clocks of the zone leave out."""
    like, zone, style = options.like, options.zone, reading.style
    if like is not None:
        return _alike(reading, like, rows)
    if zone is None:
        return reading if style.zone or style.offset else _recognised(reading)
    if style.zone or style.offset:
        notes = tuple(each for each in reading.notes if "(--zone)" not in each)
        return Reading(style.utc(reading.times), replace(style, zone=zone, offset=style.offset), notes)
    return replace(reading, times=_in_utc(reading, zone, rows), style=replace(style, zone=zone))


def _alike(reading: Reading, like: Style, rows: Rows) -> Reading:
    """Returns a reading as the series reckons whose style is `like`: in UTC, by its offset, or as clocks show it."""
    style, times = reading.style, reading.times
    aware = bool(style.zone or style.offset)
    if like.zone:
        times = style.utc(times) if aware else _in_utc(reading, like.zone, rows)
    elif like.offset:
        times = style.utc(times) + np.timedelta64(minutes_east(like.offset), "m") if aware else times
    else:
        times = style.wall(times)
    return Reading(times, like, reading.notes)


def _in_utc(reading: Reading, zone: str, rows: Rows) -> np.ndarray:
    """Returns the times that the clocks of a zone show in UTC; `DataError` for one that they leave out."""
    falling = len(reading.times) > 1 and reading.times[-1] < reading.times[0]
    times = localized(reading.times[::-1] if falling else reading.times, zone)
    if isinstance(times, int):
        row = len(reading.times) - 1 - times if falling else times
        label = reading.style.label(reading.times[row])
        raise rows.error(f"zone: the clocks of {zone} leave out {label}; name another with --zone", row, dates=True)
    return times[::-1] if falling else times


def _recognised(reading: Reading) -> Reading:
    """Returns a reading in the zone whose clocks show its times, where it has an hour that was left out or comes
    twice."""
    found = recognised(reading.times)
    if found is None:
        return reading
    label = reading.style.label(reading.times[found.row])
    told = (
        f"times: near {label} they go as the clocks of {found.zone} when summer time begins or ends, so they are taken"
        " for these; zone (--zone) names another, and UTC none"
    )
    return Reading(found.times, replace(reading.style, zone=found.zone), (*reading.notes, told))


def _timed(style: Style) -> Style:
    """Returns a style that writes the time of day."""
    return style if style.clock else replace(style, clock=" %H:%M")
