"""Several columns of one table as a series each, side by side on the same times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from elman.core import checks
from elman.series.columns import Columns, all_targets, columns, found_in_frame, found_in_table
from elman.series.dates.reading import reads_as_date
from elman.series.errors import DataError, counted, shorten
from elman.series.notes import note
from elman.series.series import Series, SeriesOptions
from elman.series.sources import found_in_rows, series_of_frame, series_of_table
from elman.series.tables.arrays import numbers_of
from elman.series.tables.frames import columns_of, index_of, is_frame
from elman.series.tables.table import Table

__all__ = ["Maker", "makers_of_columns"]

Maker = Callable[[SeriesOptions], Series]  # builds one series of a panel


def makers_of_columns(data: Any, names: Columns, wide: bool) -> tuple[Columns, dict[str, Maker]]:
    """Returns the columns, with several targets, and a function for each target that builds its series."""
    option, given = ("wide", names.target) if wide else ("target", None)
    if given is not None or names.id is not None:
        other = "target" if given is not None else "id"
        raise ValueError(f"{option}: expected no {other} beside it, got {getattr(names, other)!r}")
    if not isinstance(data, Table) and not is_frame(data):
        raise ValueError(f"{option}: expected a table with columns by name, got {checks.shown(type(data))}")
    names = columns(**names._asdict())
    table = data if isinstance(data, Table) else columns_of(data)
    targets = all_targets(table, names) if wide else tuple(names.target)
    found: dict[str, Maker] = {}
    dates = None if isinstance(data, Table) or names.time is not None else index_of(data)
    for text in data.notes if isinstance(data, Table) else ():
        note(text)
    if isinstance(table, Table):
        table, _ = found_in_rows(table, names._replace(target=targets[0]))
    if wide and 2 * sum(map(reads_as_date, targets)) > len(targets):
        raise DataError(
            f"wide: columns are named after dates, such as {shorten(targets[0])}, so that a series seems to be a row;"
            " transpose the table, so that a series is a column",
            path=data.path if isinstance(data, Table) else None,
        )
    for target in targets:
        own = names._replace(target=target)
        if isinstance(table, Table):
            found[target] = partial(_series_of_column, table, found_in_table(table, own))
        else:
            found[target] = partial(_series_of_frame_column, table, own, dates)
    return names._replace(target=targets), found


def _series_of_column(table: Table, names: Columns, options: SeriesOptions) -> Series:
    values = table.numbers(str(names.target))
    if options.after is None and np.isnan(values).all():
        raise DataError("the column holds no value", path=table.path, column=names.target)
    rows = _with_values(values, names, options)
    return _named_alike(series_of_table(table if rows is None else table.take(rows), names, options))


def _series_of_frame_column(
    frame: Mapping[str, np.ndarray], names: Columns, dates: Any, options: SeriesOptions
) -> Series:
    names = found_in_frame(frame, names)
    rows = _with_values(numbers_of(frame[str(names.target)], str(names.target)), names, options)
    if rows is not None:
        frame = {name: cells[rows] for name, cells in frame.items()}
        dates = None if dates is None else dates[rows]
    return _named_alike(series_of_frame(frame, names, options, dates))


def _named_alike(series: Series) -> Series:
    """Returns the series with a name for its values that all series have, since the column's name is its id."""
    return replace(series, name="value")


def _with_values(values: np.ndarray, names: Columns, options: SeriesOptions) -> np.ndarray | None:
    """Returns the indices of the rows from the first value to the last, since columns side by side need not begin and
    end together; None for all rows."""
    known = np.flatnonzero(~np.isnan(values))
    if not known.size or options.missing == "zero" or options.after is not None or names.future:
        return None
    first, last = int(known[0]), len(values) - 1 - int(known[-1])
    if not first and not last:
        return None
    note(f"no value in the first {counted(first, 'row')} and the last {last}, which were left out")
    return np.arange(known[0], known[-1] + 1)
