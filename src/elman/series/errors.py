"""`DataError`, the error for data that cannot be used, and how its messages show names and cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

__all__ = ["DataError", "counted", "listed", "shorten"]

_SHOWN = 40  # characters of a cell or name that a message repeats
_NAMES = 12  # names that a message lists


class DataError(ValueError):
    """Raised for data that cannot be used, with a message of one line: where, what is wrong, what to do.

    path    the file, or None
    line    the line of the file (the header is line 1), or None
    column  the column's name, or None
    """

    def __init__(
        self, problem: str, *, path: str | Path | None = None, line: int | None = None, column: str | None = None
    ) -> None:
        place = [
            str(path) if path is not None else "",
            f"line {line}" if line is not None else "",
            f"column {shorten(column)}" if column is not None else "",
        ]
        where = ", ".join(part for part in place if part)
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.path = path
        self.line = line
        self.column = column


def shorten(cell: str) -> str:
    """Returns a cell or name in quotes, cut where it is long."""
    return repr(cell if len(cell) <= _SHOWN else cell[: _SHOWN - 3] + "...")


def counted(number: int, what: str) -> str:
    """Returns "1 row" for 1 and "2 rows" for 2."""
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def listed(names: Sequence[str]) -> str:
    """Returns names in quotes with commas between them, at most a dozen."""
    shown = ", ".join(map(shorten, islice(names, _NAMES)))
    return shown if len(names) <= _NAMES else f"{shown} and {len(names) - _NAMES} more"
