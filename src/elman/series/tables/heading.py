"""The top of a delimited text file: the delimiter, comments, the header, a row of units."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from elman.series.dates.reading import reads_as_date
from elman.series.errors import DataError, counted, shorten
from elman.series.notes import note
from elman.series.tables.numbers import is_missing, is_number

__all__ = ["Batch", "Heading", "find_delimiter", "is_comment", "read_heading"]

Batch = tuple[list[list[str]], Sequence[int]]  # some rows, and the line of the file on which each begins

_DELIMITERS = (",", ";", "\t", "|")
_FIELDS = 200  # in which numbers and dates are counted
_TOP = 1000  # lines in which the header and two rows are looked for


class Heading(NamedTuple):
    """What the top of a file says.

    places     the name of each column and its index in a row
    hashed     whether rows, not only comments, begin with #
    comments   how many comments stand above the header
    delimiter, path     for error messages
    """

    places: Mapping[str, int]
    hashed: bool
    comments: int
    delimiter: str
    path: Path

    @property
    def width(self) -> int:
        """Fields in a row."""
        return len(self.places)

    def ragged(self, row: Sequence[str], line: int) -> DataError:
        """Returns the error for a row that has more or fewer fields than the header."""
        problem = f"{counted(len(row), 'field')} where the header has {self.width}"
        if len(row) > self.width and not any(map(_is_datum, row)):
            hint = f"if this line is the header, say skip_rows={line - 1} (--skip-rows {line - 1})"
        elif len(row) > self.width and self.delimiter == ",":
            hint = "a comma inside a field, as in 1,234, needs quotes around the field"
        else:
            hint = f"the delimiter was taken to be {self.delimiter!r}"
        return DataError(f"{problem}; {hint}", path=self.path, line=line)


def find_delimiter(beginning: str) -> str:
    """Returns the delimiter, one of `, ; tab |`, that suits the first lines of a file best."""
    lines = beginning.splitlines(keepends=True)[:50]
    kept = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return max(_DELIMITERS, key=lambda delimiter: _fit(kept, delimiter))


def _fit(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """Returns how well a delimiter suits lines, and the number of fields. It suits them where most rows have as many
    fields as the first, or at least as one another, and where fields are numbers or dates."""
    try:
        text = io.StringIO("".join(lines), newline="")
        rows = [
            row
            for row in csv.reader(text, delimiter=delimiter, skipinitialspace=f'{delimiter} "' in text.getvalue())
            if row
        ]
    except csv.Error:
        return 0.0, 0
    widths = Counter(map(len, rows))
    if not rows:
        return 0.0, 0
    width = len(rows[0])
    alike = 2 * widths[width] >= len(rows) and width > 1
    if not alike:
        width = widths.most_common(1)[0][0]
    if width < 2:
        return 0.0, 0
    fields = [field for row in rows[len(rows) // 2 :] for field in row][:_FIELDS]
    return widths[width] / len(rows) * (0.5 + sum(map(_is_datum, fields)) / len(fields)) + 0.1 * alike, width


def read_heading(batches: Iterator[Batch], delimiter: str, path: Path) -> tuple[Heading, Batch]:
    """Reads the header off the first rows of a file, and returns it with those rows that were read below it."""
    top: list[tuple[list[str], int]] = []
    content: list[int] = []  # the rows that are neither blank nor a comment
    for rows, lines in batches:
        top += zip(rows, lines, strict=True)
        content = [i for i, (row, _) in enumerate(top) if any(map(str.strip, row)) and not _begins_with_hash(row)]
        if len(content) >= 3 or len(top) > _TOP:
            break
    if not content:
        raise DataError("the file is empty; expected a header line and rows", path=path)
    at = content[0]
    above = [i for i in range(at) if any(map(str.strip, top[i][0]))]
    names, line = top[at]
    if above and _is_header(top[above[-1]][0], names):
        at = above.pop()
        names, line = top[at]
        names = [names[0].lstrip("# ") or "#", *names[1:]]
        note(f"line {line}: the names of the columns were taken from a comment")
    names = [" ".join(name.split()) if "\n" in name or "\r" in name else name.strip() for name in names]
    if all(map(_is_datum, names)):
        raise DataError(
            f"the first line {shorten(delimiter.join(names))} holds data, not names; add a header such as date,value",
            path=path, line=line,
        )  # fmt: skip
    below = top[at + 1 :]
    first = next((row for row, _ in below if any(map(str.strip, row))), [])
    hashed = len(first) == len(names) and _begins_with_hash(first) and any(map(str.strip, first[1:] or first))
    units = next((i for i in content if i > at), -1)
    second = next((top[i][0] for i in content if i > max(at, units)), None)
    if units > at and (unnamed := _unnamed(names, top[units][0])):
        number = top[units][1]
        raise DataError(
            f"{counted(unnamed, 'column')} without a name; if line {number} is the header, say skip_rows={number - 1}"
            f" (--skip-rows {number - 1})",
            path=path, line=line,
        )  # fmt: skip
    if units > at and second is not None and not hashed and _is_units(top[units][0], second, len(names)):
        shown = shorten(delimiter.join(top[units][0]))
        note(f"line {top[units][1]}: {shown} was taken for the units of the columns and left out")
        below = [*top[at + 1 : units], *top[units + 1 :]]
    if (
        len(names) == 1
        and len(names[0].split()) > 1
        and len(first) == 1
        and len(names[0].split()) == len(first[0].split())
    ):
        raise DataError(
            "fields with spaces between them are not read; save the table with commas", path=path, line=line
        )
    heading = Heading(_places(names, path, line), hashed, len(above), delimiter, path)
    return heading, ([row for row, _ in below], [number for _, number in below])


def is_comment(row: Sequence[str], heading: Heading) -> bool:
    """Returns whether a row is a comment: it begins with #, where rows of the table do not."""
    whole = len(row) == heading.width
    return _begins_with_hash(row) and not (whole and (heading.hashed or is_missing(row[0])))


def _begins_with_hash(row: Sequence[str]) -> bool:
    return bool(row) and row[0].lstrip()[:1] == "#" and not is_missing(row[0])


def _is_datum(cell: str) -> bool:
    return is_number(cell) or reads_as_date(cell)


def _is_header(comment: Sequence[str], row: Sequence[str]) -> bool:
    """Returns whether a comment holds the names of the columns of the row below it, which is no header itself."""
    return len(comment) == len(row) and any(map(_is_datum, row)) and not any(map(_is_datum, comment[1:]))


def _unnamed(names: Sequence[str], row: Sequence[str]) -> int:
    """Returns how many columns have no name where the row below, which has words alone, has one: names are often those
    words, and what stands above them is a title."""
    words = not any(map(_is_datum, row))
    return sum(1 for name, cell in zip(names, row, strict=False) if words and cell.strip() and not name)


def _is_units(row: Sequence[str], below: Sequence[str], width: int) -> bool:
    """Returns whether a row holds the units of the columns: no number and no date, where the row below has these."""
    if len(row) != width or len(below) != width:
        return False
    pairs = [(unit, cell) for unit, cell in zip(row, below, strict=True) if unit.strip() and not is_missing(cell)]
    return any(pairs) and all(
        not is_missing(unit) and not _is_datum(unit) and _is_datum(cell) for unit, cell in pairs
    )  # fmt: skip


def _places(names: Sequence[str], path: Path, line: int) -> dict[str, int]:
    """Returns the name of each column and its index; `DataError` for two columns of one name."""
    places: dict[str, int] = {}
    for i, name in enumerate(names):
        name = name or f"column {i + 1}"
        if name in places:
            raise DataError(f"two columns are named {shorten(name)}; rename one", path=path, line=line)
        places[name] = i
    return places
