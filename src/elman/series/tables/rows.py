"""`Rows`: where the rows of a series came from, for error messages."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman.series.errors import DataError

__all__ = ["Rows"]


class Rows(NamedTuple):
    """Where the rows of a series came from, so that an error can name the place.

    name        the column of the values;  time_name  that of the dates
    path        the file;  lines  the line of each row in it
    before      how many rows were put before those that were given
    """

    name: str
    time_name: str | None = None
    path: Path | None = None
    lines: range | np.ndarray | None = None
    before: int = 0

    def error(self, problem: str, row: int | None = None, dates: bool = False) -> DataError:
        """Returns a `DataError` for one of the rows, or for all, in the column of the values, or that of the dates."""
        column = self.time_name if dates else self.name
        if self.lines is None:
            where = "" if row is None else f"index {row - self.before}: "
            return DataError(where + problem, column=column)
        line = None if row is None else int(self.lines[row - self.before])
        return DataError(problem, path=self.path, line=line, column=column)

    def flipped(self) -> Rows:
        """Returns the rows in reverse order."""
        return self._replace(lines=None if self.lines is None else self.lines[::-1])
