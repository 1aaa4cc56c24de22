"""Data frames of any library, through narwhals: read as columns, and answered in their own kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["FrameType", "columns_of", "frame_type", "index_of", "is_frame"]

NEEDED = "data frames need narwhals; type: pip install 'elman[cli]'"


class FrameType:
    """What a caller gave and is answered in: a frame or a column of some library."""

    def __init__(self, backend: Any, column: bool, indexed: bool) -> None:
        self._backend = backend
        self._column = column
        self._indexed = indexed

    def answer(self, columns: Mapping[str, Any], time: str | None) -> Any:
        """Columns (n,) as such a frame; those of a single column as one, where only one is left beside the time. Where
        the times stood in an index, they stand there again."""
        import narwhals.stable.v1 as nw

        columns = dict(columns)
        index = columns.pop(time) if time is not None and (self._indexed or self._column) else None
        frame = nw.from_dict(columns, backend=self._backend)
        native: Any = frame.to_native()
        if self._indexed and index is not None:
            native.index = np.asarray(index)
        return native[next(iter(columns))] if self._column and len(columns) == 1 else native


def is_frame(data: Any) -> bool:
    """Whether it is a data frame of any library: it has columns by name."""
    return hasattr(data, "columns") or hasattr(data, "column_names")


def columns_of(frame: Any) -> dict[str, np.ndarray]:
    """A frame's columns (n,) by their names. ModuleNotFoundError without narwhals, TypeError for a frame unknown to
    it."""
    return {str(column.name): column.to_numpy() for column in _narwhals(frame).iter_columns()}


def index_of(data: Any) -> Any:
    """The dates in the index of a pandas frame or column; None where it has none."""
    index = getattr(data, "index", None)
    return index if getattr(getattr(index, "dtype", None), "kind", "") == "M" else None


def frame_type(data: Any) -> FrameType | None:
    """The kind of a frame or a frame's column; None for anything else."""
    column = not is_frame(data)
    if column and not (hasattr(data, "to_numpy") and hasattr(data, "dtype")):
        return None
    return FrameType(_narwhals(data).implementation, column, index_of(data) is not None)


def _narwhals(data: Any) -> Any:
    try:
        import narwhals.stable.v1 as nw
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED, name="narwhals") from None
    return nw.from_native(data, eager_only=True, allow_series=True)
