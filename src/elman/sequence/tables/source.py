"""A CSV file and a data frame as the same columns, with the place of each row for error messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from elman.series.dates.column import time_cells
from elman.series.dates.reading import Reading
from elman.series.dates.sources import source_of
from elman.series.dates.times import TimeOptions, dates_of, times_of
from elman.series.errors import DataError, shorten
from elman.series.tables.cells import blocks
from elman.series.tables.numbers import is_number, parse_numbers
from elman.series.tables.rows import Rows
from elman.series.tables.table import Table

__all__ = ["Census", "FrameSource", "Source", "TableSource", "objects"]


class Census(NamedTuple):
    """What the cells of a column hold: how many numbers, how many other things, the row of the first of each (or -1),
    and whether these are dates."""

    numbers: int
    others: int
    number: int
    other: int
    dates: bool = False


class Source(Protocol):
    """Columns by name, of so many rows.

    path      the file, if they come from one
    """

    names: tuple[str, ...]
    rows: int
    path: Path | None

    def census(self, name: str) -> Census:
        """Returns what the cells of a column hold."""
        ...

    def numbers(self, name: str) -> np.ndarray:
        """Returns a column as float64 (n,), NaN where a value is missing; `DataError` for what is no number."""
        ...

    def texts(self, name: str) -> list[str]:
        """Returns a column as text, "" where a value is missing."""
        ...

    def ids(self, name: str) -> list[Any]:
        """Returns a column of ids, text or whole numbers; `DataError` for a missing one."""
        ...

    def labels(self, name: str) -> np.ndarray:
        """Returns a column (n,) as labels: whole numbers, numbers, or objects, of which None is a missing one."""
        ...

    def readings(self, name: str, form: str | None) -> list[Reading]:
        """Returns a column read as dates, in every way that there is; `DataError` where it holds none."""
        ...

    def error(self, problem: str, name: str | None = None, row: int | None = None) -> DataError:
        """Returns the error for a row of a column."""
        ...

    def place(self, row: int) -> str:
        """Returns where a row stands, for a note."""
        ...


class TableSource:
    """The columns of a CSV file."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names, self.rows = table.names, len(table)
        self.path: Path | None = table.path
        self._found: dict[str, Census] = {}

    def census(self, name: str) -> Census:
        if name not in self._found:
            self._found[name] = self._census(name)
        return self._found[name]

    def _census(self, name: str) -> Census:
        cells = self.table.column(name, "column")
        known: dict[str, int] = {}  # what words are that come again and again
        numbers = others = start = 0
        number = other = -1
        for block in blocks(cells):
            kinds = _kinds(block, known)
            numbers += int(np.count_nonzero(kinds == _NUMBER))
            others += int(np.count_nonzero(kinds == _OTHER))
            if number < 0 and (kinds == _NUMBER).any():
                number = start + int(np.argmax(kinds == _NUMBER))
            if other < 0 and (kinds == _OTHER).any():
                other = start + int(np.argmax(kinds == _OTHER))
            start += len(block)
        return Census(numbers, others, number, other)

    def numbers(self, name: str) -> np.ndarray:
        return self.table.numbers(name)

    def texts(self, name: str) -> list[str]:
        return [cell.strip() for cell in self.table.column(name, "column")]

    def ids(self, name: str) -> list[Any]:
        return _ids(self, name, self.texts)

    def labels(self, name: str) -> np.ndarray:
        cells, found = self.texts(name), self.census(name)
        if found.numbers and not found.others and not any(map(_zero_padded, cells)):
            values = self.numbers(name)
            if not np.isnan(values).any():
                return whole(values)
            return np.array([None if value != value else _plain(value) for value in values.tolist()], object)
        return objects([cell or None for cell in cells])

    def readings(self, name: str, form: str | None) -> list[Reading]:
        cells = time_cells(source_of(self.table, several=True), name)
        return dates_of(cells, self._rows(name, time=True), TimeOptions(form))

    def error(self, problem: str, name: str | None = None, row: int | None = None) -> DataError:
        if name is None:
            return DataError(problem, path=self.path)
        return self._rows(name).error(problem, row)

    def place(self, row: int) -> str:
        return self._rows("").place(row)

    def _rows(self, name: str, time: bool = False) -> Rows:
        return Rows(name, name if time else None, self.path, self.table.lines)


_NUMBER, _OTHER = 1, 2  # what a cell holds; 0: nothing


def _kinds(cells: Sequence[str], known: dict[str, int]) -> np.ndarray:
    """Returns what each cell (n,) holds. Of text each word is looked at once, and kept in `known`."""
    if known or len(parse_numbers(cells[:50])[1]) > 25:
        if new := [cell for cell in dict.fromkeys(cells) if cell not in known]:
            known.update(zip(new, _kinds_of_each(new).tolist(), strict=True))
        return np.fromiter(map(known.__getitem__, cells), np.int64, len(cells))
    return _kinds_of_each(cells)


def _kinds_of_each(cells: Sequence[str]) -> np.ndarray:
    values, unread = parse_numbers(cells)
    kinds = np.where(np.isnan(values), 0, _NUMBER)
    kinds[unread] = [_NUMBER if is_number(cells[row]) else _OTHER for row in unread]
    return kinds


class FrameSource:
    """The columns (n,) of a data frame by their names; `path` is the Parquet file that it was read from."""

    def __init__(self, columns: Mapping[str, np.ndarray], path: Path | None = None) -> None:
        self.columns = dict(columns)
        self.names = tuple(columns)
        self.rows = len(next(iter(columns.values()), ()))
        self.path = path

    def census(self, name: str) -> Census:
        column = self.columns[name]
        if column.dtype.kind in "iufb":
            there = np.flatnonzero(~np.isnan(column)) if column.dtype.kind == "f" else np.arange(self.rows)
            return Census(len(there), 0, int(there[0]) if len(there) else -1, -1)
        if column.dtype.kind in "Mm":
            return Census(0, self.rows, -1, 0, dates=column.dtype.kind == "M")
        each = column.tolist()
        there = [row for row, value in enumerate(each) if not _absent(value)]
        numbers = [row for row in there if _is_number(each[row])]
        others = [row for row in there if not _is_number(each[row])]
        dates = bool(others) and all(hasattr(each[row], "isoformat") for row in others)
        first_number, first_other = (rows[0] if rows else -1 for rows in (numbers, others))
        return Census(len(numbers), len(others), first_number, first_other, dates)

    def numbers(self, name: str) -> np.ndarray:
        column, found = self.columns[name], self.census(name)
        if found.others:
            shown = shorten(str(column[found.other]))
            raise self.error(f"expected a finite number, got {shown}", name, found.other)
        values = np.array([np.nan if _absent(value) else float(value) for value in column.tolist()], np.float64)
        if (wrong := np.flatnonzero(np.isinf(values))).size:
            raise self.error(f"expected a finite number, got {values[wrong[0]]}", name, int(wrong[0]))
        return values

    def texts(self, name: str) -> list[str]:
        return ["" if _absent(value) else _text(value) for value in self.columns[name].tolist()]

    def ids(self, name: str) -> list[Any]:
        return _ids(self, name, lambda part: [
            "" if _absent(value) else value if isinstance(value, int) else _text(value)
            for value in self.columns[part].tolist()
        ])  # fmt: skip

    def labels(self, name: str) -> np.ndarray:
        column = self.columns[name]
        if column.dtype.kind in "iub":
            return column
        if column.dtype.kind == "f" and not np.isnan(column).any():
            return whole(column.astype(np.float64))
        if self.census(name).dates:
            raise self.error("expected labels, got dates", name, 0)
        return objects([None if _absent(value) else value for value in column.tolist()])

    def readings(self, name: str, form: str | None) -> list[Reading]:
        return times_of(time_cells(source_of(self.columns, several=True), name), name, TimeOptions(form))

    def error(self, problem: str, name: str | None = None, row: int | None = None) -> DataError:
        if name is None:
            return DataError(problem, path=self.path)
        where = "" if row is None else f"row {row}: "
        return DataError(where + problem, path=self.path, column=name)

    def place(self, row: int) -> str:
        return f"in row {row}"


def whole(values: np.ndarray) -> np.ndarray:
    """Returns numbers as int64 where all of them are whole."""
    return values.astype(np.int64) if len(values) and (np.abs(values) < 2**53).all() and (values % 1 == 0).all() \
        else values  # fmt: skip


def _ids(source: Source, name: str, column: Callable[[str], list[Any]]) -> list[Any]:
    """Returns the ids in a column, or in several that are ids together, with " / " between their cells."""
    parts = [name] if name in source.names else [part.strip() for part in name.split(",")]
    columns = [column(part) for part in parts]
    for part, cells in zip(parts, columns, strict=True):
        if "" in cells:
            raise source.error("expected an id, got an empty cell", part, cells.index(""))
    return columns[0] if len(parts) == 1 else [" / ".join(map(str, row)) for row in zip(*columns, strict=True)]


def _plain(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def objects(values: Sequence[Any]) -> np.ndarray:
    """Returns values as an array (n,) of objects."""
    found = np.empty(len(values), object)
    found[:] = values
    return found


def _zero_padded(cell: str) -> bool:
    """Returns whether a cell is a code such as 007, which is no number."""
    return re.fullmatch(r"0\d+", cell) is not None


def _absent(value: Any) -> bool:
    """Returns whether a cell of a frame holds nothing: None, NaN, NaT, pandas' NA, or blanks."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or type(value).__name__ == "NAType" or value != value


def _is_number(value: Any) -> bool:
    return not isinstance(value, str) and hasattr(value, "__float__")


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
