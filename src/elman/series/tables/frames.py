"""Data frames of any library, by narwhals: read as columns, and results returned as frames of the same library."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.series.dates.column import named_as
from elman.series.dates.reading import reads_as_date
from elman.series.dates.times import Zoned
from elman.series.errors import DataError

if TYPE_CHECKING:
    import polars

    from elman.series.dates.style import Style

__all__ = ["FrameType", "columns_of", "frame_type", "index_of", "is_frame", "polars_times", "table_type"]

NEEDED = "data frames need narwhals; type: pip install 'elman[cli]'"


class FrameType:
    """The type of frame that a caller gave, in which results are returned.

    backend   the library, as narwhals names it
    column    whether it was a column of a frame
    index     how its times stood in the index of a pandas frame or column; None: they did not
    zones     the time zones of its columns of times by their names
    """

    def __init__(self, backend: Any, column: bool, index: _Index | None, zones: Mapping[str, str]) -> None:
        self._backend = backend
        self._column = column
        self._index = index
        self._zones = dict(zones)

    def whole(self) -> FrameType:
        """Returns the type of a whole frame of the same library, where a column of one was given."""
        return FrameType(self._backend, False, self._index, self._zones)

    def times(self, times: np.ndarray, style: Style, time: str) -> np.ndarray:
        """Returns the times of a series (n,) as `answer` takes them: in UTC where the caller's were in a time zone,
        as text where they were, else as clocks show them.

        style   of the series;  time  the name of its times
        """
        if times.dtype.kind != "M":
            return times
        if self._index is not None and self._index.kind in "OiU":
            labels = style.labels(times)
            return np.array([int(label) for label in labels] if self._index.kind == "i" else labels)
        return style.wall(times) if self._zone(time) is None else style.utc(times)

    def answer(self, columns: Mapping[str, Any], time: str | None) -> Any:
        """Returns columns (n,) by name as such a frame, or, where a column was given and one column is left beside the
        times, as a column. The times, in the column `time`, become the index where they were one, and lie in the time
        zone in which they came."""
        import narwhals.stable.v1 as nw

        columns, zone = dict(columns), self._zone(time)
        index = columns.pop(time) if time is not None and (self._index or self._column) else None
        frame = nw.from_dict(columns, backend=self._backend)
        if time is not None and index is None and zone is not None:
            frame = frame.with_columns(nw.col(time).dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
        native: Any = frame.to_native()
        if self._index is not None and index is not None:
            native.index = self._index.of(np.asarray(index))
        return native[next(iter(columns))] if self._column and len(columns) == 1 else native

    def _zone(self, time: str | None) -> Any:
        return self._zones.get(time or "") if self._index is None else self._index.zone


class _Index(NamedTuple):
    """The index of a pandas frame: its name, NumPy's letter for the kind of its values, their time zone, and the step
    of periods."""

    name: Any
    kind: str
    zone: Any
    period: str | None

    def of(self, times: np.ndarray) -> Any:
        """Returns such an index of other times (n,): in UTC where it has a time zone."""
        import pandas  # the caller's own library

        if self.kind in "OiU":
            return pandas.Index(times, name=self.name)
        index = pandas.DatetimeIndex(times, name=self.name)
        if self.period is not None:
            return index.to_period(self.period)
        return index if self.zone is None else index.tz_localize("UTC").tz_convert(self.zone)


def is_frame(data: Any) -> bool:
    """Returns whether `data` is a data frame of any library, judged by whether it has columns by name."""
    return hasattr(data, "columns") or hasattr(data, "column_names")


def columns_of(frame: Any) -> dict[str, np.ndarray]:
    """Returns the columns (n,) of a frame by their names; times in a time zone are `Zoned`. Raises ModuleNotFoundError
    without narwhals, and TypeError for a frame that narwhals does not know."""
    return {str(column.name): _array(column) for column in _narwhals(frame).iter_columns()}


def index_of(data: Any) -> Any:
    """Returns the times in the index of a pandas frame or column: datetime64 (n,), `Zoned` where they are in a time
    zone, or what reads as dates; None where there are none. `DataError` for an index of several levels."""
    index, about = getattr(data, "index", None), _index(data)
    if about is None or index is None:
        return None
    if about.period is not None:
        return np.asarray(index.to_timestamp())
    if about.kind in "OiU":
        return np.asarray(index)
    times = np.asarray(index if about.zone is None else index.tz_convert("UTC").tz_localize(None))
    return times if about.zone is None else Zoned.of(times, _name_of(about.zone))


def frame_type(data: Any) -> FrameType | None:
    """Returns the type of a frame or of a column of one; None for anything else."""
    column = not is_frame(data)
    if column and not (hasattr(data, "to_numpy") and hasattr(data, "dtype")):
        return None
    known, zones = _narwhals(data), dict[str, str]()
    if not column:
        zones = {name: zone for name, kind in known.schema.items() if (zone := getattr(kind, "time_zone", None))}
    return FrameType(known.implementation, column, _index(data), zones)


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


def _index(data: Any) -> _Index | None:
    """Returns what is to be known of a pandas index that holds times; None for any other."""
    index = getattr(data, "index", None)
    if index is None or not hasattr(index, "nlevels"):
        return None
    if index.nlevels > 1:
        raise DataError("the index has several levels; make columns of them with reset_index() and name the id")
    kind, name = getattr(index.dtype, "kind", ""), index.name
    if kind == "M":
        return _Index(name, "M", getattr(index.dtype, "tz", None), None)
    if hasattr(index, "to_timestamp"):
        return _Index(name, "M", None, index.freqstr)
    first = index[0] if len(index) else None
    if isinstance(first, str) and reads_as_date(first):
        return _Index(name, "U", None, None)
    if kind in "iO" and isinstance(name, str) and named_as(name) and len(index):
        return _Index(name, kind, None, None)
    return None


def _name_of(zone: Any) -> str:
    """Returns the name of a time zone of any library."""
    name = str(getattr(zone, "key", None) or getattr(zone, "zone", None) or zone)
    path = re.search(r"zoneinfo/([^'\"]+)", name)  # as dateutil shows a zone
    return path[1] if path else name


def table_type(kind: str | None, like: FrameType | None) -> FrameType:
    """Returns the type of a whole frame in which a table is returned.

    kind   "pandas" or "polars"; None: that of `like`, else pandas where it is installed, else polars

    ModuleNotFoundError where none is installed, or not the one that was asked for.
    """
    if kind is None and like is not None:
        return like.whole()
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
