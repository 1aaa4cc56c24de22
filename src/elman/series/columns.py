"""`Columns`: which columns of a table hold the values, dates, ids and covariates, as named by the user or found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.series.dates.column import TimeSource, counts_rows, find_time, named_as, time_cells
from elman.series.dates.forms import check_template
from elman.series.dates.reading import Reading, common_form
from elman.series.dates.sources import source_of
from elman.series.dates.style import Style
from elman.series.dates.times import TimeOptions, dates_of, times_of
from elman.series.dates.zones import check_zone
from elman.series.errors import DataError, listed
from elman.series.notes import note
from elman.series.tables.rows import Rows
from elman.series.tables.table import Table

__all__ = [
    "Columns", "all_targets", "check_times", "columns", "found_in_frame", "found_in_table", "readings_of", "with_form",
]  # fmt: skip

NUMBERED = "none"  # in the place of the name of a column of times: the rows are numbered


class Columns(NamedTuple):
    """The names of the columns of a table, one or several each; None: to be found, or none. Where a series comes as an
    array, `time`, `past`, `future` and `static` are arrays beside it instead of names. Several targets are a series
    each, on the same times.

    time         the column of the times, or several that are times together, with commas between the names
    date_format, zone   the form of the times (`dates.forms.check_template`) and their time zone; None: found in them
    """

    target: Any = None
    time: Any = None
    id: str | None = None
    past: Any = None
    future: Any = None
    static: Any = None
    date_format: str | None = None
    zone: str | None = None

    def by_name(self) -> Columns:
        """Returns what is given by name, with None in the place of arrays."""

        def names(given: Any) -> Any:
            several = isinstance(given, list | tuple) and all(isinstance(name, str) for name in given)
            return given if several or isinstance(given, str) else None

        id = self.id if isinstance(self.id, str) else None
        past, future, static = map(names, (self.past, self.future, self.static))
        time = _time_name(self.time)
        return Columns(names(self.target), time, id, past, future, static, self.date_format, self.zone)

    def named(self) -> list[tuple[str, str]]:
        """Returns (option, name) of every column that is named, without the id and the times."""
        each = [("target", self.target)]
        each += [(option, name) for option in ("past", "future", "static") for name in getattr(self, option)]
        return [(option, name) for option, name in each if name is not None]

    def with_names(self, target: str, time: str | None) -> Columns:
        """Returns the columns with these of the values and the times where none are named."""
        return self._replace(target=self.target or target, time=self.time or time)

    @property
    def dated(self) -> Any:
        """The column of the times, or several; None where the rows are numbered."""
        return None if isinstance(self.time, str) and self.time == NUMBERED else self.time

    def others(self) -> tuple[str, ...]:
        """Returns the names of the dates and covariates, which are not to be forecast."""
        time = self.dated
        named = () if time is None else (time, *(part.strip() for part in time.split(",")))
        return (*named, *self.past, *self.future, *self.static)

    def options(self, like: Style | None = None) -> TimeOptions:
        """Returns how the times are read; `like` is the style of the series that the rows follow."""
        named = named_as(self.time) if isinstance(self.time, str) else ""
        return TimeOptions(self.date_format, self.zone, named or "time", like)


def columns(**named: Any) -> Columns:
    """Returns the columns of a table, with the covariates as tuples of names. Raises TypeError for what is no name and
    ValueError for one column in two places."""
    for option in ("past", "future", "static"):
        given = named.get(option)
        names = () if given is None else (given,) if isinstance(given, str) else given
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"{option}: expected names of columns, got {checks.shown(given)}")
        named[option] = tuple(names)
    named["time"] = _time_name(time := named.get("time"))
    if time is not None and named["time"] is None:
        raise TypeError(f"time: expected the name of a column, or names of several, got {checks.shown(time)}")
    found = check_times(Columns(**named))
    whose: dict[str, str] = {}
    for option, given in zip(Columns._fields[:6], found, strict=False):
        for name in (given,) if isinstance(given, str) else given or ():
            if name in whose:
                other = f"another column than {whose[name]}"
                raise ValueError(f"{option}: expected {other}, got {name!r} for both")
            whose[name] = option
    return found


def check_times(names: Columns) -> Columns:
    """Returns the columns as they are. TypeError or ValueError for a form or a time zone that there is not."""
    if names.date_format is not None:
        check_template("date_format", names.date_format)
    if names.zone is not None:
        check_zone("zone", names.zone)
    return names


def _time_name(time: Any) -> str | None:
    """Returns the names of one column or of several as text; None for anything else."""
    if isinstance(time, list | tuple) and time and all(isinstance(name, str) for name in time):
        return ",".join(time)
    return time if isinstance(time, str) else None


def readings_of(
    table: Table | Mapping[str, np.ndarray], names: Columns, rows: Rows, like: Style | None
) -> list[Reading] | None:
    """Returns the readings of the column of times, or of several together; None where the rows are numbered.
    `DataError` for times that are none."""
    if names.dated is None:
        return None
    if not isinstance(table, Table) and names.time in table:
        return times_of(table[names.time], names.time, names.options(like))
    source = source_of(table, names.id is not None)
    return dates_of(time_cells(source, names.time), rows, names.options(like))


def found_in_table(table: Table, names: Columns) -> Columns:
    """Returns the columns of a table with `time` and `target` found where they are not given: the first column of
    dates, or several together, and the only numeric one. `DataError` for a name that is not there, where the target
    cannot be found, and where a column that should hold dates does not."""
    for option, given in names.named():
        table.column(given, option)
    names = _with_time(source_of(table, names.id is not None), names)
    if names.target is None:
        others = names.others()
        source = source_of(table, names.id is not None)
        numeric = [n for n in table.names if n not in others and table.is_numeric(n) and not counts_rows(source, n)]
        names = names._replace(target=_only(numeric, table.names, table.path))
    return names


def with_form(table: Table | Mapping[str, np.ndarray], names: Columns) -> Columns:
    """Returns the columns of a table of several series with the form of the times, where only all series together show
    it. It is noted."""
    if names.dated is None or names.date_format is not None:
        return names
    cells = time_cells(source_of(table, several=True), names.time)
    found = None if isinstance(cells, np.ndarray) or not len(cells) else common_form(cells, names.options().named)
    if found is None:
        return names
    for text in found.notes:
        note(text)
    return names._replace(date_format=found.style.template)


def _with_time(source: TimeSource, names: Columns) -> Columns:
    """Returns the columns with `time` found where it is not given, and NUMBERED where there is none."""
    if names.time is None:
        time = find_time(source, (names.target, *names.others()), names.date_format)
        return names._replace(time=NUMBERED if time is None else time)
    if names.dated is not None:
        time_cells(source, names.dated)  # whether the columns are there
    return names


def _only(numeric: list[str], names: Sequence[str], path: Path | None) -> str:
    """Returns the only numeric column; `DataError` where there is none or more than one."""
    if len(numeric) == 1:
        return numeric[0]
    if not numeric:
        hint = "; a single column may mean another delimiter than , ; tab or |" if len(names) == 1 else ""
        raise DataError(f"no numeric column to forecast among {listed(names)}{hint}", path=path)
    raise DataError(f"several numeric columns: {listed(numeric)}; choose one with target (--target)", path=path)


def found_in_frame(frame: Mapping[str, np.ndarray], names: Columns, indexed: bool = False) -> Columns:
    """As `found_in_table`, of the columns of a data frame by name; `indexed`: its index holds the times."""
    for option, given in names.named():
        if given not in frame:
            raise DataError(f"{option}: no column {given!r}; the columns are {listed(list(frame))}")
    if not indexed or names.time is not None:
        names = _with_time(source_of(frame, names.id is not None), names)
    if names.target is None:
        others = names.others()
        source = source_of(frame, names.id is not None)
        numeric = [n for n in frame if n not in others and frame[n].dtype.kind in "iuf" and not counts_rows(source, n)]
        names = names._replace(target=_only(numeric, list(frame), None))
    return names


def all_targets(table: Table | Mapping[str, np.ndarray], names: Columns) -> tuple[str, ...]:
    """Returns the names of all columns of numbers but dates and covariates; `DataError` where there is none."""
    source = source_of(table, names.id is not None)
    names = _with_time(source, names)
    others = names.others()
    if isinstance(table, Table):
        rest = [name for name in table.names if name not in others]
        found = [name for name in rest if table.is_numeric(name) and not counts_rows(source, name)]
    else:
        found = [name for name in table if name not in others and table[name].dtype.kind in "iuf"]
    if not found:
        known = table.names if isinstance(table, Table) else tuple(table)
        raise DataError(f"wide: no numeric column among {listed(known)}")
    return tuple(found)
