"""From which rows a saved forecaster forecasts: fresh rows alone, or rows that follow those that it knows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from elman.series.errors import DataError, counted
from elman.series.joining.newer import with_newer
from elman.series.panel import Panel
from elman.series.series import Series

__all__ = ["continued"]

Read = Callable[[Panel | None], Panel]  # reads the fresh rows: after the rows of a panel, or on their own


def continued(known: Panel, read: Read, context: int, append: bool | None = None) -> tuple[Panel, Panel, str]:
    """Returns the rows to forecast from, the fresh rows as they were read, and a sentence that says how the two differ,
    which is empty where they are the same.

    known     the rows that the model knows
    read      reads the fresh rows
    context   number of rows that the model reads before a forecast
    append    True: fresh rows follow the known ones, `DataError` where they do not; False: they are taken alone; None:
              they follow where their dates do. Without dates they do where they are too few to be taken alone. Rows
              that begin among the known ones and repeat these are joined to the rows before them
    """
    dated = known.first.times is not None
    if append is False:
        fresh = read(None)
        return fresh, fresh, ""
    if dated or append:
        try:
            return _appended(known, read(known))
        except DataError as error:
            if append:
                raise
            return _overlapping(known, read, context, error)
    try:
        fresh = read(None)
    except DataError:  # such as one row alone
        return _appended(known, read(known))
    if min(map(len, fresh.values())) < context:
        return _appended(known, read(known))
    return fresh, fresh, "They have no dates: taken as a history of their own (--append: as newer rows)"


def _appended(known: Panel, newer: Panel) -> tuple[Panel, Panel, str]:
    """Returns the known rows with newer ones behind them."""
    first = known.first
    whose = f"{counted(len(first), 'row')}, up to {first.label(len(first) - 1)}," if known.single else "rows"
    return with_newer(known, newer), newer, f"Appended to the {whose} that the model knows"


def _overlapping(known: Panel, read: Read, context: int, error: DataError) -> tuple[Panel, Panel, str]:
    """As `continued`, of rows that do not begin behind the known ones, which `error` says."""
    try:
        fresh = read(None)
    except DataError as other:
        if str(other) == str(error):
            raise error from None
        raise DataError(
            f"as rows after those that the model knows: {error}; as a history of their own: {other}"
        ) from None
    found: dict[str, Series] = dict(fresh)
    said: list[str] = []
    for (id, own), before in zip(fresh.items(), _partners(known, fresh), strict=True):
        if before is None or own.times is None or before.times is None:
            continue
        row = int(np.searchsorted(before.times, own.times[0]))
        if row == len(before) and len(own) < context:  # rows are missing between the known ones and these
            raise error
        if row == len(before):
            said.append("They begin after a gap: the rows that the model knows are not used")
        elif _repeats(before, own, row):
            if row:
                found[id] = before.head(row).extended(own)
                said.append(f"Joined to the {counted(row, 'row')} before them that the model knows")
        elif len(own) < context:
            raise DataError(
                fresh.problem(
                    id,
                    f"{counted(len(own), 'row')} that differ from those that the model knows, or have other dates, are"
                    f" too few to forecast from alone; {context} are needed",
                )
            )
        elif row:
            said.append("They differ from those that the model knows, which are not used")
    return fresh.replaced(found), fresh, said[0] if said else ""


def _partners(known: Panel, fresh: Panel) -> list[Series | None]:
    """Returns for each fresh series the known one that it may belong to."""
    if known.single and fresh.single:
        return [known.only]
    return [None if known.single or fresh.single else known.get(id) for id in fresh]


def _repeats(known: Series, fresh: Series, row: int) -> bool:
    """Returns whether the fresh series begins with the known one from the given row on."""
    count = min(len(known) - row, len(fresh))
    if known.times is None or fresh.times is None or (known.covariates is None) != (fresh.covariates is None):
        return False
    same = np.array_equal(known.times[row : row + count], fresh.times[:count])
    return same and np.allclose(known.observed[row : row + count], fresh.observed[:count], rtol=1e-9, equal_nan=True)
