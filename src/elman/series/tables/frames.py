"""Data frames of any library, by narwhals: read as columns, and results returned as frames of the same library."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.core import checks

__all__ = ["FrameType", "columns_of", "frame_type", "index_of", "is_frame", "table_type"]

NEEDED = "data frames need narwhals; type: pip install 'elman[cli]'"


class FrameType:
    """The type of frame that a caller gave, in which results are returned.

    backend   the library, as narwhals names it
    column    whether it was a column of a frame
    indexed   whether its times were the index of a pandas frame or column
    """

    def __init__(self, backend: Any, column: bool, indexed: bool) -> None:
        self._backend = backend
        self._column = column
        self._indexed = indexed

    def answer(self, columns: Mapping[str, Any], time: str | None) -> Any:
        """Returns columns (n,) by name as such a frame, or, where a column was given and one column is left beside the
        times, as a column. The times, in the column `time`, become the index where they were one."""
        import narwhals.stable.v1 as nw

        columns = dict(columns)
        index = columns.pop(time) if time is not None and (self._indexed or self._column) else None
        frame = nw.from_dict(columns, backend=self._backend)
        native: Any = frame.to_native()
        if self._indexed and index is not None:
            native.index = np.asarray(index)
        return native[next(iter(columns))] if self._column and len(columns) == 1 else native


def is_frame(data: Any) -> bool:
    """Returns whether `data` is a data frame of any library, judged by whether it has columns by name."""
    return hasattr(data, "columns") or hasattr(data, "column_names")


def columns_of(frame: Any) -> dict[str, np.ndarray]:
    """Returns the columns (n,) of a frame by their names. Raises ModuleNotFoundError without narwhals, and TypeError
    for a frame that narwhals does not know."""
    return {str(column.name): column.to_numpy() for column in _narwhals(frame).iter_columns()}


def index_of(data: Any) -> Any:
    """Returns the dates in the index of a pandas frame or column; None where there are none."""
    index = getattr(data, "index", None)
    return index if getattr(getattr(index, "dtype", None), "kind", "") == "M" else None


def frame_type(data: Any) -> FrameType | None:
    """Returns the type of a frame or of a column of one; None for anything else."""
    column = not is_frame(data)
    if column and not (hasattr(data, "to_numpy") and hasattr(data, "dtype")):
        return None
    return FrameType(_narwhals(data).implementation, column, index_of(data) is not None)


def table_type(kind: str | None, like: FrameType | None) -> FrameType:
    """Returns the type of a whole frame in which a table is returned.

    kind   "pandas" or "polars"; None: that of `like`, else pandas where it is installed, else polars

    ModuleNotFoundError where none is installed, or not the one that was asked for.
    """
    if kind is None and like is not None:
        found = copy.copy(like)
        found._column = False  # a column that was given has become several
        return found
    kinds = ("pandas", "polars")
    names = kinds if kind is None else (checks.choice("kind", kind, kinds),)
    for name in names:
        if importlib.util.find_spec(name) is not None:
            made = frame_type(importlib.import_module(name).DataFrame({"y": [0.0]}))
            assert made is not None
            return made
    raise ModuleNotFoundError(f"a data frame needs {' or '.join(names)}; type: pip install {names[0]}", name=names[0])


def _narwhals(data: Any) -> Any:
    try:
        import narwhals.stable.v1 as nw
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED, name="narwhals") from None
    return nw.from_native(data, eager_only=True, allow_series=True)
