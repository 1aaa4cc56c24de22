"""Time zones: times of UTC and times as a clock on the wall shows them, converted many at once by `zoneinfo`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from elman.core import checks
from elman.series.errors import DataError

__all__ = [
    "check_zone", "fixed_offset", "known_zones", "offset_text", "seconds_east", "to_utc", "to_wall", "zone_with",
]  # fmt: skip

_DAY = 86_400_000_000  # microseconds
_BLOCK = 1 << 16  # times that are converted together, which bounds the memory
_NEAR = np.datetime64("0001-01-03", "us"), np.datetime64("9999-12-29", "us")  # datetime's years, a day apart from ends

# One zone for each rule of summer time in recent decades, the most populous first: those that are tried where a file
# shows a change of its clocks and does not name a zone. The clocks of Paris and Rome change as those of Berlin do.
KNOWN = (
    "Europe/Berlin", "America/New_York", "Europe/London", "America/Chicago", "America/Los_Angeles", "America/Denver",
    "Europe/Helsinki", "Europe/Lisbon", "Europe/Moscow", "Europe/Istanbul", "Australia/Sydney", "Australia/Adelaide",
    "Australia/Lord_Howe", "Pacific/Auckland", "America/Sao_Paulo", "America/Santiago", "America/Asuncion",
    "America/Mexico_City", "America/Halifax", "America/St_Johns", "America/Havana", "America/Anchorage",
    "America/Montevideo", "America/Bogota", "Asia/Jerusalem", "Asia/Beirut", "Asia/Amman", "Asia/Damascus",
    "Asia/Tehran", "Asia/Baghdad", "Africa/Cairo", "Africa/Casablanca", "Africa/Windhoek", "Atlantic/Azores",
    "Europe/Chisinau", "Asia/Seoul", "Asia/Shanghai", "Asia/Tokyo", "Asia/Kolkata", "Pacific/Chatham", "Pacific/Apia",
    "America/Nuuk", "Asia/Novosibirsk", "Asia/Yekaterinburg", "Europe/Dublin",
)  # fmt: skip


def check_zone(name: str, zone: object) -> str:
    """Returns the name of a time zone as it is. TypeError or ValueError where there is none of that name."""
    if not isinstance(zone, str):
        raise TypeError(f"{name}: expected the name of a time zone, such as Europe/Berlin, got {checks.shown(zone)}")
    try:
        _zone(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError, UnicodeError):
        raise ValueError(
            f"{name}: expected the name of a time zone, such as Europe/Berlin, got {checks.shown(zone)}; where this"
            " machine has no time zones, type: pip install tzdata"
        ) from None
    return zone


def to_wall(times: np.ndarray, zone: str) -> np.ndarray:
    """Returns times of UTC, datetime64[us] (n,), as clocks in a zone show them."""
    return times + seconds_east(times, zone).astype("timedelta64[s]")


def seconds_east(times: np.ndarray, zone: str) -> np.ndarray:
    """Returns how many seconds a zone is east of UTC, int32 (n,), at times of UTC, datetime64[us]."""
    return _seconds(times, zone, lambda moment, known: moment.replace(tzinfo=UTC).astimezone(known))


def to_utc(walls: np.ndarray, zone: str, second: bool = False) -> np.ndarray:
    """Returns times that clocks in a zone show, datetime64[us] (n,), in UTC.

    A time that the clocks show twice is the first of the two, or the `second`. One that they leave out is as much after
    the change as it would be without it.
    """
    fold = int(second)
    east = _seconds(walls, zone, lambda moment, known: moment.replace(tzinfo=known, fold=fold))
    return walls - east.astype("timedelta64[s]")


def zone_with(times: np.ndarray, east: np.ndarray) -> str | None:
    """Returns the first of the KNOWN zones that is `east` (n,) minutes east of UTC at the times of UTC (n,); None where
    there is none."""
    changes = np.flatnonzero(np.diff(east))
    ends = np.unique(np.concatenate([[0], changes, changes + 1, [len(times) - 1]]))
    for zone in known_zones():
        if (seconds_east(times[ends], zone) == 60 * east[ends].astype(np.int64)).all() and (
            seconds_east(times, zone) == 60 * east.astype(np.int64)
        ).all():
            return zone
    return None


def offset_text(seconds: int, like: str) -> str:
    """Returns an offset east of UTC as text, in whole minutes and in the form of another one."""
    minutes = round(seconds / 60)
    if not minutes and like.strip().upper() in ("Z", "UTC", "GMT"):
        return like
    sign, hours, rest = "-" if minutes < 0 else "+", *divmod(abs(minutes), 60)
    blank, digits = " " if like[:1].isspace() else "", like.strip()
    if len(digits) == 3 and not rest and digits[0] in "+-":
        return f"{blank}{sign}{hours:02d}"
    colon = "" if digits[0] in "+-" and ":" not in digits and len(digits) > 3 else ":"
    return f"{blank}{sign}{hours:02d}{colon}{rest:02d}"


@lru_cache(128)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def known_zones() -> Iterator[str]:
    """Returns those of the KNOWN zones that this machine knows."""
    for name in KNOWN:
        try:
            _zone(name)
        except (ZoneInfoNotFoundError, OSError):
            continue
        yield name


def _seconds(times: np.ndarray, zone: str, placed: Callable[[datetime, ZoneInfo], datetime]) -> np.ndarray:
    """Returns the offset of a zone in seconds, int32 (n,), at each of the times; `placed` gives a datetime its zone."""
    known, found = _zone(zone), np.empty(len(times), np.int32)
    for start in range(0, len(times), _BLOCK):
        block = times[start : start + _BLOCK]
        beyond = (block < _NEAR[0]) | (block > _NEAR[1])
        if beyond.any():
            raise DataError(f"zone: expected years 1 to 9999 in {zone}, got {block[beyond.argmax()]}")
        found[start : start + _BLOCK] = _seconds_of_days(block, lambda moment: placed(moment, known).utcoffset())
    return found


def _seconds_of_days(times: np.ndarray, offset: Callable[[datetime], timedelta | None]) -> np.ndarray:
    """As `_seconds`: the clocks of most days do not change, so their beginning and end have one offset, which is that
    of all their times."""

    def east(moment: datetime) -> int:
        return int(cast("timedelta", offset(moment)).total_seconds())

    days, which = np.unique(times.astype(np.int64) // _DAY, return_inverse=True)
    first, last = np.empty(len(days), np.int32), np.empty(len(days), np.int32)
    before, end = None, 0  # the day before, and the offset at its end
    for i, day in enumerate(days.tolist()):
        moment = datetime(1970, 1, 1) + timedelta(day)
        first[i] = end if before == day - 1 else east(moment)
        last[i] = end = east(moment + timedelta(1))
        before = day
    found = first[which]
    for row in np.flatnonzero((first != last)[which]).tolist():
        found[row] = east(times[row].item())
    return found


def fixed_offset(zone: str) -> str | None:
    """Returns the offset, such as +01:00, that stands for a zone without a name of its own; None for one with a
    name."""
    if zone in ("UTC", "Etc/UTC", "Z"):
        return "+00:00"
    match = re.fullmatch(r"(?:UTC)?([+-]\d\d):?(\d\d)", zone)
    return match and f"{match[1]}:{match[2]}"
