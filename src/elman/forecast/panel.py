"""Many series: from a mapping, a list, or a table in long form to one checked series for each id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from elman import checks
from elman.forecast.columns import as_series, series_of_frame, series_of_table
from elman.forecast.errors import DataError
from elman.forecast.series import Series
from elman.forecast.table import Table

__all__ = ["Panel", "as_panel"]

ID, TIME, TARGET = "unique_id", "ds", "y"  # the usual names of long tables, found by themselves


class Panel(dict[str, Series]):
    """Series by their ids; `skipped`: those left out, and why."""

    def __init__(self, series: Mapping[str, Series], skipped: Mapping[str, str]) -> None:
        super().__init__(series)
        self.skipped = dict(skipped)


def as_panel(
    data: Any,
    *,
    id: str | None = None,
    target: str | None = None,
    time: str | None = None,
    freq: str | None = None,
    missing: str = "error",
    skip_bad: bool = False,
) -> Panel | None:
    """The series in `data` by id; None where `data` is one series alone.

    data      a mapping from ids to anything that is one series; a list of arrays or Series, named "1", "2", ...; or a
              table in long form (`Table`, data frame): a row for each series and time
    id, target, time   its columns; default: `unique_id`, `y`, `ds`, where it has a column `unique_id`
    skip_bad  series that cannot be used are left out and told; else the first of them is an error

    `DataError` names the series; series whose steps in time differ are refused.
    """
    if isinstance(data, Panel):
        return data
    makers = _makers(data, id, target, time, freq, missing)
    if makers is None:
        return None
    found: dict[str, Series] = {}
    bad: dict[str, str] = {}
    for name, make in makers.items():
        try:
            found[name] = make()
            first = next(iter(found))
            steps = [None if s.calendar is None else s.calendar.name for s in (found[first], found[name])]
            if steps[0] != steps[1]:
                del found[name]
                raise DataError(f"its step is {steps[1]}, that of series {first!r} is {steps[0]}; name it with freq")
        except DataError as error:
            if not skip_bad:
                raise DataError(f"series {name!r}: {error}") from None
            bad[name] = str(error)
    if not found:
        name, why = next(iter(bad.items()))
        raise DataError(f"none of {len(bad)} series can be used; series {name!r}: {why}")
    return Panel(found, bad)


def _makers(
    data: Any, id: str | None, target: str | None, time: str | None, freq: str | None, missing: str
) -> dict[str, Callable[[], Series]] | None:
    """What makes each series, by its id, so that one that fails does not keep the others."""
    if isinstance(data, Series):
        return None
    several = isinstance(data, list | tuple) and len(data) > 0 and (isinstance(data[0], Series) or np.ndim(data[0]) > 0)
    if isinstance(data, Mapping) or several:
        given = data if isinstance(data, Mapping) else {str(i + 1): each for i, each in enumerate(data)}
        if not given:
            raise ValueError("y: expected at least one series, got an empty mapping")
        if id is not None:
            raise ValueError(f"id: expected a table with such a column, got {id!r} with {checks.shown(type(data))}")
        return {
            str(name): partial(as_series, each, target=target, time=time, freq=freq, missing=missing)
            for name, each in given.items()
        }
    names = [str(name) for name in (data.names if isinstance(data, Table) else getattr(data, "columns", ()))]
    if id is None and ID in names:
        id = ID
        time = TIME if time is None and TIME in names else time
        target = TARGET if target is None and TARGET in names else target
    if id is None:
        return None
    if id not in names:
        raise DataError(f"id: no column {id!r}" + (f"; the columns are {', '.join(names)}" if names else ""))
    if isinstance(data, Table):
        rest = data.without(id)
        return {
            name: partial(series_of_table, rest.take(rows), target, time, freq, missing)
            for name, rows in _groups(np.array(data.column(id, "id"))).items()
        }
    frame: Any = data
    columns = {str(name): np.asarray(frame[name]) for name in frame.columns}
    cells = np.array([str(cell) for cell in columns.pop(id).tolist()])
    return {
        name: partial(series_of_frame, {n: c[rows] for n, c in columns.items()}, target, time, freq, missing)
        for name, rows in _groups(cells).items()
    }


def _groups(cells: np.ndarray) -> dict[str, np.ndarray]:
    """The rows of each id, in order of its first row."""
    names, first, inverse = np.unique(cells, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    return {str(names[k]): parts[k] for k in np.argsort(first)}
