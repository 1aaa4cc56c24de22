"""Where the rows of a series came from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman.series.errors import DataError

__all__ = ["Rows"]


class Rows(NamedTuple):
    """Where rows came from, so that an error can name the place."""

    name: str
    time_name: str | None = None
    path: Path | None = None
    lines: range | np.ndarray | None = None
    before: int = 0  # rows that stand before those that were given

    def error(self, problem: str, row: int | None = None, dates: bool = False) -> DataError:
        """`DataError` for one of the rows, or for all; in the column of values, or that of dates."""
        column = self.time_name if dates else self.name
        if self.lines is None:
            where = "" if row is None else f"index {row - self.before}: "
            return DataError(where + problem, column=column)
        line = None if row is None else int(self.lines[row - self.before])
        return DataError(problem, path=self.path, line=line, column=column)

    def flipped(self) -> Rows:
        """The last row first."""
        return self._replace(lines=None if self.lines is None else self.lines[::-1])
