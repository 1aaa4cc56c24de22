"""The columns of a table or of a data frame, as the search for times reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.series.errors import DataError
from elman.series.tables.table import Table

__all__ = ["FrameSource", "TableSource", "source_of"]


class TableSource:
    """The columns of a table; `several`: its rows are those of several series."""

    def __init__(self, table: Table, several: bool) -> None:
        self._table, self.names, self.several = table, table.names, several

    def cells(self, name: str) -> Any:
        """Returns the cells of a column."""
        return self._table.column(name, "time")

    def numeric(self, name: str) -> bool:
        """Returns whether a column holds numbers."""
        return self._table.is_numeric(name)

    def error(self, problem: str, name: str | None = None, row: int = 0) -> DataError:
        """Returns the error for a row of a column, or for the table."""
        line = None if name is None else int(self._table.lines[row])
        return DataError(problem, path=self._table.path, line=line, column=name)


class FrameSource:
    """The columns (n,) of a data frame by their names; `several`: its rows are those of several series."""

    def __init__(self, frame: Mapping[str, np.ndarray], several: bool) -> None:
        self._frame, self.names, self.several = frame, tuple(frame), several
        self._texts: dict[str, list[str]] = {}

    def cells(self, name: str) -> Any:
        """Returns a column as text, whole numbers without a point; datetime64 as it is."""
        values = self._frame[name]
        if values.dtype.kind == "M":
            return values
        if name not in self._texts:
            whole = values.dtype.kind == "f" and bool((values == np.floor(values)).all())
            cells: list[Any] = (values.astype(np.int64) if whole and len(values) else values).tolist()
            self._texts[name] = ["" if cell is None else str(cell) for cell in cells]
        return self._texts[name]

    def numeric(self, name: str) -> bool:
        """Returns whether a column holds numbers."""
        return self._frame[name].dtype.kind in "iuf"

    def error(self, problem: str, name: str | None = None, row: int = 0) -> DataError:
        """Returns the error for a row of a column, or for the data frame."""
        return DataError(problem if name is None else f"index {row}: {problem}", column=name)


def source_of(table: Table | Mapping[str, np.ndarray], several: bool) -> TableSource | FrameSource:
    """Returns the columns of a table or data frame, as the search for times reads them."""
    return TableSource(table, several) if isinstance(table, Table) else FrameSource(table, several)
