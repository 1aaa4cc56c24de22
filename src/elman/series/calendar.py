"""The step between the rows of a series: found in the dates or given by name, and continued past the last row.

There are three rules of stepping: a fixed time, months, and days of the week. A day that the rule leaves out (weekends,
the days between two month ends) is no gap; a day that belongs to the rule and has no row is one. In a time zone, steps
of a day and longer go by its clocks, and shorter ones by the time that passes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from elman.core import checks, fields
from elman.series.dates import zones
from elman.series.dates.step_names import short_name
from elman.series.errors import DataError

__all__ = ["FARTHEST", "Calendar", "check_freq", "commonest", "infer", "parse"]

FARTHEST = 2**61  # microseconds from 1970, some 73,000 years: the sum of two such times fits into datetime64[us]

_US = {"us": 1, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6, "D": 86400 * 10**6, "W": 7 * 86400 * 10**6}
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_WORDS = {"H": "h", "T": "min", "S": "s", "d": "D", "w": "W", "b": "B", "A": "Y"}
_WORKING = "1111100"
_DAY = np.timedelta64(1, "D")
_REMEMBERED = 2000  # times of a series at most, for which the rule found is cached


@dataclass(frozen=True)
class Calendar:
    """One rule of stepping from row to row.

    unit       "us": every `step` microseconds; "month": every `step` months on the day `day`, or on the last day of a
               month that is shorter (31 is the last day of every month); "weekday": every day that `weekmask` allows
    weekmask   seven of 0 and 1, Monday first
    zone       the name of a time zone; all times are UTC then. "": they are as the series has them
    """

    unit: str
    step: int = 1
    day: int = 1
    weekmask: str = _WORKING
    zone: str = ""

    def __post_init__(self) -> None:
        checks.choice("unit", self.unit, ("us", "month", "weekday"))
        checks.whole("step", self.step, low=1, high=FARTHEST)
        checks.whole("day", self.day, low=1, high=31)
        fields.text("weekmask", self.weekmask)
        if not re.fullmatch("[01]{7}", self.weekmask) or "1" not in self.weekmask:
            raise ValueError(f"weekmask: expected seven of 0 and 1, Monday first, got {self.weekmask!r}")
        if fields.text("zone", self.zone):
            zones.check_zone("zone", self.zone)

    @property
    def _by_clocks(self) -> bool:
        """Whether the steps go by the clocks of a zone."""
        return self.zone != "" and (self.unit != "us" or self.step >= _US["D"])

    def ahead(self, time: np.datetime64, count: int, between: int = 0) -> np.ndarray:
        """Returns the `count` times that follow `time`, datetime64[us] (count,), after leaving out the first `between`
        of them. `DataError` for times beyond FARTHEST."""
        time, steps = time.astype("datetime64[us]"), np.arange(between + 1, between + count + 1)
        if not self._by_clocks:
            return self._at(time, steps)
        return zones.to_utc(self._at(_clocks(np.array([time]), self.zone)[0], steps), self.zone)

    def index(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns how many steps each time is from the first, int64 (n,), and whether the rule has that time at all,
        bool (n,)."""
        times = times.astype("datetime64[us]")
        _check_reach(times)
        if self._by_clocks:
            times = _clocks(times, self.zone)
        days = times.astype("datetime64[D]")
        if self.unit == "us":
            steps = (times - times[0]).astype(np.int64) // self.step
        elif self.unit == "month":
            months = times.astype("datetime64[M]").astype(np.int64)
            steps = (months - months[0]) // self.step
        else:
            steps = np.busday_count(days[0], days, weekmask=self.weekmask)
        return steps, self._at(times[0], steps) == times

    def _at(self, origin: np.datetime64, steps: np.ndarray) -> np.ndarray:
        """Returns the times that are `steps` (n,) steps after `origin`."""
        days = {"us": 0, "month": 31, "weekday": 7}[self.unit]
        longest = days * self.step * _US["D"] or self.step
        if int(np.abs(steps).max(initial=0)) * longest > FARTHEST:
            raise DataError(f"{len(steps)} rows ({self.name}) lead to dates beyond reckoning, 73,000 years from 1970")
        if self.unit == "us":
            return origin + (steps * self.step).astype("timedelta64[us]")
        clock = origin - origin.astype("datetime64[D]")
        if self.unit == "month":
            days = _on_day(origin.astype("datetime64[M]") + steps * self.step, self.day)
        else:
            first = np.busday_offset(origin.astype("datetime64[D]"), 0, roll="forward", weekmask=self.weekmask)
            days = np.busday_offset(first, steps, weekmask=self.weekmask)
        return days.astype("datetime64[us]") + clock

    @property
    def seasons(self) -> tuple[int, ...]:
        """The lengths of season that are usual for this step, shortest first; empty where there are none."""
        if self.unit == "month":
            return (12 // self.step,) if self.step < 12 and 12 % self.step == 0 else ()
        if self.unit == "weekday":
            return (self.weekmask.count("1"),)
        if self.step == _US["W"]:
            return (52,)
        found = (_US[span] // self.step for span in ("min", "h", "D", "W") if _US[span] % self.step == 0)
        return tuple(length for length in found if 1 < length <= 366)

    @property
    def daily(self) -> bool:
        """Whether a step is a day, a day of the week, or less."""
        return self.unit == "weekday" or (self.unit == "us" and self.step <= _US["D"])

    @property
    def unit_name(self) -> str | None:
        """The name of one step, such as "month", "business day" or "hour"; None for a step that has no name."""
        if self.unit == "weekday":
            return "business day" if self.weekmask == _WORKING else "working day"
        if self.unit == "month":
            return {1: "month", 3: "quarter", 12: "year"}.get(self.step)
        words = {"s": "second", "min": "minute", "h": "hour", "D": "day", "W": "week"}
        return next((word for letters, word in words.items() if _US[letters] == self.step), None)

    @property
    def name(self) -> str:
        """The rule in words, such as "monthly", "quarter ends", "business days" or "every 15 minutes"."""
        unit = self.unit_name
        if self.unit == "weekday":
            return f"{unit}s" if self.weekmask == _WORKING else f"{self.weekmask.count('1')} days a week"
        if self.unit == "month":
            if self.day == 31:
                return f"{unit} ends" if unit else f"every {self.step} months, at the end"
            return f"{unit}ly" if unit else f"every {self.step} months"
        if unit:
            return "daily" if unit == "day" else f"{unit}ly"
        for word, letters in (("week", "W"), ("day", "D"), ("hour", "h"), ("minute", "min"), ("second", "s")):
            if self.step % _US[letters] == 0:
                return f"every {self.step // _US[letters]} {word}s"
        return f"every {self.step} microseconds"


def infer(times: np.ndarray, zone: str = "") -> Calendar | None:
    """Returns the rule that increasing times (n >= 2) follow, with or without gaps; None where they follow none.

    zone   the name of the time zone of times that are UTC
    """
    times = times.astype("datetime64[us]")
    _check_reach(times)
    return _infer_again(times.tobytes(), zone) if len(times) <= _REMEMBERED else _infer(times, zone)


@lru_cache(4)
def _infer_again(times: bytes, zone: str) -> Calendar | None:
    """As `infer`, cached, since most series of a panel have the same times."""
    return _infer(np.frombuffer(times, "datetime64[us]"), zone)


def _infer(times: np.ndarray, zone: str) -> Calendar | None:
    clocks = _clocks(times, zone) if zone else times
    fixed = _fixed(clocks)
    if zone and (fixed is None or fixed.step < _US["D"]):
        fixed = _fixed(times)
    for calendar in (_months(clocks), _weekdays(clocks), fixed):
        if calendar is not None:
            calendar = replace(calendar, zone=zone)
            steps, known = calendar.index(times)
            if known.all() and (np.diff(steps) > 0).all():
                return calendar
    return None


def _clocks(times: np.ndarray, zone: str) -> np.ndarray:
    """Returns times of UTC (n,) as the clocks of a zone show them. Where clocks leave out midnight, the first time of
    that day stands for it."""
    walls = zones.to_wall(times, zone)
    days = walls.astype("datetime64[D]").astype("datetime64[us]")
    late = np.flatnonzero((walls > days) & (walls - days <= np.timedelta64(2, "h")))
    midnights = late[zones.to_utc(days[late], zone) == times[late]]
    walls[midnights] = days[midnights]
    return walls


def parse(freq: object, times: np.ndarray, zone: str = "") -> Calendar:
    """Returns the rule of a name: a count and one of s min h D B W M Q Y. S or E after M, Q or Y stands for the first
    or last day; without it the day is that of the times, which are UTC in a `zone`. `ValueError` for other names.
    """
    match = re.fullmatch(r"\s*(\d{0,6})\s*([A-Za-z]+)\s*", short_name(freq)) if isinstance(freq, str) else None
    if match is not None:
        count, word = int(match[1] or 1), _WORDS.get(match[2], match[2])
        if count and word == "B" and count == 1:
            return Calendar("weekday", zone=zone)
        if count and word in _US:
            return Calendar("us", count * _US[word], zone=zone)
        if count and word[0] in _MONTHS and word[1:] in ("", "S", "E"):
            days = (_clocks(times, zone) if zone else times).astype("datetime64[D]")
            day = {"S": 1, "E": 31, "": 0}[word[1:]] or _day_of_month(days) or 1
            return Calendar("month", count * _MONTHS[word[0]], day, zone=zone)
    raise ValueError(
        "freq: expected a step such as 15min, h, D, B (business days), W, M, MS, ME, QE, Y or monthly, got"
        f" {checks.shown(freq)}"
    )


def check_freq(freq: str) -> str:
    """Returns the name of a step as it is. Raises ValueError or TypeError where it names none."""
    parse(freq, np.array(["1970-01-01"], "datetime64[us]"))
    return freq


def _check_reach(times: np.ndarray) -> None:
    """Raises `DataError` for a time beyond FARTHEST."""
    numbers = times.astype(np.int64)
    if ((numbers < -FARTHEST) | (numbers > FARTHEST)).any():  # NaT is the least of them
        raise DataError("expected dates within 73,000 years of 1970")


def _months(times: np.ndarray) -> Calendar | None:
    """Returns the rule of months of such times, if they may follow one."""
    days = times.astype("datetime64[D]")
    day = _day_of_month(days)
    if day is None or not _one_clock(times, days):
        return None
    steps = np.diff(days.astype("datetime64[M]").astype(np.int64))
    return Calendar("month", commonest(steps), day) if (steps > 0).all() else None


def _weekdays(times: np.ndarray) -> Calendar | None:
    """Returns the rule of weekdays of such times, if they may follow one."""
    days = times.astype("datetime64[D]")
    if not _one_clock(times, days):
        return None
    present = np.bincount((days.astype(np.int64) + 3) % 7, minlength=7) > 0  # day 0, 1970-01-01, was a Thursday
    if days[-1] - days[0] >= 14 * _DAY and 2 <= present.sum() < 7:
        calendar = Calendar("weekday", weekmask="".join("01"[int(p)] for p in present))
    elif not present[5:].any() and (np.diff(days) == 3 * _DAY).any():  # less than two weeks, with a weekend left out
        calendar = Calendar("weekday")
    else:
        return None
    return calendar if np.median(np.diff(calendar.index(times)[0])) == 1 else None


def _one_clock(times: np.ndarray, days: np.ndarray) -> bool:
    """Returns whether all times have the same time of day."""
    clocks = times - days
    return bool((clocks == clocks[0]).all())


def _fixed(times: np.ndarray) -> Calendar | None:
    """Returns the rule of a fixed time between such times, if they may follow one."""
    steps = np.diff(times).astype(np.int64)
    return Calendar("us", commonest(steps)) if (steps > 0).all() else None


def commonest(steps: np.ndarray) -> int:
    """Returns the most frequent value, at least 1; of several the smallest."""
    values, counts = np.unique(steps, return_counts=True)
    return max(int(values[counts.argmax()]), 1)


def _day_of_month(days: np.ndarray) -> int | None:
    """Returns the day of the month that all dates have, 31 where each is its month's last; None where they differ."""
    months = days.astype("datetime64[M]")
    numbers = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    for day in (31, int(numbers.max())):
        if (_on_day(months, day) == days).all():
            return day
    return None


def _on_day(months: np.ndarray, day: int) -> np.ndarray:
    """Returns the given day of each month, or the last day of a month that is shorter."""
    last = (months + 1).astype("datetime64[D]") - _DAY
    return np.minimum(months.astype("datetime64[D]") + (day - 1) * _DAY, last)
