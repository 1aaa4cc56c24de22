"""The rows of each id, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from elman.sequence.tables.layout import Options
from elman.sequence.tables.source import Source
from elman.series.dates.reading import unclear
from elman.series.errors import counted, shorten
from elman.series.notes import note

__all__ = ["Groups", "find_counter", "grouped"]


class Groups(NamedTuple):
    """The rows of each id: row indices `order` (n,), those of an id beside one another, whose parts begin at `starts`
    (k,). Ids have the order in which they come first."""

    ids: list[Any]
    order: np.ndarray
    starts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """How many rows each id has (k,)."""
        return np.diff(np.append(self.starts, len(self.order)))

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        """Returns the values (n, ...) of the rows of each id."""
        return np.split(values[self.order], self.starts[1:])

    def of_rows(self) -> np.ndarray:
        """Returns the index of the id of each row (n,)."""
        found = np.empty(len(self.order), np.int64)
        found[self.order] = np.repeat(np.arange(len(self.ids)), self.lengths)
        return found


def grouped(source: Source, id: str, time: str | None, options: Options) -> Groups:
    """Returns the rows by their ids, those of each in the order of time, or of the file where there are no times.

    What was moved is noted. Raises `DataError` for an empty id, for a row without a time, for two rows of an id with
    the same time, and, without times, for rows of an id that do not follow one another.
    """
    names = source.ids(id)
    places: dict[Any, int] = {}
    group = np.fromiter((places.setdefault(name, len(places)) for name in names), np.int64, len(names))
    ids = list(places)
    if time is None:
        if options.time is None:
            _check_together(source, id, ids, group)
        order = np.argsort(group, kind="stable")
    else:
        order = _by_time(source, ids, group, time, options)
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return Groups(ids, order, starts)


def find_counter(source: Source, id: str, names: Iterable[str]) -> str | None:
    """Returns the only column that counts the rows of each id, from 0 or from 1, in whatever order they stand; it is
    noted. None where there is none, or several."""
    group = np.unique(np.array(list(map(str, source.ids(id)))), return_inverse=True)[1]
    found: list[str] = []
    for name in names:
        seen = source.census(name)
        if seen.others or seen.numbers < source.rows:
            continue
        values = source.numbers(name)
        order = np.lexsort((values, group))
        values, starts = values[order], np.diff(group[order], prepend=-1) != 0
        counts = (np.diff(values, prepend=0.0) == 1) | starts
        if counts.all() and len({*values[starts]}) == 1 and values[0] in (0, 1) and starts.sum() < len(values):
            found.append(name)
    if len(found) != 1:
        return None
    note(f"column {shorten(found[0])} counts the rows of each id and was taken for their time")
    return found[0]


def _check_together(source: Source, id: str, ids: list[Any], group: np.ndarray) -> None:
    """Raises `DataError` where the rows of an id do not follow one another; else their order is noted."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    _, first = np.unique(group[starts], return_index=True)
    again = np.delete(starts, first)
    if again.size:
        row = int(again[0])
        raise source.error(
            f"{shorten(str(ids[group[row]]))} comes again after rows of other ids, and no column holds times; name that"
            " with time (--time), or the ids with id (--id, several as a,b), or say time='none' (--time none) to take"
            " the rows of an id in the order of the file",
            id, row,
        )  # fmt: skip
    note("the rows of each id are in the order of the file, since no column holds their times")


def _by_time(source: Source, ids: list[Any], group: np.ndarray, time: str, options: Options) -> np.ndarray:
    """Returns the indices of the rows (n,), ordered by id and time."""
    times = _times(source, group, time, options)
    order = np.lexsort((np.arange(len(group)), times, group))
    same = (np.diff(group[order]) == 0) & (np.diff(times[order]) == 0)
    if same.any():
        at = int(np.flatnonzero(same)[0])
        first, row = int(order[at]), int(order[at + 1])
        more = int(same.sum()) - 1
        also = f" ({counted(more, 'more such row')} in the table)" if more else ""
        raise source.error(
            f"{shorten(str(ids[group[row]]))} has this time {source.place(first)} too{also}; delete one of the rows, or"
            " name the column of the ids, or several, with id (--id)",
            time, row,
        )  # fmt: skip
    plain = np.argsort(group, kind="stable")
    moved = np.unique(group[order[order != plain]])
    if moved.size:
        row = int(plain[np.flatnonzero(order != plain)[0]])
        note(
            f"the rows of {counted(len(moved), 'id')} were not in order of time and were sorted, the first"
            f" {source.place(row)}"
        )
    return order


def _times(source: Source, group: np.ndarray, time: str, options: Options) -> np.ndarray:
    """Returns what the rows are sorted by (n,): numbers, or dates."""
    found = source.census(time) if time in source.names else None
    if found is not None and not found.dates and found.numbers > found.others and options.date_format is None:
        times = source.numbers(time)
        if (absent := np.flatnonzero(np.isnan(times))).size:
            raise source.error("expected a time, got none", time, int(absent[0]))
        return times
    readings = source.readings(time, options.date_format)
    orders = [np.lexsort((each.times, group)) for each in readings]
    if any((order != orders[0]).any() for order in orders[1:]):  # day before month, or after it
        raise source.error(unclear(readings), time, 0)
    for text in readings[0].notes if len(readings) == 1 else ():
        note(text)
    return readings[0].times.astype(np.int64)
