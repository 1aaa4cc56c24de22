"""One series, checked: values without holes, at times that make regular steps (or at none)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np

from elman.core import checks
from elman.series import calendar as calendars
from elman.series.calendar import Calendar
from elman.series.covariates import Covariates, carried
from elman.series.dates import ISO, Reading, Style
from elman.series.errors import DataError, shorten
from elman.series.limits import LARGEST, SMALLEST
from elman.series.rows import Rows

__all__ = ["MISSING", "Rules", "Series", "build"]

MISSING = ("error", "interpolate", "mask")
_FILL = "fill with missing='interpolate' or leave out with 'mask' (--missing)"


@dataclass(frozen=True, eq=False)
class Series:
    """Values at regular steps.

    values     float64 (n,), finite
    times      datetime64[us] (n,), increasing by the calendar's step; None: the rows are counted from 1
    calendar   the rule of the steps; None where there are no times
    style      how the times are written
    name, time_name    the columns' names; time_name None where there are no times
    filled     rows whose value was not there, in rising order; `values` holds what was put in its place
    masked     whether these are no values at all: not learned from, not scored
    covariates what is known beside the values
    """

    values: Annotated[np.ndarray, "float64 (n,)"]
    times: Annotated[np.ndarray, "datetime64[us] (n,)"] | None = None
    calendar: Calendar | None = None
    style: Style = ISO
    name: str = "value"
    time_name: str | None = None
    filled: tuple[int, ...] = ()
    masked: bool = False
    covariates: Covariates | None = None

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another; `build` never makes such a series."""
        n = len(self)
        if n < 2 or not (np.abs(self.values) <= LARGEST).all():
            raise ValueError(f"values: expected at least 2 finite numbers up to {LARGEST:g}")
        if (self.times is None) != (self.calendar is None):
            raise ValueError("times: expected times and their calendar, or neither")
        if self.times is not None and self.calendar is not None:
            steps, there = self.calendar.index(self.times)
            if not there.all() or (steps != np.arange(n)).any():
                raise ValueError(f"times: expected those of the calendar ({self.calendar.name})")
        if any(b <= a for a, b in pairwise((0, *self.filled))) or (self.filled and self.filled[-1] >= n):
            raise ValueError(
                f"filled: expected rising rows after the first, below {n}, got {checks.shown(self.filled)}"
            )
        if self.covariates is not None:
            self.covariates.validate_rows(n)

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

    @property
    def observed(self) -> np.ndarray:
        """The values (n,), NaN where they are masked."""
        if not self.masked or not self.filled:
            return self.values
        values = self.values.copy()
        values[list(self.filled)] = np.nan
        return values

    def head(self, rows: int) -> Series:
        """What is known after the first rows. Values missing there at the end are the last one known: whatever they
        were filled with came later."""
        values, filled = self.values[:rows], tuple(i for i in self.filled if i < rows)
        if filled and filled[-1] == rows - 1 and rows < len(self):
            values = values.copy()
            known = np.delete(np.arange(rows), filled)
            values[known[-1] + 1 :] = values[known[-1]]
        times = None if self.times is None else self.times[:rows]
        beside = None if self.covariates is None else self.covariates.head(rows)
        return replace(self, values=values, times=times, filled=filled, covariates=beside)

    def seasonal(self, season: int) -> Series:
        """Masked values are those of a season before, as far as there is one."""
        if not self.masked or not self.filled:
            return self
        values = self.values.copy()
        for row in self.filled:
            if row >= season:
                values[row] = values[row - season]
        return replace(self, values=values)

    def rolled(self, values: np.ndarray) -> Series:
        """With forecasts in the place of the rows that follow; past covariates stay at their last values."""
        times = None if self.times is None else np.concatenate([self.times, self.ahead(len(values))])
        beside = self.covariates
        if beside is not None:
            beside = replace(beside, past=np.concatenate([beside.past, np.repeat(beside.past[-1:], len(values), 0)]))
        return replace(self, values=np.concatenate([self.values, values]), times=times, covariates=beside)

    def extended(self, newer: Series) -> Series:
        """With the rows of `newer`, which must begin at the step after the last. `DataError` where they do not."""
        times = self.times
        if (times is None) != (newer.times is None):
            raise DataError("new rows: expected " + ("no times, as before" if times is None else "times, as before"))
        if times is not None and newer.times is not None:
            due = self.ahead(len(newer))
            if (wrong := np.flatnonzero(due != newer.times)).size:
                i = int(wrong[0])
                raise DataError(
                    f"new rows: expected {self.style.label(due[i])} at index {i}, the step after the row before, got"
                    f" {newer.label(i)}"
                )
            times = np.concatenate([times, newer.times])
        beside = self.covariates
        if beside is not None and newer.covariates is not None:
            beside = beside.extended(newer.covariates)
        elif beside is not None and (beside.past_names or beside.future_names):
            names = ", ".join(map(repr, (*beside.past_names, *beside.future_names)))
            raise DataError(f"new rows: expected the covariates {names} beside them")
        filled = self.filled + tuple(len(self) + i for i in newer.filled)
        values = np.concatenate([self.values, newer.values])
        return replace(self, values=values, times=times, filled=filled, covariates=beside)


class Rules(NamedTuple):
    """How rows become a series: the step's name or None, what to do about missing values, and the series that the rows
    follow, where they are new ones of it."""

    freq: str | None = None
    missing: str = "error"
    after: Series | None = None


def build(
    rows: Rows,
    values: np.ndarray,
    readings: Sequence[Reading] | None,
    rules: Rules,
    covariates: Covariates | None = None,
) -> Series:
    """A checked series of values (n,), NaN where one is missing, at the times of one of the readings (or at none).

    Rows in falling order of time are turned round. Where there are known-future covariates, rows whose value is missing
    at the end are the future's. `DataError` names the first row that cannot be used.
    """
    freq, missing, after = rules
    checks.choice("missing", missing, MISSING)
    if readings is not None:
        if (count := len(readings[0].times)) != len(values):
            raise ValueError(f"time: expected {len(values)} times, one for each value, got {count}")
        if len(values) > 1 and any((np.diff(reading.times) < np.timedelta64(0)).all() for reading in readings):
            rows, values = rows.flipped(), values[::-1]
            readings = [Reading(reading.times[::-1], reading.style) for reading in readings]
            if covariates is not None:
                covariates = replace(covariates, past=covariates.past[::-1], future=covariates.future[::-1])
    if after is not None:
        rows, values, readings, covariates = _joined(rows, values, readings, after, covariates)
    known = len(values)
    if covariates is not None and covariates.future_names:
        known = int(np.flatnonzero(~np.isnan(values)).max(initial=0)) + 1
    if known < 2:
        raise rows.error(f"expected at least 2 rows, got {known}")
    if (infinite := np.flatnonzero(np.isinf(values))).size:
        raise rows.error("expected a finite number, got infinity", int(infinite[0]))
    holes = np.flatnonzero(np.isnan(values[:known]))
    if holes.size and missing == "error":
        raise rows.error(f"the value is missing{_more(holes)}; {_FILL}", int(holes[0]))
    if readings is None:
        if freq is not None:
            raise ValueError(f"freq: a step in time needs a column of times, got {freq!r} and no such column")
        series = Series(values[:known], name=rows.name)
        steps = None
    else:
        reading, calendar, steps = _regular(rows, readings, freq if after is None else after.calendar)
        time_name = rows.time_name or "time"
        series = Series(values[:known], reading.times[:known], calendar, reading.style, rows.name, time_name)
        gaps = np.flatnonzero(np.diff(steps) > 1)
        if gaps.size and (missing == "error" or gaps[-1] >= known - 1):
            a = int(gaps[0]) if missing == "error" else int(gaps[-1])
            count = int(steps[a + 1] - steps[a]) - 1
            left_out = "1 row is" if count == 1 else f"{count} rows are"
            first, last = (reading.style.label(reading.times[i]) for i in (a, a + 1))
            hint = _FILL if missing == "error" else "what is known ahead needs every row"
            raise rows.error(
                f"{left_out} missing between {first} and {last} ({calendar.name}){_more(gaps)}; {hint}",
                a + 1, dates=True,
            )  # fmt: skip
        steps = steps[:known]
    series = _filled(rows, series, steps, missing)
    if covariates is not None:
        series = replace(series, covariates=_aligned(rows, series, covariates, steps, known, missing))
    low, high = float(series.values.min()), float(series.values.max())
    largest = low if -low > high else high
    if not SMALLEST <= abs(largest) <= LARGEST and largest != 0.0:
        raise rows.error(f"values as large as {largest:g} are beyond reckoning; use another unit")
    if after is not None:
        return _without_first(series)
    if low == high:
        raise rows.error(f"every value is {low:g}; there is nothing to forecast")
    return series


def _joined(
    rows: Rows,
    values: np.ndarray,
    readings: Sequence[Reading] | None,
    after: Series,
    covariates: Covariates | None,
) -> tuple[Rows, np.ndarray, Sequence[Reading] | None, Covariates | None]:
    """New rows, and before them the last one that they follow: so gaps are seen, and filled from both sides."""
    if (readings is None) != (after.times is None):
        raise rows.error("new rows: expected " + ("times, as before" if readings is None else "no times, as before"))
    if readings is not None and after.times is not None:
        last = after.times[-1:]
        readings = [Reading(np.concatenate([last, each.times]), each.style) for each in readings]
    old = after.covariates
    if covariates is not None and old is not None:
        n = len(after)
        covariates = replace(
            covariates,
            past=np.concatenate([old.past[-1:], covariates.past]),
            future=np.concatenate([old.future[n - 1 : n], covariates.future]),
        )
    return rows._replace(before=1), np.concatenate([after.values[-1:], values]), readings, covariates


def _without_first(series: Series) -> Series:
    beside = series.covariates
    if beside is not None:
        beside = replace(beside, past=beside.past[1:], future=beside.future[1:])
    times = None if series.times is None else series.times[1:]
    filled = tuple(i - 1 for i in series.filled)
    return replace(series, values=series.values[1:], times=times, filled=filled, covariates=beside)


def _aligned(
    rows: Rows, series: Series, given: Covariates, steps: np.ndarray | None, known: int, missing: str
) -> Covariates:
    """Covariates as given, row by row, on the steps of the series; the last one known stands where one is missing."""
    past, future = given.past[:known], given.future
    complete = True
    for k, name in enumerate((*given.past_names, *given.future_names)):
        column = past[:, k] if k < len(given.past_names) else future[:, k - len(given.past_names)]
        own = rows._replace(name=name)
        if (infinite := np.flatnonzero(np.isinf(column))).size:
            raise own.error("expected a finite number, got infinity", int(infinite[0]))
        if (large := np.flatnonzero(np.abs(column) > LARGEST)).size:
            raise own.error(f"{column[large[0]]:g} is beyond reckoning; use another unit", int(large[0]))
        holes = np.flatnonzero(np.isnan(column))
        if holes.size == len(column):
            raise own.error("the covariate holds no value")
        if holes.size and missing == "error":
            raise own.error(f"the covariate is missing{_more(holes)}; {_FILL}", int(holes[0]))
        if holes.size and holes[-1] >= known:
            raise own.error("the covariate is missing in a row of the future, which is never filled", int(holes[-1]))
        complete = complete and not holes.size
    if not complete or len(series) > known:
        past = carried(past, steps, len(series))
        future = np.concatenate([carried(future[:known], steps, len(series)), future[known:]])
    return replace(given, past=past, future=future)


def _regular(
    rows: Rows, readings: Sequence[Reading], freq: str | Calendar | None
) -> tuple[Reading, Calendar, np.ndarray]:
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
        raise rows.error(f"{shorten(first)} may be day/month or month/day; write dates as 2024-01-31", 0, dates=True)
    return chosen[0]


def _steps(rows: Rows, reading: Reading, freq: str | Calendar | None) -> tuple[Reading, Calendar, np.ndarray]:
    times, label = reading.times, reading.style.label
    if (wrong := np.flatnonzero(np.diff(times) <= np.timedelta64(0))).size:
        i = int(wrong[0]) + 1
        if times[i] == times[i - 1]:
            hint = "; a file of several series must be split first" if wrong.size > len(times) // 10 + 1 else ""
            raise rows.error(f"{label(times[i])} stands on the row before too{hint}", i, dates=True)
        raise rows.error(f"{label(times[i])} comes after {label(times[i - 1])}; sort the rows by time", i, dates=True)
    if isinstance(freq, Calendar):
        calendar = freq
    else:
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


def _filled(rows: Rows, series: Series, steps: np.ndarray | None, missing: str) -> Series:
    """The series with left-out rows and NaN values filled: on straight lines, or where they are masked with the last
    value that was known. `steps` None: no row is left out."""
    known = np.isfinite(series.values)
    total = len(series) if steps is None else int(steps[-1]) + 1
    if known.all() and total == len(series):
        return series
    for end, word in ((0, "first"), (-1, "last")):
        if not known[end]:
            problem = f"the {word} value is missing and has no neighbour to fill it from; delete the row"
            raise rows.error(problem, end % len(known))
    if total > 2 * len(series) + 10:
        raise rows.error(f"{total - len(series)} of {total} rows are missing, too many to fill; check the step")
    times = series.times
    if times is not None and series.calendar is not None and total > len(series):
        times = np.concatenate([times[:1], series.calendar.ahead(times[0], total - 1)])
    there, found = np.flatnonzero(known) if steps is None else steps[known], series.values[known]
    absent = np.ones(total, bool)
    absent[there] = False
    holes = np.flatnonzero(absent)
    masked = missing == "mask"
    values = np.empty(total)
    values[there] = found
    values[holes] = found[np.searchsorted(there, holes) - 1] if masked else np.interp(holes, there, found)
    del there, found  # a long series with many holes should not hold all of it at once
    return replace(series, values=values, times=times, filled=tuple(holes.tolist()), masked=masked)


def _more(places: np.ndarray) -> str:
    count = places.size - 1
    return f", and at {count} more place{'s' if count > 1 else ''}" if count else ""
