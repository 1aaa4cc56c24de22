"""`Rows`: where the rows of a series came from, for error messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman.series.errors import DataError, shorten

__all__ = ["Rows"]


class Rows(NamedTuple):
    """Where the rows of a series came from, so that an error can name the place.

    name        the column of the values;  time_name  that of the dates
    path        the file;  lines  the line of each row in it
    before      how many rows were put before those that were given
    find_ids    given the time of each row (n,), finds the name of a column that seems to hold the ids of several series
    """

    name: str
    time_name: str | None = None
    path: Path | None = None
    lines: range | np.ndarray | None = None
    before: int = 0
    find_ids: Callable[[np.ndarray], str | None] | None = None

    def error(self, problem: str, row: int | None = None, dates: bool = False) -> DataError:
        """Returns a `DataError` for one of the rows, or for all, in the column of the values, or that of the dates."""
        column = self.time_name if dates else self.name
        if self.lines is None:
            where = "" if row is None else f"index {row - self.before}: "
            return DataError(where + problem, column=column)
        line = None if row is None else int(self.lines[row - self.before])
        return DataError(problem, path=self.path, line=line, column=column)

    def take(self, order: np.ndarray) -> Rows:
        """Returns the rows with the indices `order` (k,)."""
        lines = self.lines
        return self._replace(lines=lines if lines is None else np.asarray(lines)[order], find_ids=None)

    def place(self, row: int) -> str:
        """Returns where one of the rows stands, for a note."""
        return (
            f"at index {row - self.before}" if self.lines is None else f"on line {int(self.lines[row - self.before])}"
        )

    def adjacent(self, row: int) -> bool:
        """Returns whether the row before is the one before in the file too."""
        if self.lines is None:
            return True
        row -= self.before
        return row > 0 and int(self.lines[row]) - int(self.lines[row - 1]) == 1

    def several(self, times: np.ndarray) -> str:
        """Returns what to do where the rows, at these times (n,), seem to belong to several series; else ""."""
        name = None if self.find_ids is None else self.find_ids(times)
        if name is None:
            return ""
        return f"column {shorten(name)} seems to hold the ids of several series; name it with id={shorten(name)} (--id)"
