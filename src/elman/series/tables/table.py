"""`Table`: columns of text by their names, and the line of the file that each row came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from elman.series.errors import DataError, listed, shorten
from elman.series.notes import note
from elman.series.tables.cells import Cells, Column, blocks
from elman.series.tables.numbers import PLAIN, Notation, Survey, examples, is_number, parse_numbers, survey

__all__ = ["Table"]

_OTHERS = 50  # columns that are asked for their decimal mark


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of text from a file.

    path       the file
    places     the name of each column, from the header, and its index in a row
    cells      all cells of the file
    lines      the line of the file on which each row of the table begins; the header's is 1
    rows       the indices of the rows of the table among those of the file; None: all
    notes      what a reader should know of how the file was read as a table
    blank      the indices of the rows that are blank lines, or lines of delimiters alone
    delimiter  between the fields of a line
    decimal    the decimal mark of all numbers; None: found for each column
    """

    path: Path
    places: Mapping[str, int]
    cells: Cells
    lines: range | np.ndarray
    rows: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    blank: np.ndarray | None = None
    delimiter: str = ","
    decimal: str | None = None
    _notations: dict[str, tuple[Notation, str]] = field(default_factory=dict, repr=False)

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
        return replace(self, lines=lines, rows=rows if self.rows is None else self.rows[rows], blank=None)

    def without_blank(self) -> Table:
        """Returns the table without its blank rows, for a table whose dates say where rows are missing."""
        if self.blank is None or not self.blank.size:
            return self
        return self.take(np.delete(np.arange(len(self), dtype=np.uint32), self.blank))

    def without(self, name: str) -> Table:
        """Returns the table without a column."""
        return replace(self, places={each: place for each, place in self.places.items() if each != name})

    def is_numeric(self, name: str) -> bool:
        """Returns whether most cells of a column that hold something hold numbers, in any notation."""
        cells = self.column(name, "column")
        numbers, others = 0, 0
        for block in blocks(cells):
            values, unread = parse_numbers(block)
            more = sum(is_number(block[row]) for row in unread)
            numbers += int(np.count_nonzero(~np.isnan(values))) + more
            others += len(unread) - more
            if 2 * numbers > len(cells):  # however the rest reads
                return True
        return numbers > others

    def numbers(self, name: str) -> np.ndarray:
        """Returns a column as float64 (n,), with NaN where a cell means that there is no value, all cells read by one
        notation, which is noted where it is not plain. Raises `DataError` for the first cell that holds something else
        than a finite number, and for numbers that may mean two things."""
        cells = self.column(name, "target")
        notation = self.notation(name)
        values = np.empty(len(cells))
        start = 0
        for block in blocks(cells):
            found, unread = parse_numbers(block, notation)
            wrong = np.flatnonzero(np.isinf(found))[:1].tolist() + unread[:1]
            if wrong:
                row = start + min(wrong)
                raise self._error(f"expected a finite number, got {shorten(cells[row])}", name, row)
            values[start : start + len(found)] = found
            start += len(found)
        return values

    def notation(self, name: str) -> Notation:
        """Returns the notation of a column's numbers, and notes it where it is not plain. It is found once, in all
        rows of the table: for the rows of one series (`take`), call it on the whole table first."""
        if name not in self._notations:
            self._notations[name] = self._found_notation(name)
        notation, text = self._notations[name]
        if text:
            note(text)
        return notation

    def _found_notation(self, name: str) -> tuple[Notation, str]:
        """Returns the notation of a column's numbers, and what is to be noted of it."""
        cells = self.column(name, "target")
        found = survey(cells)
        if found.clash is not None:
            a, b = found.clash
            raise self._error(
                f"{shorten(cells[b])} and {shorten(cells[a])}, line {int(self.lines[a])}, are written in two ways;"
                " write all numbers of the column in one",
                name, b,
            )  # fmt: skip
        _, *more = sorted(found.units.items(), key=lambda unit: unit[1]) or [("", 0)]
        if more:
            raise self._error(f"{shorten(cells[more[0][1]])} has another unit than the rows before", name, more[0][1])
        if "%" in found.units and found.unitless is not None:
            row = found.unitless
            raise self._error(f"{shorten(cells[row])} has no %, as other rows have; write all in one way", name, row)
        fits, striking, hint = found.fits, found.striking, ""
        if self.decimal is not None:
            fits = tuple(notation for notation in fits if notation.decimal == self.decimal) or (Notation(self.decimal),)
        elif found.doubt is not None:
            decimal, told = self._decimal_of_others(name), False
            if decimal is None:
                decimal, told = self._usual_decimal(cells[found.doubt], found)
            if decimal is None:
                mark = "comma" if "," in cells[found.doubt] else "point"
                raise self._error(
                    f"{shorten(cells[found.doubt])} may be a decimal {mark} or parted thousands; say which mark is"
                    " decimal: decimal='.' or ',' (--decimal)",
                    name, found.doubt,
                )  # fmt: skip
            fits = tuple(notation for notation in fits if notation.decimal == decimal)
            if told:
                striking = (found.doubt, *striking)
                hint = "; if not, say decimal='.' or ',' (--decimal)"
        if fits[0] != PLAIN and found.doubt is not None:
            striking = (found.doubt, *striking)
        if not striking:
            return fits[0], ""
        return fits[0], f"column {shorten(name)}: {examples(cells, dict.fromkeys(striking), fits[0])}{hint}"

    def _usual_decimal(self, cell: str, found: Survey) -> tuple[str | None, bool]:
        """Returns the decimal mark of a column of numbers such as `cell`, 1.234 or 1,234, which may part thousands, and
        whether the choice is to be noted; None where it may as well be the other mark."""
        below, above = found.digits
        if "," in cell:
            return None, True
        if above:  # 1234 beside 1.234
            return ".", False
        if self.delimiter == ";":  # as spreadsheets write where commas are decimal
            return None, True
        return ".", below or self.delimiter != ","  # 999 beside 1.234, as thousands are written too

    def _decimal_of_others(self, name: str) -> str | None:
        """Returns the decimal mark of the other columns of the file; None where they do not show one."""
        others = [each for each in self.places if each != name][:_OTHERS]
        found = [survey(self.column(each, "column")) for each in others]
        marks = {each.fits[0].decimal for each in found if each.fits and len({fit.decimal for fit in each.fits}) == 1}
        return marks.pop() if len(marks) == 1 else None

    def _error(self, problem: str, column: str, row: int) -> DataError:
        return DataError(problem, path=self.path, line=int(self.lines[row]), column=column)
