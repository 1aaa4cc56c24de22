"""Where a series comes from: a file, a table, a data frame or one of its columns, an array."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman import datasets
from elman.core import checks
from elman.series.arrays import dates_of, numbers_of, times_of
from elman.series.covariates import Covariates
from elman.series.dates import read_dates, reads_as_date
from elman.series.delimited import read_table
from elman.series.errors import DataError, listed, shorten
from elman.series.frames import columns_of, index_of, is_frame
from elman.series.numbers import parse_number
from elman.series.parquet import read_parquet
from elman.series.rows import Rows
from elman.series.series import Rules, Series, build
from elman.series.table import Table

__all__ = [
    "Columns",
    "as_series",
    "columns",
    "found_in_frame",
    "found_in_table",
    "open_table",
    "read_series",
    "series_of",
    "series_of_frame",
    "series_of_table",
]

_TIME_WORDS = re.compile(r"date|time|year|month|week|day|quarter|period|jahr|datum|zeit|ann[ée]e|fecha|data", re.I)


class Columns(NamedTuple):
    """Which columns of a table are what; None: found by themselves. Beside arrays, the arrays themselves."""

    target: str | None = None
    time: Any = None
    id: str | None = None
    past: Any = None
    future: Any = None
    static: Any = None

    def by_name(self) -> Columns:
        """Those that are given by name; None where the arrays themselves were given."""

        def names(given: Any) -> Any:
            several = isinstance(given, list | tuple) and all(isinstance(name, str) for name in given)
            return given if several or isinstance(given, str) else None

        one = (given if isinstance(given, str) else None for given in self[:3])
        return Columns(*one, *map(names, self[3:]))

    def named(self) -> list[tuple[str, str]]:
        """(option, name) of every column that is named, but for the id."""
        each = [("target", self.target), ("time", self.time)]
        each += [(option, name) for option in ("past", "future", "static") for name in getattr(self, option)]
        return [(option, name) for option, name in each if name is not None]

    def others(self) -> tuple[str, ...]:
        """The named columns that are not to be forecast."""
        named = () if self.time is None else (self.time,)
        return (*named, *self.past, *self.future, *self.static)


def columns(**named: Any) -> Columns:
    """The columns of a table as a user names them: the covariates by one name, or a list of names."""
    for option in ("past", "future", "static"):
        given = named.get(option)
        names = () if given is None else (given,) if isinstance(given, str) else given
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"{option}: expected names of columns, got {checks.shown(given)}")
        named[option] = tuple(names)
    found = Columns(**named)
    whose: dict[str, str] = {}
    for option, given in zip(Columns._fields, found, strict=True):
        for name in (given,) if isinstance(given, str) else given or ():
            if name in whose:
                other = f"another column than {whose[name]}"
                raise ValueError(f"{option}: expected {other}, got {name!r} for both")
            whose[name] = option
    return found


def read_series(
    path: str | Path,
    *,
    target: str | None = None,
    time: str | None = None,
    freq: str | None = None,
    missing: str = "error",
    past: Any = None,
    future: Any = None,
    static: Any = None,
) -> Series:
    """The series in a CSV or Parquet file, or a bundled one by its name (`elman.datasets`) where no file has it.

    target   column of the values; default: the only numeric one
    time     column of the dates; default: the first that reads as dates, or none
    freq     the step, where it should not be found from the dates: see `calendar.parse`
    missing  "error": empty cells and left-out dates are errors; "interpolate": they are filled on a straight line;
             "mask": neither learned from nor scored
    past, future, static   columns of covariates, one name or a list: known up to the last value; known also ahead, in
             rows after it that have no value; the same in every row

    Raises `DataError` for bad data, `ValueError` for a bad option.
    """
    names = {"target": target, "time": time, "past": past, "future": future, "static": static}
    return as_series(open_table(path), freq=freq, missing=missing, **names)


def open_table(path: str | Path) -> Any:
    """The `Table` in a CSV file, or in a bundled one by its name where no file has that name; the polars frame in a
    Parquet file. ModuleNotFoundError for the latter without polars."""
    if Path(path).suffix.lower() in (".parquet", ".pq"):
        return read_parquet(Path(path))
    bundled = str(path) in datasets.names() and not Path(path).exists()
    return read_table(datasets.path(str(path)) if bundled else path)


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
) -> Series:
    """The series in an array or list (n,), a data frame or one of its columns (pandas, polars), a `Table`, or a file.

    Of a data frame or table, `time`, `past`, `future` and `static` name columns. Beside an array they hold the times
    (n,), covariates (n,) or (n, P), those known m rows ahead (n + m,) or (n + m, K), and numbers or words. The other
    options and errors are those of `read_series`.
    """
    return series_of(data, Columns(target, time, None, past, future, static), Rules(freq, missing))


def series_of(data: Any, names: Columns, rules: Rules) -> Series:
    """As `as_series`."""
    if isinstance(data, Series):
        return data
    if isinstance(data, str | Path):
        data = open_table(data)
    if isinstance(data, Table) or is_frame(data):
        names = columns(**names._asdict())
        if isinstance(data, Table):
            return series_of_table(data, names, rules)
        return series_of_frame(columns_of(data), names, rules, None if names.time is not None else index_of(data))
    rows = Rows(str(getattr(data, "name", None) or "value"))
    time = names.time if names.time is not None else index_of(data)  # pandas keeps a column's dates in its index
    values = numbers_of(data)
    readings = None if time is None else times_of(time)
    if names.past is None and names.future is None and names.static is None:
        return build(rows, values, readings, rules)
    given, later = _given(len(values), names.past, names.future, names.static)
    p, both = len(given.past_names), np.column_stack([given.past, given.future])
    every = (*given.past_names, *given.future_names)
    whole = replace(given, past=both, future=both[:, :0], past_names=every, future_names=())
    series = build(rows, values, readings, rules, whole)  # all rows have values: none of them is the future's
    known = whole if series.covariates is None else series.covariates
    ahead = np.concatenate([known.past[:, p:], later])
    return replace(series, covariates=replace(given, past=known.past[:, :p], future=ahead))


def _given(rows: int, past: Any, future: Any, static: Any) -> tuple[Covariates, np.ndarray]:
    """Arrays beside an array of so many rows; the rows of `future` after them (m, K) apart."""
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


def found_in_table(table: Table, names: Columns) -> Columns:
    """The names, with time and target found where they were not given. `DataError` for a column that is not there."""
    for option, given in names.named():
        table.column(given, option)
    if names.time is None:
        names = names._replace(time=_find_time(table, (names.target, *names.others())))
    if names.target is None:
        others = names.others()
        numeric = [n for n in table.names if n not in others and table.is_numeric(n) and not _counts_rows(table, n)]
        names = names._replace(target=_only(numeric, table.names, table.path))
    return names


def series_of_table(table: Table, names: Columns, rules: Rules) -> Series:
    """As `read_series`, of a table read before."""
    names = found_in_table(table, names)
    target, time = str(names.target), names.time
    rows = Rows(target, time, table.path, table.lines)
    readings = None if time is None else dates_of(table.column(time, "time"), rows)
    covariates = _covariates(
        names,
        rows,
        len(table),
        table.numbers,
        lambda name: map(_number_or_word, table.column(name, "static")),
    )
    return build(rows, table.numbers(target), readings, rules, covariates)


def _covariates(
    names: Columns,
    rows: Rows,
    count: int,
    numbers: Callable[[str], np.ndarray],
    cells: Callable[[str], Iterable[float | str]],
) -> Covariates | None:
    """The named columns of `count` rows; `numbers` and `cells` give one by its name."""
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
    """What every row of a static column holds. `DataError` names the first that differs, or is empty."""
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


def _find_time(table: Table, others: Sequence[str | None]) -> str | None:
    """The first column that reads as dates; one where most cells do is taken too: the error then names the others."""
    for name in table.names:
        if name in others:
            continue
        cells = table.column(name, "time")
        beginning = cells[:200]
        if 2 * sum(map(reads_as_date, beginning)) <= len(beginning):
            continue
        if any(parse_number(cell) is None for cell in cells):
            return name
        if (_TIME_WORDS.search(name) or name == "column 1") and read_dates(cells):  # bare years, or 20200131
            return name
    return None


def _counts_rows(table: Table, name: str) -> bool:
    """Whether a column without a name only counts the rows, as data frames write them."""
    if name != "column 1":
        return False
    cells = table.column(name, "column")
    return any(all(cell == str(i + k) for i, cell in enumerate(cells)) for k in (0, 1))


def _only(numeric: list[str], names: Sequence[str], path: Path | None) -> str:
    if len(numeric) == 1:
        return numeric[0]
    if not numeric:
        hint = "; a single column may mean another delimiter than , ; tab or |" if len(names) == 1 else ""
        raise DataError(f"no numeric column to forecast among {listed(names)}{hint}", path=path)
    raise DataError(f"several numeric columns: {listed(numeric)}; choose one with target (--target)", path=path)


def found_in_frame(frame: Mapping[str, np.ndarray], names: Columns) -> Columns:
    """As `found_in_table`, of a data frame's columns."""
    for option, given in names.named():
        if given not in frame:
            raise DataError(f"{option}: no column {given!r}; the columns are {listed(list(frame))}")
    if names.time is None:
        others = (names.target, *names.others())
        names = names._replace(time=next((n for n in frame if n not in others and _dated(frame[n])), None))
    if names.target is None:
        others = names.others()
        numeric = [n for n in frame if n not in others and frame[n].dtype.kind in "iuf"]
        names = names._replace(target=_only(numeric, list(frame), None))
    return names


def series_of_frame(frame: Mapping[str, np.ndarray], names: Columns, rules: Rules, dates: Any = None) -> Series:
    """As `as_series`, of a data frame's columns (n,); `dates` are its index, where no column has been named."""
    names = found_in_frame(frame, names)
    target, time = str(names.target), names.time
    readings = times_of(frame[time], time) if time is not None else None if dates is None else times_of(dates)
    rows = Rows(target, time)
    covariates = _covariates(
        names,
        rows,
        len(frame[target]),
        lambda name: numbers_of(frame[name], name),
        lambda name: [cell if isinstance(cell, str) else float(cell) for cell in frame[name].tolist()],
    )
    return build(rows, numbers_of(frame[target]), readings, rules, covariates)


def _dated(values: np.ndarray) -> bool:
    return values.dtype.kind == "M" or (
        values.dtype.kind in "OUT" and len(values) > 0 and isinstance(values[0], str) and reads_as_date(values[0])
    )
