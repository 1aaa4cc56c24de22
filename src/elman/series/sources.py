"""One series from a file, a table, a data frame or one of its columns, or an array."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from elman import datasets
from elman.core import checks
from elman.series.build import build
from elman.series.columns import Columns, check_times, columns, found_in_frame, found_in_table, readings_of
from elman.series.covariates import Covariates
from elman.series.dates.times import times_of
from elman.series.errors import DataError, counted, shorten
from elman.series.notes import gathered, note, warn
from elman.series.order.several import find_ids, note_ids
from elman.series.series import Series, SeriesOptions
from elman.series.tables.arrays import numbers_of
from elman.series.tables.delimited import read_table
from elman.series.tables.frames import columns_of, index_of, is_frame
from elman.series.tables.numbers import parse_number
from elman.series.tables.parquet import read_parquet
from elman.series.tables.rows import Rows
from elman.series.tables.table import Table

__all__ = [
    "as_series",
    "found_in_rows",
    "open_table",
    "opened",
    "read_series",
    "series_of",
    "series_of_frame",
    "series_of_table",
]


def read_series(
    path: str | Path,
    *,
    target: str | None = None,
    time: str | Sequence[str] | None = None,
    freq: str | None = None,
    missing: str = "error",
    past: Any = None,
    future: Any = None,
    static: Any = None,
    date_format: str | None = None,
    zone: str | None = None,
    duplicates: str | None = None,
    regular: str | None = None,
    skip_rows: int = 0,
    decimal: str | None = None,
) -> Series:
    """Reads a series from a CSV or Parquet file. The name of a bundled series (`elman.datasets`) stands for it, unless
    there is a file of that name.

    target   column of the values; default: the only numeric one
    time     column of the times, or several that are times together (["year", "quarter"]); "none" numbers the rows;
             default: the first that reads as dates, and an error where it looks like dates and does not
    date_format   form of the times, such as "%d/%m/%Y %H:%M" or "seconds" (`dates.forms`); default: found
    zone     time zone of the times, such as "Europe/Berlin"; default: as they say, or as their clocks change
    freq     the step between rows, such as "D" or "15min" (`calendar.parse`); default: found in the dates
    missing  what to do about empty cells and left-out dates: "error" raises `DataError`; "interpolate" fills them on
             straight lines; "zero" takes them as 0; "mask" fills them, but models do not learn from them or score them
    past, future, static   columns of covariates, one name or a list: known up to the last value; known ahead too, in
             rows after the last value; the same in every row

    duplicates   of rows with the same time the "first", the "last", or their "mean"; None: they are an error
    regular      the step of a grid onto which the rows are put, such as "5min": each to the nearest of its times (from
                 a day on: to the day it lies in), rows at the same one are averaged
    skip_rows    lines above the header of a CSV file that are left out
    decimal      the decimal mark of all numbers of a CSV file, "." or ","; None: found for each column

    What a reader should know of how the file was read is in the `notes` of the series, and given as `DataNotice`s.
    Raises `DataError` for bad data, `ValueError` for a bad option.
    """
    names = Columns(target, time, None, past, future, static, date_format, zone)
    options = SeriesOptions(freq, missing, duplicates=duplicates, regular=regular)
    found = series_of(open_table(path, skip_rows=skip_rows, decimal=decimal), names, options)
    warn(found.notes)
    return found


def open_table(path: str | Path, *, skip_rows: int = 0, decimal: str | None = None) -> Any:
    """Reads a CSV file as a `Table` (see `read_table` for the options), or a Parquet file as a polars frame; the name
    of a bundled series stands for its file, unless there is a file of that name. ModuleNotFoundError for Parquet
    without polars."""
    if Path(path).suffix.lower() in (".parquet", ".pq"):
        return read_parquet(Path(path))
    bundled = str(path) in datasets.names() and not Path(path).exists()
    return read_table(datasets.path(str(path)) if bundled else path, skip_rows=skip_rows, decimal=decimal)


def opened(data: Any, skip_rows: int = 0, decimal: str | None = None) -> Any:
    """Returns the table in a file whose path is given, and any other data as they are. ValueError for options of
    reading a file beside the latter."""
    if isinstance(data, str | os.PathLike):
        return open_table(os.fspath(data), skip_rows=skip_rows, decimal=decimal)
    for name, option, usual in (("skip_rows", skip_rows, 0), ("decimal", decimal, None)):
        if option != usual:
            raise ValueError(f"{name}: expected the path of a file beside it, got {checks.shown(data)}")
    return data


def as_series(
    data: Any,
    *,
    target: str | None = None,
    time: Any = None,
    freq: str | None = None,
    missing: str = "error",
    past: Any = None,
    future: Any = None,
    static: Any = None,
    date_format: str | None = None,
    zone: str | None = None,
    duplicates: str | None = None,
    regular: str | None = None,
) -> Series:
    """Returns the series in an array or list (n,), a data frame or one of its columns (pandas, polars), a `Table`, or a
    file.

    For a data frame or table, `time`, `past`, `future` and `static` are names of columns. For an array they are the
    times (n,), past covariates (n,) or (n, P), covariates known m rows ahead (n + m,) or (n + m, K), and numbers or
    words. The other options and errors are those of `read_series`.
    """
    names = Columns(target, time, None, past, future, static, date_format, zone)
    found = series_of(data, names, SeriesOptions(freq, missing, duplicates=duplicates, regular=regular))
    if not isinstance(data, Series):
        warn(found.notes)
    return found


def series_of(data: Any, names: Columns, options: SeriesOptions) -> Series:
    """As `as_series`, with the arguments gathered in two records, and without warnings: the series has its notes."""
    if isinstance(data, Series):
        return data
    with gathered() as notes:
        found = _series_of(data, names, options)
    return replace(found, notes=tuple(notes))


def _series_of(data: Any, names: Columns, options: SeriesOptions) -> Series:
    if isinstance(data, str | Path):
        data = open_table(data)
    if isinstance(data, Table) or is_frame(data):
        names = columns(**names._asdict())
        if isinstance(data, Table):
            for text in data.notes:
                note(text)
            return series_of_table(data, names, options)
        return series_of_frame(columns_of(data), names, options, None if names.time is not None else index_of(data))
    rows = Rows(str(getattr(data, "name", None) or "value"))
    time = names.dated if names.time is not None else index_of(data)  # the dates of a column of pandas are its index
    values = numbers_of(data)
    readings = None if time is None else times_of(time, options=check_times(names).options(options.like))
    if names.past is None and names.future is None and names.static is None:
        return build(rows, values, readings, options)
    given, later = _given(len(values), names.past, names.future, names.static)
    p, both = len(given.past_names), np.column_stack([given.past, given.future])
    every = (*given.past_names, *given.future_names)
    whole = replace(given, past=both, future=both[:, :0], past_names=every, future_names=())
    series = build(rows, values, readings, options, whole)  # as past, since every row has a value and is known
    known = whole if series.covariates is None else series.covariates
    ahead = np.concatenate([known.past[:, p:], later])
    return replace(series, covariates=replace(given, past=known.past[:, :p], future=ahead))


def _given(rows: int, past: Any, future: Any, static: Any) -> tuple[Covariates, np.ndarray]:
    """Returns the covariates beside an array of `rows` rows, with names of their own, and apart from them the later
    rows of `future` (m, K)."""
    arrays: list[np.ndarray] = []
    for option, given, more in (("past", past, False), ("future", future, True)):
        array = np.zeros((rows, 0)) if given is None else np.asarray(given)
        if array.dtype.kind not in "iufb" or array.ndim not in (1, 2):
            raise TypeError(f"{option}: expected real numbers (n,) or (n, columns), got {checks.shown(given)}")
        if len(array) < rows or (len(array) > rows and not more):
            expected = f"at least {rows}" if more else str(rows)
            raise ValueError(f"{option}: expected {expected} rows, as y has, got {len(array)}")
        array = array.reshape(len(array), -1).astype(np.float64)
        if not np.isfinite(array).all():
            i, k = np.argwhere(~np.isfinite(array))[0]
            raise DataError(f"{option}: expected finite numbers, got {array[i, k]} in row {i}, column {k}")
        arrays.append(array)
    words = () if static is None else (static,) if isinstance(static, str) or np.ndim(static) == 0 else tuple(static)
    names = [tuple(f"{option} {k + 1}" for k in range(count)) for option, count in
             (("past", arrays[0].shape[1]), ("future", arrays[1].shape[1]), ("static", len(words)))]  # fmt: skip
    fixed = tuple(word if isinstance(word, str) else float(word) for word in words)
    return Covariates(arrays[0], arrays[1][:rows], fixed, names[0], names[1], names[2]), arrays[1][rows:]


def series_of_table(table: Table, names: Columns, options: SeriesOptions) -> Series:
    """As `series_of`, of a table."""
    table, names = found_in_rows(table, names)
    target, time = str(names.target), names.dated
    others = [each for each in table.names if each not in (target, *names.others())]
    ids = partial(find_ids, others, lambda each: table.column(each, "id"))
    rows = Rows(target, time, table.path, table.lines, find_ids=ids)
    readings = readings_of(table, names, rows, options.like)
    note_ids(others, lambda each: table.column(each, "id"), None if readings is None else readings[0].times)
    covariates = _covariates(
        names,
        rows,
        len(table),
        table.numbers,
        lambda name: map(_number_or_word, table.column(name, "static")),
    )
    return build(rows, table.numbers(target), readings, options, covariates)


def found_in_rows(table: Table, names: Columns) -> tuple[Table, Columns]:
    """Returns a table and its columns, found where they are not given. Blank rows are left out where there are dates,
    which tell of missing rows; else they are rows of missing values."""
    filled = table.without_blank()
    found = found_in_table(filled, names)
    if found.dated is None or filled is table:
        return table, found
    count = len(table) - len(filled)
    were = "was" if count == 1 else "were"
    note(f"{counted(count, 'blank line')} between the rows {were} left out: the dates tell which rows are missing")
    return filled, found


def _covariates(
    names: Columns,
    rows: Rows,
    count: int,
    numbers: Callable[[str], np.ndarray],
    cells: Callable[[str], Iterable[float | str]],
) -> Covariates | None:
    """Returns the covariates in the named columns of `count` rows; `numbers` and `cells` read a column by its name."""
    if not (names.past or names.future or names.static):
        return None
    past, future = np.empty((count, len(names.past))), np.empty((count, len(names.future)))
    for k, name in enumerate(names.past):
        past[:, k] = numbers(name)
    for k, name in enumerate(names.future):
        future[:, k] = numbers(name)
    static = tuple(_one_of(name, cells(name), rows) for name in names.static)
    return Covariates(past, future, static, names.past, names.future, names.static)


def _one_of(name: str, cells: Iterable[float | str], rows: Rows) -> float | str:
    """Returns what every row of a static column holds; `DataError` for the first row that differs or is empty."""
    own = rows._replace(name=name)
    first: float | str = ""
    for i, cell in enumerate(cells):
        first = first if i else cell
        if cell != first or cell == "" or cell != cell:
            expected = "one value in every row of a series" if cell == cell and cell != "" else "a value"
            after = f" after {_shown(first)}" if i else ""
            raise own.error(f"static: expected {expected}, got {_shown(cell)}{after}", i)
    return first


def _shown(cell: float | str) -> str:
    return shorten(cell) if isinstance(cell, str) else repr(cell)


def _number_or_word(cell: str) -> float | str:
    number = parse_number(cell)
    return cell.strip() if number is None else number


def series_of_frame(
    frame: Mapping[str, np.ndarray], names: Columns, options: SeriesOptions, dates: Any = None
) -> Series:
    """As `series_of`, of the columns (n,) of a data frame; `dates` is its index, where no column of times is named."""
    names = found_in_frame(frame, names, indexed=dates is not None)
    target, time = str(names.target), names.dated
    others = [each for each in frame if each not in (target, *names.others())]
    rows = Rows(target, time, find_ids=partial(find_ids, others, lambda each: frame[each].tolist()))
    readings = readings_of(frame, names, rows, options.like)
    if readings is None and dates is not None:
        readings = times_of(dates, options=names.options(options.like))
    note_ids(others, lambda each: frame[each].tolist(), None if readings is None else readings[0].times)
    covariates = _covariates(
        names,
        rows,
        len(frame[target]),
        lambda name: numbers_of(frame[name], name),
        lambda name: [cell if isinstance(cell, str) else float(cell) for cell in frame[name].tolist()],
    )
    return build(rows, numbers_of(frame[target]), readings, options, covariates)
