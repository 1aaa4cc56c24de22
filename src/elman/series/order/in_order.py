"""Rows put into the order of their times, one for each time: sorted, doubled times resolved, onto a grid if asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from elman.core import checks
from elman.series.calendar import Calendar
from elman.series.covariates import Covariates
from elman.series.dates.reading import Reading, unclear
from elman.series.dates.style import Style, plain_style
from elman.series.errors import counted
from elman.series.notes import note
from elman.series.order.grid import onto_grid
from elman.series.tables.rows import Rows

__all__ = ["DUPLICATES", "Dated", "in_order"]

DUPLICATES = ("first", "last", "mean")  # which of several rows with the same time counts

_ZERO = np.timedelta64(0)


class Dated(NamedTuple):
    """Rows with their values (n,), the ways in which their times can be read, and their covariates."""

    rows: Rows
    values: np.ndarray
    readings: Sequence[Reading]
    covariates: Covariates | None

    def take(self, order: np.ndarray) -> Dated:
        """Returns the rows with the indices `order` (k,)."""
        covariates = self.covariates
        if covariates is not None:
            covariates = replace(covariates, past=covariates.past[order], future=covariates.future[order])
        readings = [replace(reading, times=reading.times[order]) for reading in self.readings]
        return Dated(self.rows.take(order), self.values[order], readings, covariates)


def in_order(
    given: Dated, duplicates: str | None, regular: str | None, origin: np.datetime64 | None = None
) -> tuple[Dated, Calendar | None]:
    """Returns the rows in rising order of time, one for each time, and with `regular` the step of their grid.

    duplicates   which of several rows with the same time counts: "first", "last", their "mean"; None: none may be
    regular      the step of the grid onto which rows are put; None: they stay where they are
    origin       a time of the grid; None: the first row's day, or month, begins one

    What was changed is noted. Raises `DataError` for times that stand on several rows without `duplicates`, and for
    rows that seem to belong to several series.
    """
    if duplicates is not None:
        checks.choice("duplicates", duplicates, DUPLICATES)
    given = _sorted(given)
    if regular is not None:
        return _gridded(given, duplicates, regular, origin)
    times = given.readings[0].times
    starts = np.flatnonzero(np.concatenate([[True], np.diff(times) > _ZERO]))
    if len(starts) == len(times):
        return given, None
    if duplicates is None:
        i = int(np.flatnonzero(np.diff(times) == _ZERO)[0]) + 1
        label, more = given.readings[0].style.label(times[i]), len(times) - len(starts) - 1
        also = f", as do {counted(more, 'other row')}" if more else ""
        hint = given.rows.several(times) or (
            "say which counts with duplicates='first', 'last' or 'mean' (--duplicates), or name the column of ids of a"
            " file of several series with id (--id)"
        )
        where = "on the row before" if given.rows.adjacent(i) else given.rows.place(i - 1)
        raise given.rows.error(f"{label} stands {where} too{also}; {hint}", i, dates=True)
    what = {"first": "the first was taken", "last": "the last was taken", "mean": "their mean was taken"}[duplicates]
    note(f"{counted(len(times) - len(starts), 'row')} had the time of another row: {what}")
    return _merged(given, starts, duplicates), None


def _sorted(given: Dated) -> Dated:
    """Returns the rows in an order in which no time is before another. Of two readings, those whose times rise or fall
    throughout are kept."""
    steps = [np.diff(reading.times) for reading in given.readings]
    for compared in (np.greater, np.less, np.greater_equal):
        found = [reading for reading, each in zip(given.readings, steps, strict=True) if compared(each, _ZERO).all()]
        if found:
            break
    else:
        found = list(given.readings)
    given = given._replace(readings=found)
    times = found[0].times
    falls = np.flatnonzero(np.diff(times) < _ZERO)
    if not falls.size:
        return given
    if len(found) > 1:
        raise given.rows.error(f"the rows are not in order of time; {unclear(found)}", 0, dates=True)
    if len(falls) == len(times) - 1:
        note("the rows were in falling order of time and were turned round")
        return given.take(np.arange(len(times))[::-1])
    i = int(falls[0]) + 1
    doubled = (np.diff(np.sort(times)) == _ZERO).any()
    if doubled and (hint := given.rows.several(times)):
        label = found[0].style.label
        raise given.rows.error(f"{label(times[i])} comes after {label(times[i - 1])}; {hint}", i, dates=True)
    order = np.argsort(times, kind="stable")
    moved = counted(int(np.count_nonzero(order != np.arange(len(order)))), "row")
    note(
        f"the rows were not in order of time and were sorted: {moved} moved, the first step back {given.rows.place(i)}"
    )
    return given.take(order)


def _gridded(
    given: Dated, duplicates: str | None, regular: str, origin: np.datetime64 | None
) -> tuple[Dated, Calendar]:
    """Returns the rows on a grid of steps of `regular`; of several at one time, their mean unless told otherwise."""
    if len(given.readings) > 1:
        raise given.rows.error(unclear(given.readings), 0, dates=True)
    (reading,) = given.readings
    calendar, times = onto_grid(reading.times, regular, origin, reading.style.zone)
    starts = np.flatnonzero(np.concatenate([[True], np.diff(times) > _ZERO]))
    moved = int(np.count_nonzero(times != reading.times))
    steps = int(calendar.index(times)[0][-1]) + 1
    joined = {None: "averaged", "mean": "averaged", "first": "the first taken", "last": "the last taken"}[duplicates]
    note(
        f"{counted(len(times), 'row')} put onto a grid ({calendar.name}): {moved} moved in time,"
        f" {len(times) - len(starts)} at the step of another ({joined}), {steps - len(starts)} of"
        f" {counted(steps, 'step')} without a row"
    )
    steps_ahead = calendar.ahead(times[0], 1)  # the grid may need a time of day where no row does
    style = _fine_enough(reading.style, np.concatenate([times, steps_ahead]))
    placed = given._replace(readings=[replace(reading, times=times, style=style)])
    return _merged(placed, starts, duplicates or "mean"), calendar


def _fine_enough(style: Style, times: np.ndarray) -> Style:
    """Returns the style, or the plain one where it shows less of the time of day than the times need."""
    plain = replace(plain_style(times, style.zone), offset=style.offset)
    return plain if len(plain.clock) > len(style.clock) else style


def _merged(given: Dated, starts: np.ndarray, how: str) -> Dated:
    """Returns one row for each group of rows, which begin at the indices `starts` (k,)."""
    if how != "mean":
        return given.take(starts if how == "first" else np.append(starts[1:], len(given.values)) - 1)
    merged = given.take(starts)
    covariates = merged.covariates
    if covariates is not None and given.covariates is not None:
        past, future = (_means(each, starts) for each in (given.covariates.past, given.covariates.future))
        covariates = replace(covariates, past=past, future=future)
    return merged._replace(values=_means(given.values, starts), covariates=covariates)


def _means(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Returns the mean of each group of rows (k, ...), without regard to NaN, which is the mean of NaN alone."""
    known = ~np.isnan(values)
    counts = np.add.reduceat(known, starts, axis=0, dtype=np.int64)
    shares = np.where(known, values, 0.0) / np.maximum(np.repeat(counts, np.diff([*starts, len(values)]), axis=0), 1)
    return np.where(counts > 0, np.add.reduceat(shares, starts, axis=0), np.nan)
