"""Known-future covariates that are given apart from the history, joined to the series of a panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from elman.core import checks
from elman.series.columns import Columns
from elman.series.dates.column import time_cells
from elman.series.dates.sources import source_of
from elman.series.dates.times import dates_of, times_of
from elman.series.errors import DataError, listed
from elman.series.panel import Panel
from elman.series.series import Series
from elman.series.sources import open_table
from elman.series.tables.frames import columns_of, is_frame
from elman.series.tables.rows import Rows
from elman.series.tables.table import Table

__all__ = ["with_future"]


def with_future(panel: Panel, future: Any, names: Columns, rows: int) -> Panel:
    """Returns the panel with the known-future covariates of the `rows` rows that follow each series.

    future   an array (rows, K) for one series, a mapping from ids to such, or a table (file, data frame) with the
             columns of the training; rows are found by their times where the table has them, else taken in order
    names    the columns of the training

    Raises `DataError` with the series and the date that is missing.
    """
    if isinstance(future, str) or hasattr(future, "__fspath__"):
        future = open_table(future)
    table: dict[str, np.ndarray] | None = None
    if isinstance(future, Table):
        covariates = {name for series in panel.values() for name in _names(series)}
        table = {
            name: future.numbers(name) if name in covariates else np.array(list(future.column(name, "future")), object)
            for name in future.names
        }
    elif is_frame(future):
        table = columns_of(future)
    found: dict[str, Series] = {}
    for id, series in panel.items():
        own = None if panel.single else id
        try:
            array = _of_table(table, series, names, own, rows) if table is not None else _of_array(future, own)
            found[id] = _joined(series, array, rows)
        except DataError as error:
            raise DataError(panel.problem(id, str(error))) from None
    return panel.replaced(found)


def _names(series: Series) -> tuple[str, ...]:
    """Returns the names of the known-future covariates of a series."""
    return () if series.covariates is None else series.covariates.future_names


def _of_array(future: Any, id: str | None) -> np.ndarray:
    """Returns the covariates (rows, K) of the series `id` in an array or a mapping of arrays."""
    if isinstance(future, Mapping):
        if id not in future:
            raise DataError("future: expected its known-future covariates, got none")
        future = future[id]
    array = np.asarray(future)
    if array.dtype.kind not in "iufb" or array.ndim not in (1, 2):
        raise TypeError(f"future: expected real numbers (rows,) or (rows, columns), got {checks.shown(future)}")
    return array.reshape(len(array), -1).astype(np.float64)


def _of_table(table: Mapping[str, np.ndarray], series: Series, names: Columns, id: str | None, rows: int) -> np.ndarray:
    """Returns the covariates (rows, K) of the series `id` in the columns of a table."""
    wanted = _names(series)
    for column in wanted:
        if column not in table:
            raise DataError(f"future: no column {column!r}; the columns are {listed(list(table))}")
    own = np.ones(len(next(iter(table.values()))), bool)
    ids = names.id if names.id is not None else "unique_id"
    if id is not None and ids in table:
        own = np.array([str(cell) == id for cell in table[ids].tolist()])
    values = np.column_stack([table[column][own].astype(np.float64) for column in wanted])
    time = series.time_name
    if time is None or series.times is None or any(part.strip() not in table for part in time.split(",")):
        return values
    options = names.options(series.style)
    try:
        if time in table:
            readings = times_of(table[time][own], time, options)
        else:
            source = source_of({name: cells[own] for name, cells in table.items()}, several=False)
            readings = dates_of(time_cells(source, time), Rows("value", time), options)
    except DataError as error:
        raise DataError(f"future: {error}") from None
    due = series.ahead(rows)
    times = max((reading.times for reading in readings), key=lambda times: np.isin(due, times).sum())
    places = {time: i for i, time in enumerate(times.tolist())}
    absent = [i for i, time in enumerate(due.tolist()) if time not in places]
    if absent:
        label = series.labels_ahead(rows)[absent[0]]
        raise DataError(f"future: expected a row for {label}, the forecast needs {rows} rows; there is none")
    return values[[places[time] for time in due.tolist()]]


def _joined(series: Series, array: np.ndarray, rows: int) -> Series:
    """Returns the series with covariates (rows, K) of the rows after it; `DataError` for wrong shapes and values."""
    given, wanted = series.covariates, _names(series)
    if given is None or not wanted:
        raise DataError("future: the model was trained without known-future covariates")
    if array.shape[1] != len(wanted) or len(array) < rows:
        raise DataError(f"future: expected {rows} rows of {', '.join(map(repr, wanted))}, got shape {array.shape}")
    if not np.isfinite(array[:rows]).all():
        i, k = np.argwhere(~np.isfinite(array[:rows]))[0]
        label = series.labels_ahead(rows)[i]
        raise DataError(f"future: expected a finite number of {wanted[k]!r} for {label}, got {array[i, k]}")
    return replace(series, covariates=replace(given, future=np.concatenate([given.future[: len(series)], array])))
