"""Data frames of any library, by narwhals: read as columns, and results returned as frames of the same library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.series.dates.times import Zoned

if TYPE_CHECKING:
    import polars

    from elman.series.dates.style import Style

__all__ = ["FrameType", "columns_of", "frame_type", "index_of", "is_frame", "polars_times"]

NEEDED = "data frames need narwhals; type: pip install 'elman[cli]'"


class FrameType:
    """The type of frame that a caller gave, in which results are returned.

    backend   the library, as narwhals names it
    column    whether it was a column of a frame
    indexed   whether its times were the index of a pandas frame or column;  index_name  the name of that
    zones     the time zones of its columns of times by their names; of the index, by None
    """

    def __init__(
        self, backend: Any, column: bool, indexed: bool, index_name: Any = None, zones: Mapping[Any, Any] | None = None
    ) -> None:
        self._backend = backend
        self._column = column
        self._indexed = indexed
        self._index_name = index_name
        self._zones = dict(zones or {})

    def times(self, times: np.ndarray, style: Style, time: str) -> np.ndarray:
        """Returns the times of a series (n,) as `answer` takes them: in UTC where the caller's were in a time zone,
        else as clocks show them.

        style   of the series;  time  the name of its times
        """
        if times.dtype.kind != "M":
            return times
        return style.wall(times) if self._zone(time) is None else style.utc(times)

    def answer(self, columns: Mapping[str, Any], time: str | None) -> Any:
        """Returns columns (n,) by name as such a frame, or, where a column was given and one column is left beside the
        times, as a column. The times, in the column `time`, become the index where they were one, and lie in the time
        zone in which they came."""
        import narwhals.stable.v1 as nw

        columns, zone = dict(columns), self._zone(time)
        index = columns.pop(time) if time is not None and (self._indexed or self._column) else None
        frame = nw.from_dict(columns, backend=self._backend)
        if time is not None and index is None and zone is not None:
            frame = frame.with_columns(nw.col(time).dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
        native: Any = frame.to_native()
        if self._indexed and index is not None:
            native.index = self._index(np.asarray(index), zone)
        return native[next(iter(columns))] if self._column and len(columns) == 1 else native

    def _zone(self, time: str | None) -> Any:
        return self._zones.get(None if self._indexed else time)

    def _index(self, times: np.ndarray, zone: Any) -> Any:
        import pandas  # the caller's own library

        index = pandas.DatetimeIndex(times, name=self._index_name)
        return index if zone is None else index.tz_localize("UTC").tz_convert(zone)


def is_frame(data: Any) -> bool:
    """Returns whether `data` is a data frame of any library, judged by whether it has columns by name."""
    return hasattr(data, "columns") or hasattr(data, "column_names")


def columns_of(frame: Any) -> dict[str, np.ndarray]:
    """Returns the columns (n,) of a frame by their names; times in a time zone are `Zoned`. Raises ModuleNotFoundError
    without narwhals, and TypeError for a frame that narwhals does not know."""
    return {str(column.name): _array(column) for column in _narwhals(frame).iter_columns()}


def index_of(data: Any) -> Any:
    """Returns the dates in the index of a pandas frame or column, datetime64 (n,) and `Zoned` where they are in a time
    zone; None where there are none."""
    index = _dated_index(data)
    if index is None:
        return None
    zone = _zone_of(index.dtype)
    times = np.asarray(index if zone is None else index.tz_convert("UTC").tz_localize(None))
    return times if zone is None else Zoned.of(times, zone)


def frame_type(data: Any) -> FrameType | None:
    """Returns the type of a frame or of a column of one; None for anything else."""
    column = not is_frame(data)
    if column and not (hasattr(data, "to_numpy") and hasattr(data, "dtype")):
        return None
    known, index = _narwhals(data), _dated_index(data)
    zones: dict[Any, Any] = {}
    if not column:
        zones = {name: zone for name, kind in known.schema.items() if (zone := getattr(kind, "time_zone", None))}
    if index is not None:
        zones[None] = getattr(index.dtype, "tz", None)
    return FrameType(known.implementation, column, index is not None, getattr(index, "name", None), zones)


def polars_times(name: str, times: np.ndarray, style: Style) -> polars.Series:
    """Returns times as a column of polars: in the time zone in which the series had them, or in UTC where it had an
    offset alone. Numbers of rows stay as they are."""
    import polars

    if times.dtype.kind != "M" or not style.offset:
        return polars.Series(name, style.wall(times) if times.dtype.kind == "M" else times)
    column = polars.Series(name, style.utc(times)).dt.replace_time_zone("UTC")
    return column.dt.convert_time_zone(style.zone) if style.zone else column


def _array(column: Any) -> np.ndarray:
    """Returns a column of a frame, known to narwhals, as an array (n,)."""
    zone = getattr(column.dtype, "time_zone", None)
    if zone is None:
        return column.to_numpy()
    return Zoned.of(column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy(), zone)


def _dated_index(data: Any) -> Any:
    index = getattr(data, "index", None)
    return index if getattr(getattr(index, "dtype", None), "kind", "") == "M" else None


def _zone_of(dtype: Any) -> str | None:
    """Returns the name of the time zone of pandas' type of times; None where they have none."""
    zone = getattr(dtype, "tz", None)
    if zone is None:
        return None
    name = str(getattr(zone, "key", None) or getattr(zone, "zone", None) or zone)
    path = re.search(r"zoneinfo/([^'\"]+)", name)  # as dateutil shows a zone
    return path[1] if path else name


def _narwhals(data: Any) -> Any:
    try:
        import narwhals.stable.v1 as nw
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED, name="narwhals") from None
    return nw.from_native(data, eager_only=True, allow_series=True)
