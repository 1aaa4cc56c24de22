"""A CSV file as columns of text, with the line that each row came from."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elman.forecast.dates import reads_as_date
from elman.forecast.errors import DataError
from elman.forecast.files import read_bytes
from elman.forecast.numbers import decimal_comma, is_missing, parse_number

__all__ = ["Table", "read_table"]

_DELIMITERS = (",", ";", "\t", "|")
_SHOWN = 40  # characters of a cell that an error message repeats


@dataclass(frozen=True)
class Table:
    """Columns of text.

    path       the file
    names      the columns' names, from the header
    columns    one list of cells for each name
    lines      the line of the file on which each row begins (the header's is 1)
    """

    path: Path
    names: tuple[str, ...]
    columns: tuple[list[str], ...]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str, option: str) -> list[str]:
        """A column by its name; `option` is the argument that gave it."""
        if name not in self.names:
            raise DataError(f"{option}: no column {name!r}; the columns are {listed(self.names)}", path=self.path)
        return self.columns[self.names.index(name)]

    def take(self, rows: np.ndarray) -> Table:
        """Some of its rows (k,), by their indices."""
        at = rows.tolist()
        columns = tuple([column[i] for i in at] for column in self.columns)
        return Table(self.path, self.names, columns, [self.lines[i] for i in at])

    def without(self, name: str) -> Table:
        """All columns but one."""
        kept = [i for i, each in enumerate(self.names) if each != name]
        return Table(self.path, tuple(self.names[i] for i in kept), tuple(self.columns[i] for i in kept), self.lines)

    def is_numeric(self, name: str) -> bool:
        """Whether most of a column's cells that hold something hold numbers."""
        cells = [cell for cell in self.column(name, "column") if not is_missing(cell)]
        comma = decimal_comma(cells) is not False
        return 2 * sum(parse_number(cell, comma) is not None for cell in cells) > len(cells)

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64 (n,), NaN where a cell is empty or says NA; any other text is an error with its line."""
        cells = self.column(name, "target")
        comma = decimal_comma([cell for cell in cells if not is_missing(cell)])
        if comma is None:
            line, cell = next((n, c) for n, c in zip(self.lines, cells, strict=True) if "," in c)
            raise DataError(
                f"{shorten(cell)} may be a decimal comma or parted thousands; write numbers with a decimal point",
                path=self.path, line=line, column=name,
            )  # fmt: skip
        values = np.full(len(cells), np.nan)
        for i, cell in enumerate(cells):
            if not is_missing(cell):
                value = parse_number(cell, comma)
                if value is None or not np.isfinite(value):
                    raise DataError(
                        f"expected a finite number, got {shorten(cell)}",
                        path=self.path,
                        line=self.lines[i],
                        column=name,
                    )
                values[i] = value
        return values


def read_table(path: str | Path, *, delimiter: str | None = None) -> Table:
    """Reads a delimited text file with one header line. The delimiter, one of `, ; tab |`, is found unless given.

    UTF-8 (with or without byte-order mark), UTF-16 with one, and Windows-1252 are read. `DataError` where the file is
    empty, binary or has no header, where a row has more or fewer fields than it, or where two columns share a name;
    `OSError` where it cannot be opened.
    """
    path = Path(path)
    text = _decode(path)
    chosen = delimiter or max(_DELIMITERS, key=lambda d: _fit(text, d))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=chosen, strict=False)
    rows: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as reason:
        raise DataError(f"not a table: {reason}", path=path, line=line) from None
    if not rows:
        raise DataError("the file is empty; expected a header line and rows", path=path)
    header = [cell.strip() for cell in rows[0]]
    if all(parse_number(cell) is not None or reads_as_date(cell) for cell in header):
        raise DataError(
            f"the first line {shorten(chosen.join(header))} holds data, not names; add a header such as date,value",
            path=path, line=lines[0],
        )  # fmt: skip
    for row, at in zip(rows, lines, strict=True):
        if len(row) != len(header):
            raise DataError(
                f"{_count(len(row))} where the header has {len(header)}; the delimiter was taken to be {chosen!r}",
                path=path, line=at,
            )  # fmt: skip
    if len(rows) == 1:
        raise DataError("there is a header line but no row below it", path=path)
    names = tuple(name or f"column {i + 1}" for i, name in enumerate(header))
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise DataError(f"two columns are named {twice[0]!r}; rename one", path=path, line=lines[0])
    return Table(path, names, tuple(list(column) for column in zip(*rows[1:], strict=True)), lines[1:])


def listed(names: tuple[str, ...] | list[str]) -> str:
    """Names for a message, the first dozen of them."""
    shown = ", ".join(repr(name) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"


def shorten(cell: str) -> str:
    """A cell as a message shows it."""
    return repr(cell if len(cell) <= _SHOWN else cell[: _SHOWN - 3] + "...")


def _decode(path: Path) -> str:
    raw = read_bytes(path)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16",)
    elif b"\0" in raw:
        raise DataError("not a text file; expected CSV", path=path)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if sum(c < " " and c not in "\t\r\n\f" for c in text[:10_000]) == 0:
            return text
    raise DataError("not a text file; expected CSV", path=path)


def _fit(text: str, delimiter: str) -> tuple[float, int]:
    """How well a delimiter cuts the first lines: the share of rows cut like the first, and the number of fields."""
    sample = io.StringIO("".join(text[:20_000].splitlines(keepends=True)[:50]), newline="")
    try:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] < 2:
        return 0.0, 0
    return sum(w == widths[0] for w in widths) / len(widths), widths[0]


def _count(fields: int) -> str:
    return "1 field" if fields == 1 else f"{fields} fields"
