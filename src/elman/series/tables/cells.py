"""Cells of text in little memory: one string for all of them, and the place where each ends."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import overload

import numpy as np

__all__ = ["BLOCK", "Cells", "Column", "blocks"]

BLOCK = 1 << 14  # cells that are made into strings at a time


class Cells:
    """A table of cells that grows row by row. A cell takes its characters and 4 bytes, or 8 where all cells together
    have more than 4 billion characters; a list of strings would take some 60 bytes more for each.

    width      cells in a row
    most       characters that all cells hold at most
    """

    def __init__(self, width: int, most: int) -> None:
        self.width = width
        self._texts: list[str] = []
        self._length = 0
        self._ends = array("I" if most < 2**32 else "Q", [0])

    def __len__(self) -> int:
        return (len(self._ends) - 1) // self.width

    def extend(self, rows: Iterable[Sequence[str]]) -> None:
        """Adds rows, each of `width` cells; not after `column` was called."""
        cells = list(chain.from_iterable(rows))
        text = "".join(cells)
        ends = self._length + np.cumsum(np.fromiter(map(len, cells), np.int64, len(cells)))
        self._ends.frombytes(ends.astype(self._ends.typecode).tobytes())
        self._texts.append(text)
        self._length += len(text)

    def column(self, place: int, rows: np.ndarray | None = None) -> Column:
        """Returns the column at index `place` of each row, or of the rows with the indices `rows` (k,) alone."""
        if len(self._texts) > 1:
            self._texts = ["".join(self._texts)]
        ends = np.frombuffer(self._ends, self._ends.typecode)
        starts, stops = ends[place : -1 : self.width], ends[place + 1 :: self.width]
        if rows is not None:
            starts, stops = starts[rows], stops[rows]
        return Column("".join(self._texts), starts, stops)


class Column(Sequence[str]):
    """Cells (n,) that are parts of one text; each is made into a string when it is read.

    text     the text
    starts, stops     where each cell begins and ends in it (n,)
    """

    def __init__(self, text: str, starts: np.ndarray, stops: np.ndarray) -> None:
        self._text, self._starts, self._stops = text, starts, stops

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        text = self._text
        if isinstance(at, slice):
            each = zip(self._starts[at].tolist(), self._stops[at].tolist(), strict=True)
            return [text[start:stop] for start, stop in each]
        return text[self._starts[at] : self._stops[at]]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(blocks(self))


def blocks(cells: Sequence[str]) -> Iterator[Sequence[str]]:
    """Returns an iterator over the cells, some thousand at a time."""
    return (cells[start : start + BLOCK] for start in range(0, len(cells), BLOCK))
