"""`Style`: how the dates of a column are written, and dates written again in the same style."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from elman.core import checks, fields
from elman.series.dates import zones
from elman.series.dates.counts import count_of
from elman.series.dates.forms import COUNTS, check_template
from elman.series.dates.moments import MONTHS, minutes_east

__all__ = ["ISO", "Style", "plain_style"]

_CLOCK = re.compile(r"(?:(?:[Tt ]|, )(?:%H|%I)(?::%M(?::%S)?)?(?: ?%[pP])?)?")
_OFFSET = re.compile(r"(?:\s?(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?", re.IGNORECASE)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Style:
    """How dates are written.

    template   the form of the day, or of the whole, in strftime's letters and those of `forms`
    padded     whether days and months below 10 have two digits
    clock      of the time of day, empty where there is none;  digits  of the fraction of a second
    offset     of a fixed time zone, as it is written; with a zone only its form counts, and "" writes none
    zone       the name of a time zone, such as Europe/Berlin: the times are UTC then, and written in that zone;
               "": they are as written, whatever the offset
    """

    template: str = "%Y-%m-%d"
    padded: bool = True
    clock: str = ""
    digits: int = 0
    offset: str = ""
    zone: str = ""

    def __post_init__(self) -> None:
        check_template("template", self.template)
        checks.flag("padded", self.padded)
        if not _CLOCK.fullmatch(fields.text("clock", self.clock)):
            raise ValueError(f"clock: expected a time of day such as ' %H:%M', got {checks.shown(self.clock)}")
        checks.whole("digits", self.digits, low=0, high=6)
        if not _OFFSET.fullmatch(fields.text("offset", self.offset)):
            raise ValueError(f"offset: expected Z or one such as +01:00, got {checks.shown(self.offset)}")
        if fields.text("zone", self.zone):
            zones.check_zone("zone", self.zone)

    def label(self, time: np.datetime64) -> str:
        """Returns one date as text in this style."""
        return self.labels(np.asarray(time)[None])[0]

    def labels(self, times: np.ndarray) -> list[str]:
        """Returns dates (n,) as texts in this style."""
        times = times.astype("datetime64[us]")
        if not self.zone:
            return [self._written(time, self.offset) for time in times]
        east = zones.seconds_east(times, self.zone)
        walls = times + east.astype("timedelta64[s]")
        written = (zones.offset_text(seconds, self.offset) if self.offset else "" for seconds in east.tolist())
        return [self._written(time, offset) for time, offset in zip(walls, written, strict=True)]

    def wall(self, times: np.ndarray) -> np.ndarray:
        """Returns the times (n,) as a clock on the wall shows them."""
        return zones.to_wall(times, self.zone) if self.zone else times

    def utc(self, times: np.ndarray) -> np.ndarray:
        """Returns the times (n,) in UTC; those without an offset as they are."""
        east = 0 if self.zone else minutes_east(self.offset)
        return times - np.timedelta64(east, "m") if east else times

    def _written(self, time: np.datetime64, offset: str) -> str:
        """Returns the text of one time, as the clock shows it."""
        if self.template in COUNTS:
            return count_of(time, self.template, self.digits)
        moment: Any = time.item()
        if not isinstance(moment, datetime):  # beyond the year 9999
            return str(time)
        text = _filled(self.template, moment, self.padded, offset)
        if self.clock:
            text += _filled(self.clock, moment, self.padded or "%I" not in self.clock, offset)
            fraction = f".{moment.microsecond:06d}"[: self.digits + 1] if self.digits else ""
            text = re.sub(r"(\d)( ?[AaPp][Mm])?\Z", lambda end: f"{end[1]}{fraction}{end[2] or ''}", text)
        return text if "%z" in self.template else text + offset


ISO = Style()


def _filled(template: str, moment: datetime, padded: bool, offset: str) -> str:
    """Returns a template with the parts of a moment in the place of its letters."""
    if not padded and template == "%Y":
        return str(moment.year)
    week = moment.isocalendar()
    touching = re.findall(r"(?:%[YymdHIMSjVGf]){2,}", template)  # parts that follow one another have all their digits
    padded = padded or bool(touching)
    two = "02d" if padded else "d"
    half = "AM" if moment.hour < 12 else "PM"
    parts = {
        "Y": f"{moment.year:04d}", "y": f"{moment.year % 100:02d}", "N": f"{(moment.year + 1) % 100:02d}",
        "m": f"{moment.month:{two}}", "d": f"{moment.day:{two}}", "j": f"{moment.timetuple().tm_yday:03d}",
        "b": MONTHS[moment.month - 1][:3], "B": MONTHS[moment.month - 1],
        "q": str((moment.month + 2) // 3), "h": str((moment.month + 5) // 6),
        "G": f"{week.year:04d}", "V": f"{week.week:{two}}", "u": str(week.weekday), "a": _WEEKDAYS[week.weekday - 1],
        "H": f"{moment.hour:02d}", "I": f"{(moment.hour + 11) % 12 + 1:{two}}", "M": f"{moment.minute:02d}",
        "S": f"{moment.second:02d}", "f": f"{moment.microsecond:06d}", "p": half, "P": half.lower(), "z": offset,
        "%": "%",
    }  # fmt: skip
    return re.sub("%(.)", lambda token: parts[token.group(1)], template)


def plain_style(times: np.ndarray, zone: str = "") -> Style:
    """Returns the ISO style with as much of a time of day as the times (datetime64 of any unit) need.

    zone   the name of the time zone in which times that are UTC are written; "": they are written as they are
    """
    unit = np.datetime_data(times.dtype)[0]
    if unit in ("Y", "M"):
        return Style("%Y" if unit == "Y" else "%Y-%m")
    whole = times.astype("datetime64[us]")
    clocks = (zones.to_wall(whole, zone) if zone else whole).astype(np.int64) % 86_400_000_000
    offset = "+00:00" if zone else ""
    if not clocks.any() and not zone:
        return Style()
    if not (clocks % 60_000_000).any():
        return Style(clock=" %H:%M", offset=offset, zone=zone)
    return Style(clock=" %H:%M:%S", digits=6 if (clocks % 1_000_000).any() else 0, offset=offset, zone=zone)
