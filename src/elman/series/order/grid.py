"""Times put onto a regular grid: those of a sensor that are a little early or late, or more than are needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elman.series import calendar as calendars
from elman.series.calendar import Calendar
from elman.series.dates import zones

__all__ = ["check_regular_step", "onto_grid"]

_DAY = 86_400_000_000  # microseconds


def check_regular_step(step: str) -> str:
    """Returns the name of a step as it is. ValueError or TypeError where it names none, or one of weekdays."""
    _parsed(step, np.array(["1970-01-01"], "datetime64[us]"))
    return step


def _parsed(step: str, times: np.ndarray) -> Calendar:
    try:
        calendar = calendars.parse(step, times)
    except ValueError as error:
        raise ValueError(str(error).replace("freq:", "regular:", 1)) from None
    if calendar.unit == "weekday":
        raise ValueError("regular: expected a step such as 5min, h, D, W or M, got business days, which leave days out")
    return calendar


def onto_grid(
    times: np.ndarray, step: str, origin: np.datetime64 | None = None, zone: str = ""
) -> tuple[Calendar, np.ndarray]:
    """Returns the step's calendar, and for each of rising times (n,) the time of the grid that is its own.

    Steps below a day take the nearest time of the grid, longer ones the last time before, so that a day's row is any
    of that day.

    step     the name of the step, such as "5min" (`calendar.parse`)
    origin   a time of the grid; None: the first row's midnight, or the first day of its month
    zone     the name of the time zone of times that are UTC: steps of a day and longer go by its clocks
    """
    if zone:
        return _onto_grid_of_clocks(times, step, origin, zone)
    calendar = _parsed(step, times)
    if calendar.unit == "month":
        months = times.astype("datetime64[M]").astype(np.int64)
        first = months[0] if origin is None else origin.astype("datetime64[M]").astype(np.int64)
        index = (months - first) // calendar.step
        before = np.datetime64(int(first + (index[0] - 1) * calendar.step), "M").astype("datetime64[us]")
        return calendar, calendar.ahead(before, int(index[-1] - index[0]) + 1)[index - index[0]]
    start = times[0].astype("datetime64[D]").astype("datetime64[us]") if origin is None else origin
    offsets = (times - start).astype(np.int64)
    index = (offsets + (calendar.step // 2 if calendar.step < _DAY else 0)) // calendar.step
    return calendar, start + (index * calendar.step).astype("timedelta64[us]")


def _onto_grid_of_clocks(
    times: np.ndarray, step: str, origin: np.datetime64 | None, zone: str
) -> tuple[Calendar, np.ndarray]:
    """As `onto_grid`, of times of UTC in a time zone."""
    walls = zones.to_wall(times, zone)
    start = None if origin is None else zones.to_wall(np.array([origin]), zone)[0]
    calendar, found = onto_grid(walls, step, start)
    in_zone = replace(calendar, zone=zone)
    if calendar.unit == "month" or calendar.step >= _DAY:
        return in_zone, zones.to_utc(found, zone)
    midnight = zones.to_utc(walls[:1].astype("datetime64[D]").astype("datetime64[us]"), zone)[0]
    return in_zone, onto_grid(times, step, midnight if origin is None else origin)[1]
