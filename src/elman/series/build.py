"""Rows to one checked series: values without gaps, at times that make regular steps (or at none)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from elman.core import checks
from elman.series import calendar as calendars
from elman.series.calendar import Calendar
from elman.series.covariates import Covariates, forward_filled
from elman.series.dates.reading import Reading, unclear
from elman.series.errors import DataError, counted
from elman.series.limits import LARGEST, SMALLEST
from elman.series.notes import note
from elman.series.order.in_order import Dated, in_order
from elman.series.series import MISSING, Series, SeriesOptions
from elman.series.tables.rows import Rows

__all__ = ["build"]

_FILL = "fill with missing='interpolate' or 'zero', or leave out with 'mask' (--missing)"


def build(
    rows: Rows,
    values: np.ndarray,
    readings: Sequence[Reading] | None,
    options: SeriesOptions,
    covariates: Covariates | None = None,
) -> Series:
    """Returns the checked series of values (n,), NaN where one is missing, at the times of one of the readings.

    rows         where the values came from, for error messages
    readings     the ways in which the dates can be read: the one with regular steps is taken; None: there are no dates
    covariates   past and known-future covariates row by row; with the latter, rows at the end that have no value are
                 rows of the future

    Rows are put in the order of time (`order`). Raises `DataError` for the first row that cannot be used.
    """
    freq, missing, after, duplicates, regular, _ = options
    checks.choice("missing", missing, MISSING)
    grid: Calendar | None = None
    if readings is not None:
        if (count := len(readings[0].times)) != len(values):
            raise ValueError(f"time: expected {len(values)} times, one for each value, got {count}")
        if regular is not None and freq is not None:
            raise ValueError(
                f"freq: expected regular={regular!r} (--regular) alone, which is the step, got {freq!r} too"
            )
        if len(values) > 1:
            origin = None if after is None or after.times is None else after.times[-1]
            dated, grid = in_order(Dated(rows, values, readings, covariates), duplicates, regular, origin)
            rows, values, readings, covariates = dated
    elif after is None:
        for name, option in (("freq", freq), ("regular", regular), ("duplicates", duplicates)):
            if option is not None:
                raise ValueError(f"{name}: expected a column of times beside it, got {option!r} and no such column")
    if after is not None:
        rows, values, readings, covariates = _after(rows, values, readings, after, covariates)
    known = len(values)
    if covariates is not None and covariates.future_names:
        known = int(np.flatnonzero(~np.isnan(values)).max(initial=0)) + 1
    _check_values(rows, values, known, missing)
    if readings is None:
        series, steps = Series(values[:known], name=rows.name), None
    else:
        reading, calendar, steps = _regular(rows, readings, grid or freq if after is None else after.calendar)
        _check_gaps(rows, reading, calendar, steps, known, missing)
        name = rows.time_name or "time"
        series = Series(values[:known], reading.times[:known], calendar, reading.style, rows.name, name)
        steps = steps[:known]
    series = _filled(rows, series, steps, missing)
    if covariates is not None:
        series = replace(series, covariates=_aligned(rows, series, covariates, steps, known, missing))
    low, high = float(series.values.min()), float(series.values.max())
    largest = low if -low > high else high
    if not SMALLEST <= abs(largest) <= LARGEST and largest != 0.0:
        raise rows.error(f"values as large as {largest:g} are outside {SMALLEST:g} to {LARGEST:g}; use another unit")
    if after is not None:
        return _without_first(series)
    if low == high:
        raise rows.error(f"every value is {low:g}; there is nothing to forecast")
    return series


def _check_values(rows: Rows, values: np.ndarray, known: int, missing: str) -> None:
    """Raises `DataError` for too few values, infinity, and NaN in the first `known` rows unless it will be filled."""
    if known < 2:
        raise rows.error(f"expected at least 2 rows, got {known}")
    if (infinite := np.flatnonzero(np.isinf(values))).size:
        raise rows.error("expected a finite number, got infinity", int(infinite[0]))
    absent = np.flatnonzero(np.isnan(values[:known]))
    if absent.size and missing == "error":
        raise rows.error(f"the value is missing{_more(absent)}; {_FILL}", int(absent[0]))


def _check_gaps(rows: Rows, reading: Reading, calendar: Calendar, steps: np.ndarray, known: int, missing: str) -> None:
    """Raises `DataError` for left-out rows, unless they lie before the last of `known` rows and will be filled."""
    gaps = np.flatnonzero(np.diff(steps) > 1)
    if not gaps.size or (missing != "error" and gaps[-1] < known - 1):
        return
    a = int(gaps[0]) if missing == "error" else int(gaps[-1])
    count = int(steps[a + 1] - steps[a]) - 1
    left_out = "1 row is" if count == 1 else f"{count} rows are"
    first, last = (reading.style.label(reading.times[i]) for i in (a, a + 1))
    hint = rows.several(reading.times) or (_FILL if missing == "error" else "what is known ahead needs every row")
    problem = f"{left_out} missing between {first} and {last} ({calendar.name}){_more(gaps)}; {hint}"
    raise rows.error(problem, a + 1, dates=True)


def _after(
    rows: Rows,
    values: np.ndarray,
    readings: Sequence[Reading] | None,
    after: Series,
    covariates: Covariates | None,
) -> tuple[Rows, np.ndarray, Sequence[Reading] | None, Covariates | None]:
    """Returns new rows with the last row of the series that they follow put before them, so that a gap between the two
    is found, and filled from both sides."""
    if (readings is None) != (after.times is None):
        raise rows.error("new rows: expected " + ("times, as before" if readings is None else "no times, as before"))
    if readings is not None and after.times is not None:
        last = after.times[-1:]
        readings = [replace(each, times=np.concatenate([last, each.times])) for each in readings]
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
    """Returns the series without the row that `_after` put before it."""
    covariates = series.covariates
    if covariates is not None:
        covariates = replace(covariates, past=covariates.past[1:], future=covariates.future[1:])
    times = None if series.times is None else series.times[1:]
    filled = tuple(i - 1 for i in series.filled)
    return replace(series, values=series.values[1:], times=times, filled=filled, covariates=covariates)


def _aligned(
    rows: Rows, series: Series, given: Covariates, steps: np.ndarray | None, known: int, missing: str
) -> Covariates:
    """Returns the covariates on the steps of the series, with the last known value where one is missing.
    `DataError` for values that cannot be used."""
    past, future = given.past[:known], given.future
    complete = True
    for k, name in enumerate((*given.past_names, *given.future_names)):
        column = past[:, k] if k < len(given.past_names) else future[:, k - len(given.past_names)]
        own = rows._replace(name=name)
        if (infinite := np.flatnonzero(np.isinf(column))).size:
            raise own.error("expected a finite number, got infinity", int(infinite[0]))
        if (large := np.flatnonzero(np.abs(column) > LARGEST)).size:
            raise own.error(f"{column[large[0]]:g} is larger than {LARGEST:g}; use another unit", int(large[0]))
        absent = np.flatnonzero(np.isnan(column))
        if absent.size == len(column):
            raise own.error("the covariate has no value in any row")
        if absent.size and missing == "error":
            raise own.error(f"the covariate is missing{_more(absent)}; {_FILL}", int(absent[0]))
        if absent.size and absent[-1] >= known:
            raise own.error("the covariate is missing after the last value, where it is never filled", int(absent[-1]))
        complete = complete and not absent.size
    if not complete or len(series) > known:
        past = forward_filled(past, steps, len(series))
        future = np.concatenate([forward_filled(future[:known], steps, len(series)), future[known:]])
    return replace(given, past=past, future=future)


def _regular(
    rows: Rows, readings: Sequence[Reading], freq: str | Calendar | None
) -> tuple[Reading, Calendar, np.ndarray]:
    """Returns the reading whose times make regular steps, its calendar, and how many steps each row (n,) is from the
    first. `DataError` where there is none, or more than one."""
    found: list[tuple[Reading, Calendar, np.ndarray]] = []
    errors: list[DataError] = []
    for reading in readings:
        try:
            found.append(_steps(rows, reading, freq))
        except DataError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    # where days, months and years are confused, gaps appear
    least = min(int(steps[-1]) for _, _, steps in found)
    whole = least == len(rows_of := found[0][2]) - 1
    chosen = [each for each in found if int(each[2][-1]) < (least + 1 if whole else 2 * least)]
    if errors and not whole and least > 2 * len(rows_of):
        raise errors[0]
    if len(chosen) > 1:
        raise rows.error(unclear([reading for reading, _, _ in chosen]), 0, dates=True)
    for text in chosen[0][0].notes:
        note(text)
    return chosen[0]


def _steps(rows: Rows, reading: Reading, freq: str | Calendar | None) -> tuple[Reading, Calendar, np.ndarray]:
    """As `_regular`, of one reading."""
    times, label = reading.times, reading.style.label
    if (wrong := np.flatnonzero(np.diff(times) <= np.timedelta64(0))).size:
        i = int(wrong[0]) + 1
        if times[i] == times[i - 1]:
            raise rows.error(f"{label(times[i])} stands on the row before too", i, dates=True)
        raise rows.error(f"{label(times[i])} comes after {label(times[i - 1])}", i, dates=True)
    if isinstance(freq, Calendar):
        calendar = freq
    else:
        zone = reading.style.zone
        calendar = calendars.infer(times, zone) if freq is None else calendars.parse(freq, times, zone)
    if calendar is None:
        calendar = Calendar("us", calendars.commonest(np.diff(times).astype(np.int64)), zone=reading.style.zone)
    steps, known = calendar.index(times)
    bad = ~known | np.concatenate([[False], np.diff(steps) <= 0])
    if bad.any():
        i = int(bad.argmax())
        hint = rows.several(times) or (
            f"name the step with freq (--freq), or put the rows onto a grid, such as regular={_grid_step(times)!r}"
            " (--regular)"
        )
        if reading.style.offset and not reading.style.zone:
            hint += "; zone (--zone) counts days by the clocks of a time zone"
        raise rows.error(
            f"{label(times[i])} is out of step with the rows before ({calendar.name}); {hint}", i, dates=True
        )
    return reading, calendar, steps


def _grid_step(times: np.ndarray) -> str:
    """Returns the name of a step that is near to that of most rows."""
    usual = float(np.median(np.diff(times).astype(np.int64))) / 1e6
    names = {"s": 1, "10s": 10, "min": 60, "5min": 300, "15min": 900, "h": 3600, "D": 86400, "W": 604800, "M": 2629746}
    return min(names, key=lambda name: abs(np.log(max(usual, 1e-6) / names[name])))


def _filled(rows: Rows, series: Series, steps: np.ndarray | None, missing: str) -> Series:
    """Returns the series with missing values and left-out rows filled: on straight lines, with 0, or, where they are
    masked, with the last value before.

    steps   how many steps each row is from the first; None: no row is left out
    """
    known = np.isfinite(series.values)
    total = len(series) if steps is None else int(steps[-1]) + 1
    if known.all() and total == len(series):
        return series
    zero = missing == "zero"
    for end, word in ((0, "first"), (-1, "last")):
        if not known[end] and not zero:
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
    missed = np.flatnonzero(absent)
    masked = missing == "mask"
    values = np.empty(total)
    values[there] = found
    if zero:
        values[missed] = 0.0
        note(
            f"{counted(len(missed), 'missing value')} in {total} rows {'is' if len(missed) == 1 else 'are'} taken as 0"
        )
        return replace(series, values=values, times=times)  # what is 0 is known: it is learned from and scored
    values[missed] = found[np.searchsorted(there, missed) - 1] if masked else np.interp(missed, there, found)
    del there, found  # bounds the memory that a long series with many missing values takes
    return replace(series, values=values, times=times, filled=tuple(missed.tolist()), masked=masked)


def _more(places: np.ndarray) -> str:
    """Returns the words for all places but the first, which a message names."""
    count = places.size - 1
    return f", and at {count} more place{'s' if count > 1 else ''}" if count else ""
