"""A CSV file read as a table.

Memory holds the bytes of the file and a compact copy of its cells; only a block of rows at a time is lists of strings.
"""

from __future__ import annotations

import io
import re
from itertools import chain
from pathlib import Path

from elman.core import checks
from elman.series.errors import DataError
from elman.series.notes import gathered
from elman.series.tables.body import read_body, rows_of
from elman.series.tables.files import read_bytes
from elman.series.tables.heading import find_delimiter, read_heading
from elman.series.tables.table import Table

__all__ = ["read_table"]

_CHUNK = 1 << 20  # characters that are decoded at a time
_BEGINNING = 20_000  # characters in which the delimiter is looked for
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # the first line of files for a spreadsheet


def read_table(
    path: str | Path, *, delimiter: str | None = None, skip_rows: int = 0, decimal: str | None = None
) -> Table:
    """Reads a delimited text file with one header line, plain or packed by gzip; "-" is standard input.

    delimiter   between the fields; default: one of `, ; tab |`, found, or what a first line such as `sep=;` says
    skip_rows   lines above the header that are left out
    decimal     the decimal mark of all numbers, "." or ","; default: found for each column

    The encoding is UTF-8 (with or without a byte-order mark), UTF-16 with one, or Windows-1252. Comments, which begin
    with #, and a row of units below the header are left out; a line without content between others is a row of missing
    values. What was left out is in the `notes` of the table. Raises `DataError` for what is neither a file nor a pipe,
    for a file that is empty, binary or without a header, for a row with more or fewer fields than the header, for a
    quote that is never closed, and for two columns of one name; `OSError` for a file that cannot be opened.

    Reading, up to a finished series or panel, takes at most 10 times the file's size in memory (of a packed one, the
    size of what it holds) and 60 MB; beyond that 100 bytes for each value that is filled, and some kilobytes for each
    column and series.
    """
    path = Path(path)
    skip_rows = checks.whole("skip_rows", skip_rows, low=0)
    if decimal is not None:
        checks.choice("decimal", decimal, (".", ","))
    raw = read_bytes(path)
    encoding = _encoding(raw, path)
    text = _opened(raw, encoding, skip_rows)
    beginning = text.read(_BEGINNING)
    if separator := _SEPARATOR.fullmatch(beginning[: beginning.find("\n") + 1]):
        skip_rows, delimiter = skip_rows + 1, delimiter or separator[1]
        beginning = beginning[beginning.find("\n") + 1 :]
    delimiter = delimiter or find_delimiter(beginning)
    with gathered() as notes:
        spaced = f'{delimiter} "' in beginning
        rows = rows_of(_opened(raw, encoding, skip_rows), delimiter, spaced, path, skip_rows)
        heading, first = read_heading(rows, delimiter, path)
        body = read_body(chain([first], rows), heading, len(raw))
    return Table(path, heading.places, body.cells, body.lines, None, tuple(notes), body.blank, delimiter, decimal)


# ------------------------------------------------------------------------------------------------- decoding


def _encoding(raw: bytes, path: Path) -> str:
    """Returns the encoding of a file's bytes; `DataError` where they are no text."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16",)
    elif b"\0" in raw:
        raise DataError("not a text file; expected CSV", path=path)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        text = io.TextIOWrapper(io.BytesIO(raw), encoding, newline="")
        try:
            beginning = text.read(_BEGINNING)
            while text.read(_CHUNK):
                pass
        except UnicodeError:
            continue
        if not any(c < " " and c not in "\t\r\n\f" for c in beginning[:10_000]):
            return encoding
    raise DataError("not a text file; expected CSV", path=path)


def _opened(raw: bytes, encoding: str, skip: int) -> io.TextIOWrapper:
    """Returns the text of a file after the first `skip` lines."""
    if raw.isspace():  # a large file of blank lines need not be parsed
        raw = b""
    text = io.TextIOWrapper(io.BytesIO(raw), encoding, newline="")
    for _ in range(skip):
        if not text.readline():
            break
    return text
