"""Rows that a saved detector has not seen: read behind the last one that it has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from elman.series.errors import DataError, counted
from elman.series.panel import Panel
from elman.series.series import Series

__all__ = ["unseen"]


def unseen(last: Panel, row: int, read: Callable[[Panel | None], Panel]) -> tuple[Panel, str]:
    """Returns the rows that follow the last one seen, and a sentence that says which these are.

    last   the last row seen: series of one value, of which there is one, or one for each variable
    row    its number
    read   reads rows: after those of a panel, or on their own

    Rows that were seen before are left out. `DataError` where none follows, or where rows are missing between.
    """
    seen = f"{counted(row + 1, 'row')} that the detector has seen"
    try:
        found = read(last)
    except DataError as error:
        return _behind(last, read, error, seen)
    if found.single != last.single:
        raise DataError(f"expected one series, as the detector was fitted to, got {len(found)}; name one with --target")
    if last.first.times is None:
        return found, f"They have no dates: taken as those after the {seen}"
    return found, f"They follow the {seen}, up to {last.first.label(0)}"


def _behind(last: Panel, read: Callable[[Panel | None], Panel], error: DataError, seen: str) -> tuple[Panel, str]:
    """As `unseen`, of rows that do not begin behind the last one seen, which `error` says."""
    try:
        found = read(None)
    except DataError:
        raise error from None
    if found.single != last.single:
        raise error
    rest = {id: _rest(last.get(id, last.first), series, error) for id, series in found.items()}
    row = len(found.first) - len(next(iter(rest.values())))
    return found.replaced(
        rest
    ), f"The first {counted(row, 'row')} {'was' if row == 1 else 'were'} seen before: left out"


def _rest(last: Series, series: Series, error: DataError) -> Series:
    """Returns the rows of a series that follow the last one seen; `error`, or one that says more, where none do."""
    if series.times is None or last.times is None or series.times[0] > last.times[0]:
        raise error
    row = int(np.searchsorted(series.times, last.times[0], side="right"))
    if row == len(series):
        raise DataError(
            f"no row follows {last.label(0)}, the last one that the detector has seen; the rows end at"
            f" {series.label(row - 1)}",
            column=series.time_name,
        )
    if series.times[row] != last.ahead(1)[0]:
        raise error
    return replace(
        series,
        values=series.values[row:],
        times=series.times[row:],
        filled=tuple(i - row for i in series.filled if i >= row),
    )
