"""`Columns`: which columns of a table hold the values, dates, ids and covariates, as named by the user or found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.series.errors import DataError, listed
from elman.series.tables.dates import read_dates, reads_as_date
from elman.series.tables.numbers import parse_number
from elman.series.tables.table import Table

__all__ = ["Columns", "all_targets", "columns", "found_in_frame", "found_in_table"]

_TIME_WORDS = re.compile(r"date|time|year|month|week|day|quarter|period|jahr|datum|zeit|ann[ée]e|fecha|data", re.I)


class Columns(NamedTuple):
    """The names of the columns of a table, one or several each; None: to be found, or none. Where a series comes as an
    array, `time`, `past`, `future` and `static` are arrays beside it instead of names. Several targets are a series
    each, on the same times."""

    target: Any = None
    time: Any = None
    id: str | None = None
    past: Any = None
    future: Any = None
    static: Any = None

    def by_name(self) -> Columns:
        """Returns what is given by name, with None in the place of arrays."""

        def names(given: Any) -> Any:
            several = isinstance(given, list | tuple) and all(isinstance(name, str) for name in given)
            return given if several or isinstance(given, str) else None

        one = (given if isinstance(given, str) else None for given in self[1:3])
        return Columns(names(self.target), *one, *map(names, self[3:]))

    def named(self) -> list[tuple[str, str]]:
        """Returns (option, name) of every column that is named, without the id."""
        each = [("target", self.target), ("time", self.time)]
        each += [(option, name) for option in ("past", "future", "static") for name in getattr(self, option)]
        return [(option, name) for option, name in each if name is not None]

    def others(self) -> tuple[str, ...]:
        """Returns the names of the dates and covariates, which are not to be forecast."""
        named = () if self.time is None else (self.time,)
        return (*named, *self.past, *self.future, *self.static)


def columns(**named: Any) -> Columns:
    """Returns the columns of a table, with the covariates as tuples of names. Raises TypeError for what is no name and
    ValueError for one column in two places."""
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


def found_in_table(table: Table, names: Columns) -> Columns:
    """Returns the columns of a table with `time` and `target` found where they are not given: the first column of
    dates, and the only numeric one. `DataError` for a name that is not there, and where the target cannot be found."""
    for option, given in names.named():
        table.column(given, option)
    if names.time is None:
        names = names._replace(time=_find_time(table, (names.target, *names.others())))
    if names.target is None:
        others = names.others()
        numeric = [n for n in table.names if n not in others and table.is_numeric(n) and not _counts_rows(table, n)]
        names = names._replace(target=_only(numeric, table.names, table.path))
    return names


def _find_time(table: Table, others: Sequence[str | None]) -> str | None:
    """Returns the first column of which most cells read as dates, so that an error names the cells that do not."""
    for name in table.names:
        if name in others:
            continue
        cells = table.column(name, "time")
        beginning = cells[:200]
        if 2 * sum(map(reads_as_date, beginning)) <= len(beginning):
            continue
        if any(parse_number(cell) is None for cell in cells):
            return name
        if (_TIME_WORDS.search(name) or name == "column 1") and read_dates(cells):  # years, or such as 20200131
            return name
    return None


def _counts_rows(table: Table, name: str) -> bool:
    """Returns whether a column only counts the rows, as data frames write their index: without a name, from 0 or 1."""
    if name != "column 1":
        return False
    cells = table.column(name, "column")
    return any(all(cell == str(i + k) for i, cell in enumerate(cells)) for k in (0, 1))


def _only(numeric: list[str], names: Sequence[str], path: Path | None) -> str:
    """Returns the only numeric column; `DataError` where there is none or more than one."""
    if len(numeric) == 1:
        return numeric[0]
    if not numeric:
        hint = "; a single column may mean another delimiter than , ; tab or |" if len(names) == 1 else ""
        raise DataError(f"no numeric column to forecast among {listed(names)}{hint}", path=path)
    raise DataError(f"several numeric columns: {listed(numeric)}; choose one with target (--target)", path=path)


def found_in_frame(frame: Mapping[str, np.ndarray], names: Columns) -> Columns:
    """As `found_in_table`, of the columns of a data frame by name."""
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


def all_targets(table: Table | Mapping[str, np.ndarray], names: Columns) -> tuple[str, ...]:
    """Returns the names of all columns of numbers but dates and covariates; `DataError` where there is none."""
    others = names.others()
    if isinstance(table, Table):
        time = names.time if names.time is not None else _find_time(table, others)
        rest = [name for name in table.names if name != time and name not in others]
        found = [name for name in rest if table.is_numeric(name) and not _counts_rows(table, name)]
    else:
        found = [name for name in table if name not in others and table[name].dtype.kind in "iuf"]
    if not found:
        known = table.names if isinstance(table, Table) else tuple(table)
        raise DataError(f"wide: no numeric column among {listed(known)}")
    return tuple(found)


def _dated(values: np.ndarray) -> bool:
    """Returns whether a column (n,) of a data frame holds dates, judged by its type or its first cell."""
    return values.dtype.kind == "M" or (
        values.dtype.kind in "OUT" and len(values) > 0 and isinstance(values[0], str) and reads_as_date(values[0])
    )
