"""Where the windows of a combination's backtest begin: how many rows apart, and after how many."""

from __future__ import annotations

import math

from elman.forecast.combination.members import LEAST_ROWS, PERIODS

__all__ = ["SPREAD", "first_rows", "rows_apart"]

BEFORE = 3  # a window has at least a third of the rows of its series before it
SPREAD, PART = 10, 5  # windows of a far forecast, at least, and the part of the rows over which they are spread


def rows_apart(rows: int, horizon: int, windows: int, season: float, spread: bool) -> int | None:
    """Returns how many rows apart the windows of a series begin. None: each ends where the next one begins.

    They overlap where so many that do not would begin too early: before two of the longest season, which the forecast
    will know. Where they are `spread`, they are at least `SPREAD`, in as many rows as `windows` take that do not
    overlap, or the last fifth.
    """
    least = max(LEAST_ROWS, -(-rows // BEFORE), math.ceil(PERIODS * season))
    room, wanted = rows - horizon - least, horizon * (windows - 1)
    if spread and room > 0:
        return max(1, min(room, max(wanted, rows // PART - horizon)) // (max(windows, SPREAD) - 1))
    return max(1, room // (windows - 1)) if 0 < room < wanted else None


def first_rows(rows: int, horizon: int, windows: int, step: int) -> list[int]:
    """Returns the first rows of the last `windows` windows of a series that leave enough rows before them."""
    least = max(LEAST_ROWS, -(-rows // BEFORE))
    return [rows - horizon - k * step for k in range(windows - 1, -1, -1) if rows - horizon - k * step >= least]
