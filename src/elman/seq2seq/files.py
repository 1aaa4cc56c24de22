"""Pairs of texts from people's files: a table with a column each, or two files whose lines belong together."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from elman.series.errors import DataError, listed
from elman.series.tables.files import STANDARD_INPUT, read_bytes
from elman.series.tables.parquet import read_parquet

__all__ = ["PairsRead", "read_column", "read_lines", "read_pairs", "read_parallel"]

MARKS = "\t,;|"  # between the columns of a table, in the order in which they are looked for
TABLES = (".csv", ".tsv", ".tab", ".parquet")


class PairsRead(NamedTuple):
    """Pairs of texts, and the names of what they are."""

    sources: list[str]
    targets: list[str]
    source_name: str
    target_name: str


def read_pairs(path: Path, source: str | None = None, target: str | None = None) -> PairsRead:
    """Reads a CSV, TSV (also packed by gzip) or Parquet file with a line of names and a row for each pair.

    source, target   the columns; None: the first, and the first other one

    DataError for an empty file, one with a single column, an unknown column, a row of another width, an empty source
    (with the line).
    """
    names, rows = _parquet(path) if path.suffix.lower() == ".parquet" else _delimited(path)
    if len(names) < 2:
        raise DataError(
            f"expected two columns, sources and targets, with a line of names, got {listed(names)} alone; give two"
            " files of lines one after the other: elman train translate SOURCES TARGETS",
            path=path,
        )
    one = names[0] if source is None else source
    two = target if target is not None else next(name for name in names if name != one)
    for option, name in (("--source", one), ("--target", two)):
        if name not in names:
            raise DataError(f"{option}: no column {name!r}; the columns are {listed(names)}", path=path)
    sources, targets = ([row[names.index(name)].strip() for _, row in rows] for name in (one, two))
    if not sources:
        raise DataError("expected rows with pairs, got a line of names alone", path=path)
    for (line, _), text in zip(rows, sources, strict=True):
        if not text:
            raise DataError("expected a source, got an empty cell", path=path, line=line, column=one)
    return PairsRead(sources, targets, one, two)


def read_parallel(source: Path, target: Path) -> PairsRead:
    """Reads two files of lines, plain or packed by gzip: line k of one is the source of line k of the other. DataError
    where one is empty or they have unequal numbers of lines, and for an empty source."""
    sources, targets = read_lines(source), read_lines(target)
    if len(sources) != len(targets):
        raise DataError(f"expected {len(sources):,} lines, as {source} has, got {len(targets):,}", path=target)
    for number, line in enumerate(sources, 1):
        if not line.strip():
            raise DataError("expected a source, got an empty line", path=source, line=number)
    return PairsRead(sources, targets, source.name, target.name)


def read_lines(path: Path) -> list[str]:
    """Returns the lines of a text file, plain or packed by gzip. DataError for an empty file and one that is no
    UTF-8."""
    lines = _text(path).split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise DataError("expected lines of text, got an empty file", path=path)
    return [line.removesuffix("\r") for line in lines]


def read_column(path: Path, source: str | None = None) -> tuple[list[str], list[str] | None]:
    """Returns the sources in a file, and their targets where it has them: a table, by its ending, of which `source` or
    the first column is read, and the second; else lines of text."""
    if not any(ending in TABLES for ending in path.suffixes[-2:]):
        return read_lines(path), None
    names, rows = _parquet(path) if path.suffix.lower() == ".parquet" else _delimited(path)
    one = names[0] if source is None else source
    if one not in names:
        raise DataError(f"--source: no column {one!r}; the columns are {listed(names)}", path=path)
    columns = [[row[names.index(name)].strip() for _, row in rows] for name in (one, *(n for n in names if n != one))]
    return columns[0], columns[1] if len(columns) > 1 else None


def _text(path: Path) -> str:
    found = read_bytes(path)
    if found[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return found.decode("utf-16")
    try:
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise DataError(f"expected UTF-8, got the byte 0x{found[error.start]:02x}", path=path, line=line) from None


def _delimited(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Returns the names of a table's columns, and its rows with their lines."""
    text = _text(path)
    heading = text.partition("\n")[0]
    if not heading.strip():
        what = "standard input" if str(path) == STANDARD_INPUT else "file"
        raise DataError(f"expected a line of names and rows of pairs, got an empty {what}", path=path)
    mark = next((mark for mark in MARKS if mark in heading), ",")
    quoting: Any = csv.QUOTE_NONE if mark == "\t" and '"' not in heading else csv.QUOTE_MINIMAL
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, quoting=quoting)
    names = [name.strip() for name in next(reader)]
    return names, list(_rows(reader, len(names), path))


def _rows(reader: Any, width: int, path: Path) -> Iterable[tuple[int, list[str]]]:
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"expected rows of CSV: {error}", path=path, line=line) from None
        if not row:
            continue
        if len(row) != width:
            raise DataError(f"expected {width} columns, as the line of names has, got {len(row)}", path=path, line=line)
        yield line, row


def _parquet(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    frame = read_parquet(path)
    columns = [["" if value is None else str(value) for value in frame[name].to_list()] for name in frame.columns]
    return list(frame.columns), [(row, list(cells)) for row, cells in enumerate(zip(*columns, strict=True), 1)]
