"""The error of the data's own: bad rows, bad dates, too little of it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DataError"]


class DataError(ValueError):
    """Data that cannot be used, said in one line: where, what is wrong, what to do.

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
            f"column {column!r}" if column is not None else "",
        ]
        where = ", ".join(part for part in place if part)
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.path = path
        self.line = line
        self.column = column
