"""`Table`: columns of text by their names, and the line of the file that each row came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from elman.series.errors import DataError, listed, shorten
from elman.series.tables.cells import Cells, Column, blocks
from elman.series.tables.numbers import decimal_comma, parse_numbers

__all__ = ["Table"]


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of text from a file.

    path       the file
    places     the name of each column, from the header, and its index in a row
    cells      all cells of the file
    lines      the line of the file on which each row of the table begins; the header's is 1
    rows       the indices of the rows of the table among those of the file; None: all
    notes      what a reader should know of how the file was read as a table
    """

    path: Path
    places: Mapping[str, int]
    cells: Cells
    lines: range | np.ndarray
    rows: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.places)

    def column(self, name: str, option: str) -> Column:
        """Returns a column by its name; `DataError` where there is none. `option` is the argument that named it."""
        if name not in self.places:
            raise DataError(f"{option}: no column {name!r}; the columns are {listed(self.names)}", path=self.path)
        return self.cells.column(self.places[name], self.rows)

    def take(self, rows: np.ndarray) -> Table:
        """Returns the table of the rows with the indices `rows` (k,)."""
        lines = self.lines[0] + rows if isinstance(self.lines, range) else self.lines[rows]
        return replace(self, lines=lines, rows=rows if self.rows is None else self.rows[rows])

    def without(self, name: str) -> Table:
        """Returns the table without a column."""
        return replace(self, places={each: place for each, place in self.places.items() if each != name})

    def is_numeric(self, name: str) -> bool:
        """Returns whether most cells of a column that hold something hold numbers."""
        cells = self.column(name, "column")
        comma = _decimal_comma(cells) is not False
        numbers, others = 0, 0
        for block in blocks(cells):
            values, unread = parse_numbers(block, comma)
            numbers += int(np.count_nonzero(~np.isnan(values)))
            others += len(unread)
            if 2 * numbers > len(cells):  # however the rest reads
                return True
        return numbers > others

    def numbers(self, name: str) -> np.ndarray:
        """Returns a column as float64 (n,), with NaN where a cell means that there is no value. Raises `DataError`
        for the first cell that holds something else than a finite number."""
        cells = self.column(name, "target")
        comma = _decimal_comma(cells)
        if comma is None:
            row, cell = next((i, cell) for i, cell in enumerate(cells) if "," in cell)
            raise self._error(
                f"{shorten(cell)} may be a decimal comma or parted thousands; write numbers with a decimal point",
                name, row,
            )  # fmt: skip
        values = np.empty(len(cells))
        start = 0
        for block in blocks(cells):
            found, unread = parse_numbers(block, comma)
            wrong = np.flatnonzero(np.isinf(found))[:1].tolist() + unread[:1]
            if wrong:
                row = start + min(wrong)
                raise self._error(f"expected a finite number, got {shorten(cells[row])}", name, row)
            values[start : start + len(found)] = found
            start += len(found)
        return values

    def _error(self, problem: str, column: str, row: int) -> DataError:
        return DataError(problem, path=self.path, line=int(self.lines[row]), column=column)


def _decimal_comma(cells: Column) -> bool | None:
    return decimal_comma(cells) if cells.commas else False
