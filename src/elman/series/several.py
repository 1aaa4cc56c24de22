"""A column that seems to hold the ids of several series, found where rows cannot be those of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from elman.series.tables.numbers import is_number

__all__ = ["find_ids"]

_COLUMNS = 20  # at most, that are looked at


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
