"""`sequences`: a CSV or Parquet file, or a data frame, as sequences with their labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.sequence.tables.forms import find_form
from elman.sequence.tables.kinds import MISSING, features_of, note_classes, without_ids
from elman.sequence.tables.labels import labels_of
from elman.sequence.tables.layout import NONE, Column, Kind, Layout, Options
from elman.sequence.tables.order import Groups, find_counter, grouped
from elman.sequence.tables.roles import Roles, find_roles
from elman.sequence.tables.source import FrameSource, Source, TableSource
from elman.sequence.tables.texts import text_sequences
from elman.sequence.tables.wide import wide_sequences
from elman.series.errors import DataError, listed
from elman.series.notes import gathered, note, warn
from elman.series.sources import open_table
from elman.series.tables.frames import columns_of, index_of, is_frame
from elman.series.tables.table import Table

__all__ = ["Sequences", "read", "sequences"]


class Sequences(NamedTuple):
    """Sequences that were read from a table, in the order in which their ids come first.

    x         arrays (T, C): float64 where all features are numbers, else objects, of which text is `str`
    y         the label of each sequence (n,), or a list with those of its steps (T,); None: there are none
    ids       their ids, text or whole numbers; of a table without ids the numbers of its rows, from 1
    columns   the features: their names, and "number" or "text"
    notes     what was taken for what, where that is not plain
    layout    which columns hold what, by which fresh rows are read in the same way
    """

    x: list[np.ndarray]
    y: Any
    ids: list[Any]
    columns: tuple[Column, ...]
    notes: tuple[str, ...]
    layout: Layout


def sequences(
    data: Any,
    id: str | None = None,
    time: str | None = None,
    label: str | None = None,
    per_step: bool = False,
    features: str | Sequence[str] | None = None,
    *,
    categorical: str | Sequence[str] = (),
    form: str | None = None,
    missing: str = "error",
    date_format: str | None = None,
    numeric_label: bool = False,
    layout: Layout | None = None,
    skip_rows: int = 0,
    decimal: str | None = None,
) -> Sequences:
    """Reads sequences from a table: a CSV or Parquet file, or a data frame of pandas or polars.

    id, time, label   the columns; default: those whose names say so (id, time, label, target, class, ...), and "none"
                where there is none. Rows of an id are put into the order of time, numbers or dates; without a column
                of times they keep that of the file
    per_step    whether each row has a label of its own, as for tagging; else all rows of an id have the same
    features    the columns of the features; default: all others. Columns of text stay text
    categorical   features that hold numbers but are taken as text, since these stand for classes
    form        "long": a row is a step of a sequence; "wide": a row is a sequence, its columns are the steps; "text": a
                row is a text, cut into words in lower case and punctuation marks; default: found
    missing     what to do about missing numbers: "error", or fill them: "interpolate" on straight lines, "zero"
    date_format   form of the times, as for `read_series`; default: found
    numeric_label   whether labels are values, so that anything but a number is an error
    layout      that of other sequences: the table is read as theirs was, and needs no labels
    skip_rows, decimal   as for `read_series`

    What was taken for what is in the `notes`, and given as `DataNotice`s. Raises `DataError`, with the line and column,
    for data that cannot be used or could mean two things, `ValueError` for a bad option.
    """
    options = Options(
        id, time, label, per_step, _names("features", features), _names("categorical", categorical) or (),
        form, missing, date_format, numeric_label, layout,  # pyright: ignore
    )  # fmt: skip
    found = read(data, options, skip_rows=skip_rows, decimal=decimal)
    warn(found.notes)
    return found


def read(data: Any, options: Options, *, skip_rows: int = 0, decimal: str | None = None) -> Sequences:
    """As `sequences`, without warnings, and with the options in one record."""
    if options.form is not None:
        checks.choice("form", options.form, ("long", "wide", "text"))
    checks.choice("missing", options.missing, MISSING)
    with gathered() as notes:
        source = _source(data, options, skip_rows, decimal)
        if options.layout is not None:
            options = _as_before(source, options, options.layout)
        found = _read(source, options)
    return found._replace(notes=tuple(notes))


def _read(source: Source, options: Options) -> Sequences:
    if not source.rows:
        raise source.error("expected rows, got none")
    roles = find_roles(source, options)
    form = find_form(source, roles, options)
    if form == "long":
        x, columns, groups, roles = _long(source, roles, options)
    else:
        if options.per_step:
            raise source.error(f"form {form!r}: expected one label a row; steps have labels in long form alone")
        groups = _one_each(source, roles)
        read_rows = wide_sequences if form == "wide" else text_sequences
        x, columns = read_rows(source, roles, options)
        roles = roles._replace(time=None)
    y = labels_of(source, roles.label, groups, options)
    names = tuple(each.name for each in columns)
    kinds: tuple[Kind, ...] = tuple(each.kind for each in columns)
    text = (y[0] if isinstance(y, list) else y).dtype.kind in "UO" if y is not None else False
    layout = Layout(form, roles.id, roles.time, roles.label, names, kinds, options.per_step, text)
    if options.layout is not None:
        layout = options.layout
        _check_alike(source, names, layout)
    return Sequences(x, y, groups.ids, tuple(columns), (), layout)


def _long(source: Source, roles: Roles, options: Options) -> tuple[list[np.ndarray], list[Column], Groups, Roles]:
    id = roles.id
    if id is None:
        raise source.error(f"id: expected a column of ids; the columns are {listed(source.names)}")
    if roles.time is None and options.time is None:
        roles = roles.with_time(find_counter(source, id, roles.rest))
    groups = grouped(source, id, roles.time, options)
    names = roles.rest if options.features else without_ids(source, roles.rest, groups)
    if not names:
        raise source.error(f"no column is left for the features; the columns are {listed(source.names)}")
    x, columns = features_of(source, names, groups, options)
    if options.features is None:
        note_classes(source, columns, x)
    return groups.split(x), columns, groups, roles


def _one_each(source: Source, roles: Roles) -> Groups:
    """Returns the groups of a table in which each row is a sequence. `DataError` for an id that comes twice."""
    rows = np.arange(source.rows)
    if roles.id is None:
        return Groups((rows + 1).tolist(), rows, rows)
    ids = source.ids(roles.id)
    seen: dict[Any, int] = {}
    for row, id in enumerate(ids):
        if id in seen:
            raise source.error(
                f"{id!r} stands {source.place(seen[id])} too, where each row is a sequence of its own; name the ids"
                " with id (--id), id='none' numbers the rows",
                roles.id, row,
            )  # fmt: skip
        seen[id] = row
    return Groups(ids, rows, rows)


def _as_before(source: Source, options: Options, layout: Layout) -> Options:
    """Returns the options by which a table is read as one was with the layout; those that are given go before it."""
    label = options.label or (layout.label if layout.label in source.names else NONE)
    id = options.id or (layout.id if layout.id in source.names or layout.form == "long" else None)
    features = options.features or (None if layout.form == "wide" else layout.names)
    return options._replace(
        id=id, time=options.time or layout.time or NONE, label=label, features=features,
        form=options.form or layout.form, per_step=layout.per_step,
    )  # fmt: skip


def _check_alike(source: Source, names: tuple[str, ...], layout: Layout) -> None:
    if len(names) != len(layout.names):
        raise source.error(f"expected {len(layout.names)} features, {listed(layout.names)}, got {listed(names)}")


def _source(data: Any, options: Options, skip_rows: int, decimal: str | None) -> Source:
    """Returns the columns of a file, table or data frame."""
    path = None
    if isinstance(data, str | os.PathLike):
        path = Path(os.fspath(data))
        data = open_table(path, skip_rows=skip_rows, decimal=decimal)
    if isinstance(data, Table):
        for text in data.notes:
            note(text)
        filled = data.without_blank()
        if len(filled) < len(data):
            note(f"{len(data) - len(filled)} blank lines between the rows were left out")
        return TableSource(filled)
    if not is_frame(data):
        raise TypeError(f"data: expected a file or a data frame, got {checks.shown(data)}")
    columns = columns_of(data)
    index = index_of(data)
    if index is not None:
        name = str(getattr(getattr(data, "index", None), "name", None) or "time")
        if name not in columns:
            columns[name] = index
            note(f"the index of the frame was taken as its column {name!r}")
    if not columns:
        raise DataError("the frame has no column")
    return FrameSource(columns, path)


def _names(option: str, given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    names = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"{option}: expected names of columns, got {checks.shown(given)}")
    return names
