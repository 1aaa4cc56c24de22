"""A column that seems to hold the ids of several series, found where rows cannot be those of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from elman.series.errors import shorten
from elman.series.notes import note
from elman.series.tables.numbers import is_number

__all__ = ["find_ids", "note_ids"]

_COLUMNS = 20  # at most, that are looked at
_IDS = re.compile(
    r"(?:^|_|\b|\s)(?:\w*id|name|code|key|symbol|ticker|sku|store|shop|branch|site|station|sensor|device|meter|machine"
    r"|region|country|state|city|product|item|article|customer|client|series|group|category|company)s?(?:$|_|\b|\s)",
    re.IGNORECASE,
)


def find_ids(names: Iterable[str], cells: Callable[[str], Sequence[object]], times: np.ndarray) -> str | None:
    """Returns the first of the columns by which the rows, at these times (n,), fall into several series, each in the
    order of time; columns of words come before those of numbers. None where there is none.

    cells   returns the cells (n,) of a column by its name
    """
    found: list[str] = []
    for name in list(names)[:_COLUMNS]:
        column = cells(name)
        groups: dict[object, int] = {}
        group = np.fromiter((groups.setdefault(cell, len(groups)) for cell in column), np.int64, len(column))
        if len(group) != len(times) or not 2 <= len(groups) <= len(group) // 2:
            continue
        order = np.argsort(group, kind="stable")
        steps = np.diff(times[order])[np.diff(group[order]) == 0]
        if (steps > np.timedelta64(0)).all() or (steps < np.timedelta64(0)).all():
            if not all(is_number(str(each)) for each in groups):
                return name
            found.append(name)
    return found[0] if found else None


def note_ids(names: Iterable[str], cells: Callable[[str], Sequence[object]], times: np.ndarray | None) -> None:
    """Notes a column of words whose name is that of ids, and by which the rows fall into several series, each in the
    order of time; `times` (n,) is None where the rows have none."""
    for name in filter(_IDS.search, names):
        column = cells(name)
        rows = np.arange(len(column)).astype("datetime64[us]") if times is None else times
        if find_ids([name], cells, rows) is not None and not is_number(str(column[0])):
            count = len(set(column))
            note(
                f"column {shorten(name)} holds {count} different words, but all rows are read as one series; if it"
                f" names several, say id={shorten(name)} (--id)"
            )
