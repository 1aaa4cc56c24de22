"""A CSV file read as a table.

Memory holds the bytes of the file and a compact copy of its cells; only a block of rows at a time is lists of strings.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, compress, islice
from pathlib import Path
from typing import Any

import numpy as np

from elman.series.dates.reading import reads_as_date
from elman.series.errors import DataError, shorten
from elman.series.tables.cells import BLOCK, Cells
from elman.series.tables.files import read_bytes
from elman.series.tables.numbers import parse_number
from elman.series.tables.table import Table

__all__ = ["read_table"]

_DELIMITERS = (",", ";", "\t", "|")
_CHUNK = 1 << 20  # characters that are decoded at a time
_LINE_END = re.compile("\r\n|\r|\n")


def read_table(path: str | Path, *, delimiter: str | None = None) -> Table:
    """Reads a delimited text file with one header line. The delimiter, one of `, ; tab |`, is found unless given.

    The encoding is UTF-8 (with or without a byte-order mark), UTF-16 with one, or Windows-1252. Raises `DataError` for
    what is neither a file nor a pipe, for a file that is empty, binary or without a header, for a row with more or
    fewer fields than the header, and for two columns of one name; `OSError` for a file that cannot be opened.

    Reading, up to a finished series or panel, takes at most 10 times the file's size in memory and 60 MB; beyond that
    100 bytes for each value that is filled, and some kilobytes for each column and series.
    """
    path = Path(path)
    raw = read_bytes(path)
    text, beginning = _decoded(raw, path)
    chosen = delimiter or max(_DELIMITERS, key=lambda d: _fit(beginning, d))
    batches = _batches(csv.reader(text, delimiter=chosen, strict=False), path)
    first = next(batches, None)
    if first is None:
        raise DataError("the file is empty; expected a header line and rows", path=path)
    heads, top = [cell.strip() for cell in first[0][0]], first[1][0]
    if all(parse_number(cell) is not None or reads_as_date(cell) for cell in heads):
        raise DataError(
            f"the first line {shorten(chosen.join(heads))} holds data, not names; add a header such as date,value",
            path=path, line=top,
        )  # fmt: skip
    width = len(heads)
    cells, lines = Cells(width, len(raw)), range(0)
    for rows, more in chain([(first[0][1:], first[1][1:])], batches):
        if set(map(len, rows)) - {width}:
            ragged = next(i for i, row in enumerate(rows) if len(row) != width)
            raise DataError(
                f"{_count(len(rows[ragged]))} where the header has {width}; the delimiter was taken to be {chosen!r}",
                path=path, line=more[ragged],
            )  # fmt: skip
        cells.extend(rows)
        lines = _followed(lines, more)
    if not len(cells):
        raise DataError("there is a header line but no row below it", path=path)
    places: dict[str, int] = {}
    for i, name in enumerate(heads):
        name = name or f"column {i + 1}"
        if name in places:
            raise DataError(f"two columns are named {shorten(name)}; rename one", path=path, line=top)
        places[name] = i
    return Table(path, places, cells, lines if isinstance(lines, range) else np.frombuffer(lines, lines.typecode))


def _decoded(raw: bytes, path: Path) -> tuple[io.TextIOWrapper, str]:
    """Returns the text of a file, to be read from its beginning, and the first characters of it."""
    if raw.isspace():  # a large file of blank lines need not be parsed
        raw = b""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16",)
    elif b"\0" in raw:
        raise DataError("not a text file; expected CSV", path=path)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        text = io.TextIOWrapper(io.BytesIO(raw), encoding, newline="")
        try:
            beginning = text.read(20_000)
            while text.read(_CHUNK):
                pass
        except UnicodeError:
            continue
        if not any(c < " " and c not in "\t\r\n\f" for c in beginning[:10_000]):
            return io.TextIOWrapper(io.BytesIO(raw), encoding, newline=""), beginning
    raise DataError("not a text file; expected CSV", path=path)


def _fit(beginning: str, delimiter: str) -> tuple[float, int]:
    """Returns how well a delimiter fits the first lines: the share of rows with as many fields as the first, and that
    number of fields."""
    sample = io.StringIO("".join(beginning.splitlines(keepends=True)[:50]), newline="")
    try:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] < 2:
        return 0.0, 0
    return sum(w == widths[0] for w in widths) / len(widths), widths[0]


def _batches(reader: Any, path: Path) -> Iterator[tuple[list[list[str]], Sequence[int]]]:
    """Yields the rows that are not empty, some thousand cells at a time, and the line on which each row begins."""
    line, widest = 1, 1
    while True:
        rows: list[list[str]] = []
        try:
            for row in islice(reader, max(1, BLOCK // widest)):
                rows.append(row)
                if len(row) > widest:  # take fewer rows at a time from here on
                    widest = len(row)
                    break
        except csv.Error as reason:
            line += sum(map(_height, rows))
            raise DataError(f"not a table: {reason}", path=path, line=line) from None
        if not rows:
            return
        lines: Sequence[int] = range(line, line + len(rows))
        if line + len(rows) != reader.line_num + 1:  # some cells contain line ends
            lines = list(accumulate(map(_height, rows[:-1]), initial=line))
        line = reader.line_num + 1
        kept = [row != [] and (row[0].strip() != "" or any(map(str.strip, row))) for row in rows]
        if not all(kept):
            lines, rows = list(compress(lines, kept)), list(compress(rows, kept))
        if rows:
            yield rows, lines


def _height(row: Sequence[str]) -> int:
    """Returns how many lines of the file a row takes."""
    return 1 + sum(len(_LINE_END.findall(cell)) for cell in row)


def _followed(lines: range | array[int], more: Sequence[int]) -> range | array[int]:
    """Returns rising line numbers followed by more of them: a range as long as no line is left out, then an array."""
    if not more:
        return lines
    whole = more[-1] - more[0] + 1 == len(more)
    if isinstance(lines, range):
        if whole and (not lines or lines.stop == more[0]):
            return range(lines.start if lines else more[0], more[-1] + 1)
        lines = array("I", lines)
    lines.extend(more)
    return lines


def _count(fields: int) -> str:
    return "1 field" if fields == 1 else f"{fields} fields"
