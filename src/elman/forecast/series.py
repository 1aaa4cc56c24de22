"""One series, checked: values without holes, at times that make regular steps (or at none)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman import checks
from elman.forecast import calendar as calendars
from elman.forecast.calendar import Calendar
from elman.forecast.dates import ISO, Reading, Style
from elman.forecast.errors import DataError

__all__ = ["MISSING", "Rows", "Series", "build"]

MISSING = ("error", "interpolate")
SMALLEST, LARGEST = 1e-100, 1e100  # squares and ratios of such values are still numbers
_FILL = "fill with missing='interpolate' (--missing interpolate)"


@dataclass(frozen=True, eq=False)
class Series:
    """Values at regular steps.

    values     float64 (n,), finite
    times      datetime64[us] (n,), increasing by the calendar's step; None: the rows are counted from 1
    calendar   the rule of the steps; None where there are no times
    style      how the times are written
    name, time_name    the columns' names; time_name None where there are no times
    filled     rows whose value was interpolated
    """

    values: np.ndarray
    times: np.ndarray | None = None
    calendar: Calendar | None = None
    style: Style = ISO
    name: str = "value"
    time_name: str | None = None
    filled: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def label(self, row: int) -> str:
        """A row's time as the input wrote it, or the row's number."""
        return str(row + 1) if self.times is None else self.style.label(self.times[row])

    @property
    def labels(self) -> list[str]:
        """Every row's label."""
        return [self.label(row) for row in range(len(self))]

    def ahead(self, count: int) -> np.ndarray:
        """The `count` times after the last row, datetime64[us], or row numbers where there are no times."""
        if self.times is None or self.calendar is None:
            return np.arange(len(self) + 1, len(self) + count + 1)
        return self.calendar.ahead(self.times[-1], count)

    def labels_ahead(self, count: int) -> list[str]:
        """The labels of the `count` rows to come."""
        ahead = self.ahead(count)
        return [str(i) for i in ahead.tolist()] if self.times is None else self.style.labels(ahead)

    def head(self, rows: int) -> Series:
        """The first rows, as views."""
        times = None if self.times is None else self.times[:rows]
        return replace(self, values=self.values[:rows], times=times, filled=tuple(i for i in self.filled if i < rows))


class Rows(NamedTuple):
    """Where rows came from, so that an error can name the place."""

    name: str
    time_name: str | None = None
    path: Path | None = None
    lines: list[int] | None = None

    def error(self, problem: str, row: int | None = None, dates: bool = False) -> DataError:
        column = self.time_name if dates else self.name
        if self.lines is None:
            where = "" if row is None else f"index {row}: "
            return DataError(where + problem, column=column)
        return DataError(problem, path=self.path, line=None if row is None else self.lines[row], column=column)

    def flipped(self) -> Rows:
        return self._replace(lines=None if self.lines is None else self.lines[::-1])


def build(rows: Rows, values: np.ndarray, readings: Sequence[Reading] | None, freq: str | None, missing: str) -> Series:
    """A checked series of values (n,), NaN where one is missing, at the times of one of the readings (or at none).

    Rows in falling order of time are turned round. `DataError` names the first row that cannot be used.
    """
    checks.choice("missing", missing, MISSING)
    if len(values) < 2:
        raise rows.error(f"expected at least 2 rows, got {len(values)}")
    if (infinite := np.flatnonzero(np.isinf(values))).size:
        raise rows.error("expected a finite number, got infinity", int(infinite[0]))
    holes = np.flatnonzero(np.isnan(values))
    if holes.size and missing == "error":
        raise rows.error(f"the value is missing{_more(holes)}; {_FILL}", int(holes[0]))
    if readings is None:
        if freq is not None:
            raise ValueError(f"freq: a step in time needs a column of times, got {freq!r} and no such column")
        series = Series(values, name=rows.name)
        steps = np.arange(len(values))
    else:
        if (count := len(readings[0].times)) != len(values):
            raise ValueError(f"time: expected {len(values)} times, one for each value, got {count}")
        if any((np.diff(reading.times) < np.timedelta64(0)).all() for reading in readings):
            rows, values = rows.flipped(), values[::-1]
            readings = [Reading(reading.times[::-1], reading.style) for reading in readings]
        reading, calendar, steps = _regular(rows, readings, freq)
        series = Series(values, reading.times, calendar, reading.style, rows.name, rows.time_name or "time")
        gaps = np.flatnonzero(np.diff(steps) > 1)
        if gaps.size and missing == "error":
            a, b = int(gaps[0]), int(gaps[0]) + 1
            count = int(steps[b] - steps[a]) - 1
            left_out = "1 row is" if count == 1 else f"{count} rows are"
            raise rows.error(
                f"{left_out} missing between {series.label(a)} and {series.label(b)} ({calendar.name}){_more(gaps)};"
                f" {_FILL}",
                b, dates=True,
            )  # fmt: skip
    series = _filled(rows, series, steps)
    largest = int(np.abs(series.values).argmax())
    if not SMALLEST <= abs(series.values[largest]) <= LARGEST and series.values.any():
        raise rows.error(f"values as large as {series.values[largest]:g} are beyond reckoning; use another unit")
    if (series.values == series.values[0]).all():
        raise rows.error(f"every value is {series.values[0]:g}; there is nothing to forecast")
    return series


def _regular(rows: Rows, readings: Sequence[Reading], freq: str | None) -> tuple[Reading, Calendar, np.ndarray]:
    """The reading whose times make regular steps, its calendar, and each row's steps from the first."""
    found: list[tuple[Reading, Calendar, np.ndarray]] = []
    errors: list[DataError] = []
    for reading in readings:
        try:
            found.append(_steps(rows, reading, freq))
        except DataError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    whole = [each for each in found if (np.diff(each[2]) == 1).all()]  # day and month the wrong way round leave gaps
    if len(chosen := whole or found) > 1:
        first = readings[0].style.label(readings[0].times[0])
        raise rows.error(f"{first!r} may be day/month or month/day; write dates as 2024-01-31", 0, dates=True)
    return chosen[0]


def _steps(rows: Rows, reading: Reading, freq: str | None) -> tuple[Reading, Calendar, np.ndarray]:
    times, label = reading.times, reading.style.label
    if (wrong := np.flatnonzero(np.diff(times) <= np.timedelta64(0))).size:
        i = int(wrong[0]) + 1
        if times[i] == times[i - 1]:
            hint = "; a file of several series must be split first" if wrong.size > len(times) // 10 + 1 else ""
            raise rows.error(f"{label(times[i])} stands on the row before too{hint}", i, dates=True)
        raise rows.error(f"{label(times[i])} comes after {label(times[i - 1])}; sort the rows by time", i, dates=True)
    calendar = calendars.infer(times) if freq is None else calendars.parse(freq, times)
    if calendar is None:
        usual = calendars.commonest(np.diff(times).astype(np.int64))
        calendar = Calendar("us", usual)
    steps, known = calendar.index(times)
    bad = ~known | np.concatenate([[False], np.diff(steps) <= 0])
    if bad.any():
        i = int(bad.argmax())
        raise rows.error(
            f"{label(times[i])} is out of step with the rows before ({calendar.name}); name the step with freq (--freq)"
            " or make the rows regular",
            i, dates=True,
        )  # fmt: skip
    return reading, calendar, steps


def _filled(rows: Rows, series: Series, steps: np.ndarray) -> Series:
    """The series with left-out rows and NaN values filled on straight lines."""
    known = np.isfinite(series.values)
    total = int(steps[-1]) + 1
    if known.all() and total == len(series):
        return series
    for end, word in ((0, "first"), (-1, "last")):
        if not known[end]:
            raise rows.error(
                f"the {word} value is missing and has no neighbour to fill it from; delete the row", end % len(known)
            )
    if total > 2 * len(series) + 10:
        raise rows.error(f"{total - len(series)} of {total} rows are missing, too many to fill; check the step")
    grid = np.arange(total)
    times = series.times
    if times is not None and series.calendar is not None and total > len(series):
        times = np.concatenate([times[:1], series.calendar.ahead(times[0], total - 1)])
    filled = tuple(np.setdiff1d(grid, steps[known]).tolist())
    return replace(series, values=np.interp(grid, steps[known], series.values[known]), times=times, filled=filled)


def _more(places: np.ndarray) -> str:
    return (
        f", and at {places.size - 1} more places"
        if places.size > 2
        else ", and at 1 more place"
        if places.size == 2
        else ""
    )
