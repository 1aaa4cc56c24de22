"""Many series from a mapping, a list, or a table in long form: a checked panel."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from elman.core import checks
from elman.series.columns import Columns, columns, found_in_frame, with_form
from elman.series.errors import DataError, listed, shorten
from elman.series.notes import gathered, note, of_many
from elman.series.panel import Panel, map_series
from elman.series.series import Series, SeriesOptions
from elman.series.sources import found_in_rows, open_table, series_of, series_of_frame, series_of_table
from elman.series.tables.frames import columns_of, is_frame
from elman.series.tables.table import Table
from elman.series.targets import Maker, makers_of_columns

__all__ = ["as_panel"]

ID, TIME, TARGET = "unique_id", "ds", "y"  # the usual columns of long tables, which need not be named


def as_panel(
    data: Any,
    names: Columns,
    options: SeriesOptions,
    *,
    skip_bad: bool = False,
    after: Panel | None = None,
    wide: bool = False,
) -> Panel:
    """Reads `data` and returns its series as a panel; one series alone becomes a panel of one (`Panel.of`).

    data      anything that is one series (`series_of`); a mapping from ids to such; a list of arrays or Series, whose
              ids are "1", "2", ...; or a table in long form (file, `Table`, data frame) with a row for each series
              and time
    names     the columns of a table; default: `unique_id`, `y`, `ds`, where it has a column `unique_id`. Beside a
              mapping of arrays, covariates are mappings with the same ids
    skip_bad  leave out series that cannot be used and report them in `Panel.skipped`; else the first is an error
    after     the panel whose last rows the new rows follow
    wide      whether each numeric column of a table is a series, with the name of the column as its id

    Raises `DataError`, with the series' id, for a bad series and for series whose steps in time differ.
    """
    if isinstance(data, Panel):
        return data
    with gathered() as notes:
        found = _read_panel(data, names, options, skip_bad, after, wide)
    own = {id: [text for text in series.notes if text not in notes] for id, series in found.items()}
    found.notes = (*notes, *(found.only.notes if found.single else of_many(own)))
    return found


def _read_panel(
    data: Any, names: Columns, options: SeriesOptions, skip_bad: bool, after: Panel | None, wide: bool
) -> Panel:
    """As `as_panel`, without the notes of the panel."""
    if isinstance(data, str | os.PathLike):
        data = open_table(os.fspath(data))
    if wide or isinstance(names.target, list | tuple):
        names, makers = makers_of_columns(data, names, wide)
    else:
        makers = _makers(data, names)
    named = names.by_name()
    if makers is None:
        last = after.only if after is not None and after.single else None
        return Panel.of(series_of(data, names._replace(id=None), options._replace(after=last)), named)
    if "" in makers:
        raise DataError("id: expected a name for every series, got an empty one")
    known: Mapping[str, Series] = {} if after is None or after.single else after
    first: list[tuple[str, Series]] = []

    def make(id: str) -> Series:
        with gathered() as notes:
            series = makers[id](options._replace(after=known.get(id)))
        series = replace(series, notes=(*series.notes, *notes))
        if not first:
            first.append((id, series))
        forms = [s.style.template for s in (first[0][1], series)]
        if forms[0] != forms[1] and sorted(forms[0]) == sorted(forms[1]):
            raise DataError(
                f"its dates are of the form {forms[1]}, those of series {shorten(first[0][0])} of the form {forms[0]};"
                " name it with date_format (--date-format)"
            )
        steps = [None if s.calendar is None else s.calendar.name for s in (first[0][1], series)]
        if steps[0] != steps[1]:
            raise DataError(
                f"its step is {steps[1]}, that of series {shorten(first[0][0])} is {steps[0]}; name it with freq"
            )
        return series

    return Panel(*map_series(makers, make, skip_bad, "used"), names=named)


def _makers(data: Any, names: Columns) -> dict[str, Maker] | None:
    """A function for each id that builds its series, so that one that fails does not affect the others; None where
    `data` is one series alone."""
    if isinstance(data, Series):
        return None
    several = isinstance(data, list | tuple) and len(data) > 0 and (isinstance(data[0], Series) or np.ndim(data[0]) > 0)
    if isinstance(data, Mapping) or several:
        return _makers_of_mapping(data, names)
    if not isinstance(data, Table) and not is_frame(data):
        return None
    table = data if isinstance(data, Table) else columns_of(data)
    known = table.names if isinstance(table, Table) else tuple(table)
    id = names.id
    if id is None and ID in known:
        id = ID
        time = TIME if names.time is None and TIME in known else names.time
        target = TARGET if names.target is None and TARGET in known else names.target
        names = names._replace(time=time, target=target)
    if id is None:
        return None
    names = columns(**names._asdict())
    if id not in known:
        raise DataError(f"id: no column {id!r}" + (f"; the columns are {listed(known)}" if known else ""))
    if isinstance(table, Table):
        for text in table.notes:
            note(text)
        rest, names = found_in_rows(table.without(id), names)
        if names.dated is None and table.blank is not None and table.blank.size:
            line = int(table.lines[table.blank[0]])
            raise DataError(
                "a blank line between rows, without dates, may belong to any series", path=table.path, line=line
            )
        names = with_form(rest, names)
        for name in (str(names.target), *names.past, *names.future):
            rest.notation(name)  # one for all series
        groups = _groups(rest.cells.column(table.places[id], rest.rows), len(rest))
        if "" in groups:
            line = int(rest.lines[groups[""][0]])
            raise DataError("expected a name for every series, got an empty one", path=table.path, line=line, column=id)
        return {name: partial(_series_of_rows, rest, rows, names) for name, rows in groups.items()}
    cells = table.pop(id)
    names = with_form(table, found_in_frame(table, names))
    return {
        name: partial(_series_of_frame_rows, table, rows, names)
        for name, rows in _groups(map(str, cells.tolist()), len(cells)).items()
    }


def _series_of_rows(table: Table, rows: np.ndarray, names: Columns, options: SeriesOptions) -> Series:
    return series_of_table(table.take(rows), names, options)


def _series_of_frame_rows(
    frame: Mapping[str, np.ndarray], rows: np.ndarray, names: Columns, options: SeriesOptions
) -> Series:
    return series_of_frame({name: cells[rows] for name, cells in frame.items()}, names, options)


def _makers_of_mapping(data: Any, names: Columns) -> dict[str, Maker]:
    given = data if isinstance(data, Mapping) else {str(i + 1): each for i, each in enumerate(data)}
    if not given:
        raise ValueError("y: expected at least one series, got an empty mapping")
    if names.id is not None:
        raise ValueError(f"id: expected a table with such a column, got {names.id!r} with {checks.shown(type(data))}")
    for option in ("past", "future", "static"):
        beside = getattr(names, option)
        if isinstance(beside, Mapping) and (absent := [str(name) for name in given if name not in beside]):
            raise DataError(f"{option}: expected one for every series, got none for {absent[0]!r}")

    def of(name: Any) -> Columns:
        return Columns(*(each[name] if isinstance(each, Mapping) else each for each in names))

    return {str(name): partial(series_of, each, of(name)) for name, each in given.items()}


def _groups(ids: Iterable[str], rows: int) -> dict[str, np.ndarray]:
    """Returns the indices of the rows of each id, in the order of the first rows; `ids` has the id of each row."""
    places: dict[str, int] = {}
    place = np.fromiter((places.setdefault(id, len(places)) for id in ids), np.int32, rows)
    order = np.argsort(place, kind="stable")
    return dict(zip(places, np.split(order, np.cumsum(np.bincount(place))[:-1]), strict=False))
