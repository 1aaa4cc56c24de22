"""Many series: from a mapping, a list, or a table in long form to one checked series for each id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np

from elman.core import checks
from elman.series.columns import (
    Columns,
    columns,
    found_in_frame,
    found_in_table,
    series_of,
    series_of_frame,
    series_of_table,
)
from elman.series.errors import DataError, listed, shorten
from elman.series.frames import columns_of, is_frame
from elman.series.series import Rules, Series
from elman.series.table import Table

__all__ = ["Panel", "as_panel", "each_or_told"]

Made = TypeVar("Made")
ID, TIME, TARGET = "unique_id", "ds", "y"  # the usual names of long tables, found by themselves


class Panel(dict[str, Series]):
    """Series by their ids; `skipped`: those left out, and why."""

    def __init__(self, series: Mapping[str, Series], skipped: Mapping[str, str]) -> None:
        super().__init__(series)
        self.skipped = dict(skipped)


def as_panel(
    data: Any, names: Columns, rules: Rules, *, skip_bad: bool = False, after: Mapping[str, Series] | None = None
) -> Panel | None:
    """The series in `data` by id; None where `data` is one series alone.

    data      a mapping from ids to anything that is one series; a list of arrays or Series, named "1", "2", ...; or a
              table in long form (`Table`, data frame): a row for each series and time
    names     its columns; default: `unique_id`, `y`, `ds`, where it has a column `unique_id`. Beside a mapping of
              arrays, covariates are mappings with the same ids
    skip_bad  series that cannot be used are left out and told; else the first of them is an error
    after     the series that new rows follow, by id

    `DataError` names the series; series whose steps in time differ are refused.
    """
    if isinstance(data, Panel):
        return data
    makers = _makers(data, names)
    if makers is None:
        return None
    if "" in makers:  # which stands for one series alone
        raise DataError("id: expected a name for every series, got an empty one")
    first: list[tuple[str, Series]] = []

    def make(name: str) -> Series:
        series = makers[name](rules._replace(after=(after or {}).get(name)))
        if not first:
            first.append((name, series))
        steps = [None if s.calendar is None else s.calendar.name for s in (first[0][1], series)]
        if steps[0] != steps[1]:
            raise DataError(
                f"its step is {steps[1]}, that of series {shorten(first[0][0])} is {steps[0]}; name it with freq"
            )
        return series

    return Panel(*each_or_told(makers, make, skip_bad, "used"))


def each_or_told(
    names: Iterable[str], make: Callable[[str], Made], skip_bad: bool, what: str
) -> tuple[dict[str, Made], dict[str, str]]:
    """What `make` makes of each series, and what was wrong with the others. `DataError`, with its name, for the first
    of these unless it may be skipped, and where all are; `what` cannot be done with them. One alone has no name."""
    found: dict[str, Made] = {}
    bad: dict[str, str] = {}
    for name in names:
        try:
            found[name] = make(name)
        except DataError as error:
            if not name:
                raise
            if not skip_bad:
                raise DataError(f"series {shorten(name)}: {error}") from None
            bad[name] = str(error)
    if not found and not bad:
        raise DataError("expected at least one row, got none")
    if not found:
        name, why = next(iter(bad.items()))
        raise DataError(f"none of {len(bad)} series can be {what}; series {shorten(name)}: {why}")
    return found, bad


def _makers(data: Any, names: Columns) -> dict[str, Callable[[Rules], Series]] | None:
    """What makes each series, by its id, so that one that fails does not keep the others."""
    if isinstance(data, Series):
        return None
    several = isinstance(data, list | tuple) and len(data) > 0 and (isinstance(data[0], Series) or np.ndim(data[0]) > 0)
    if isinstance(data, Mapping) or several:
        return _makers_of_mapping(data, names)
    if not isinstance(data, Table) and not is_frame(data):
        return None
    table = data if isinstance(data, Table) else columns_of(data)
    known = table.names if isinstance(table, Table) else tuple(table)
    id = names.id
    if id is None and ID in known:
        id = ID
        time = TIME if names.time is None and TIME in known else names.time
        target = TARGET if names.target is None and TARGET in known else names.target
        names = names._replace(time=time, target=target)
    if id is None:
        return None
    names = columns(**names._asdict())
    if id not in known:
        raise DataError(f"id: no column {id!r}" + (f"; the columns are {listed(known)}" if known else ""))
    if isinstance(table, Table):
        rest = table.without(id)
        names = found_in_table(rest, names)
        return {
            name: partial(_series_of_rows, rest, rows, names)
            for name, rows in _groups(table.column(id, "id"), len(table)).items()
        }
    cells = table.pop(id)
    names = found_in_frame(table, names)
    return {
        name: partial(_series_of_frame_rows, table, rows, names)
        for name, rows in _groups(map(str, cells.tolist()), len(cells)).items()
    }


def _series_of_rows(table: Table, rows: np.ndarray, names: Columns, rules: Rules) -> Series:
    return series_of_table(table.take(rows), names, rules)


def _series_of_frame_rows(frame: Mapping[str, np.ndarray], rows: np.ndarray, names: Columns, rules: Rules) -> Series:
    return series_of_frame({name: cells[rows] for name, cells in frame.items()}, names, rules)


def _makers_of_mapping(data: Any, names: Columns) -> dict[str, Callable[[Rules], Series]]:
    given = data if isinstance(data, Mapping) else {str(i + 1): each for i, each in enumerate(data)}
    if not given:
        raise ValueError("y: expected at least one series, got an empty mapping")
    if names.id is not None:
        raise ValueError(f"id: expected a table with such a column, got {names.id!r} with {checks.shown(type(data))}")
    for option in ("past", "future", "static"):
        beside = getattr(names, option)
        if isinstance(beside, Mapping) and (absent := [str(name) for name in given if name not in beside]):
            raise DataError(f"{option}: expected one for every series, got none for {absent[0]!r}")

    def of(name: Any) -> Columns:
        return Columns(*(each[name] if isinstance(each, Mapping) else each for each in names))

    return {str(name): partial(series_of, each, of(name)) for name, each in given.items()}


def _groups(ids: Iterable[str], rows: int) -> dict[str, np.ndarray]:
    """The rows of each id, in order of its first row."""
    places: dict[str, int] = {}
    place = np.fromiter((places.setdefault(id, len(places)) for id in ids), np.int32, rows)
    order = np.argsort(place, kind="stable")
    return dict(zip(places, np.split(order, np.cumsum(np.bincount(place))[:-1]), strict=False))
