"""The rows of a delimited text file below its header: without comments, with the blank lines between rows."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman.series.dates.reading import reads_as_date
from elman.series.errors import DataError, counted
from elman.series.notes import note
from elman.series.tables.cells import BLOCK, Cells
from elman.series.tables.heading import Batch, Heading, is_comment
from elman.series.tables.numbers import is_number

__all__ = ["Body", "read_body", "rows_of"]

_LINE_END = re.compile("\r\n|\r|\n")
_MARKS = re.compile("[,;\t|\r\n]")
_END = "\x1e"  # a line after the last one: a quote that is never closed swallows it
_FEW = 10  # blank lines that may stand among rows, however few these are


class Body(NamedTuple):
    """The rows below the header.

    cells   their cells
    lines   the line of the file on which each begins
    blank   the indices of those without content
    """

    cells: Cells
    lines: range | np.ndarray
    blank: np.ndarray


def rows_of(text: Iterable[str], delimiter: str, spaced: bool, path: Path, skipped: int) -> Iterator[Batch]:
    """Yields the rows of a text, some thousand cells at a time, and the line of the file on which each begins.

    spaced    whether spaces stand between delimiters and quotes
    skipped   lines of the file before the text

    Raises `DataError` for a quote that is never closed, or is closed only after other rows.
    """
    reader = csv.reader(chain(text, [_END + "\n"]), delimiter=delimiter, skipinitialspace=spaced)
    line, widest, ended = skipped + 1, 1, False
    while not ended:
        rows: list[list[str]] = []
        try:
            for row in islice(reader, max(1, BLOCK // widest)):
                rows.append(row)
                if len(row) > widest:  # take fewer rows at a time from here on
                    widest = len(row)
                    break
        except csv.Error as reason:
            line += sum(map(_height, rows))
            raise DataError(f"not a table: {reason}; perhaps a quote is never closed", path=path, line=line) from None
        lines: Sequence[int] = range(line, line + len(rows))
        if line + len(rows) != skipped + reader.line_num + 1:  # some cells contain line ends
            lines = list(accumulate(map(_height, rows[:-1]), initial=line))
            _check_line_ends(rows, lines, path)
        line = skipped + reader.line_num + 1
        ended = rows[-1] == [_END]
        if len(rows) > ended:
            yield rows[: len(rows) - ended], lines[: len(rows) - ended]


def _check_line_ends(rows: Sequence[Sequence[str]], lines: Sequence[int], path: Path) -> None:
    """Raises `DataError` for a cell with line ends that seems to hold other rows."""
    for row, line in zip(rows, lines, strict=True):
        for place, cell in enumerate(row):
            if cell.endswith(_END + "\n"):
                raise DataError("a quote on this line is never closed; close or delete it", path=path, line=line)
            ends = len(_LINE_END.findall(cell))
            if ends and (len(row) == 1 or '"' in cell or any(map(_is_datum, _MARKS.split(cell)))):
                raise DataError(
                    f"field {place + 1} goes on over {counted(ends, 'line end')} and seems to hold other rows; close or"
                    " delete the quote with which it begins",
                    path=path, line=line,
                )  # fmt: skip


def _is_datum(text: str) -> bool:
    return is_number(text) or reads_as_date(text)


def _height(row: Sequence[str]) -> int:
    """Returns how many lines of the file a row takes."""
    return 1 + sum(len(_LINE_END.findall(cell)) for cell in row)


def read_body(batches: Iterable[Batch], heading: Heading, characters: int) -> Body:
    """Returns the rows below a header. Lines without content between them are rows without content, and those at the
    end are left out. Raises `DataError` for a row with more or fewer fields than the header.

    characters   that the file has at most
    """
    width, comments, emptied = heading.width, heading.comments, 0
    cells, lines = Cells(width, characters), range(0)
    blank, waiting = array("I"), array("I")  # indices of rows; lines, which are rows where another row follows
    for rows, at in batches:
        if not waiting and not any(len(row) != width or row[0][:1] in "# \t" for row in rows):
            cells.extend(rows)
            lines = _followed(lines, at)
            continue
        kept: list[Sequence[str]] = []
        kept_at: list[int] = []
        for row, line in zip(rows, at, strict=True):
            if _is_blank(row, width):
                emptied = emptied + 1 if row else 0
                waiting.append(line)
            elif is_comment(row, heading):
                comments += 1
            elif len(row) < width or any(map(str.strip, row[width:])):
                raise heading.ragged(row, line)
            else:
                row = row[:width]  # delimiters at the end of a line change nothing
                rows_before = len(cells) + len(kept)
                if len(waiting) + len(blank) > rows_before + _FEW:
                    raise DataError("most lines are blank; delete them", path=heading.path, line=waiting[0])
                blank.extend(range(rows_before, rows_before + len(waiting)))
                kept += [[""] * width] * len(waiting)
                kept_at += waiting
                kept.append(row)
                kept_at.append(line)
                waiting, emptied = array("I"), 0
        cells.extend(kept)
        lines = _followed(lines, kept_at)
    if not len(cells):
        raise DataError("there is a header line but no row below it", path=heading.path)
    if comments:
        were, what = ("was", "a comment") if comments == 1 else ("were", "comments")
        note(f"{counted(comments, 'line')} beginning with # {were} left out as {what}")
    if emptied:
        note(f"{counted(emptied, 'row')} without content at the end {'was' if emptied == 1 else 'were'} left out")
    whole = lines if isinstance(lines, range) else np.frombuffer(lines, lines.typecode)
    return Body(cells, whole, np.frombuffer(blank, blank.typecode).astype(np.int64))


def _is_blank(row: Sequence[str], width: int) -> bool:
    """Returns whether a row has no content. A quoted blank is a value that is missing where there is one column."""
    return not any(map(str.strip, row)) and not (width == 1 and list(row) == [""])


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
