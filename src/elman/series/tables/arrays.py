"""Numbers and dates of arrays, lists and cells of text, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.core import checks
from elman.series.errors import DataError, shorten
from elman.series.tables.dates import Reading, first_undated, plain_style, read_dates
from elman.series.tables.numbers import is_missing
from elman.series.tables.rows import Rows

__all__ = ["dates_of", "numbers_of", "times_of"]


def numbers_of(data: object, name: str = "y") -> np.ndarray:
    """Returns the numbers in an array, list or column, float64 (n,). Raises TypeError for anything but real numbers,
    ValueError for several columns."""
    values = np.asarray(data)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"{name}: expected one series, an array of shape (n,), got shape {values.shape}")
    if values.dtype.kind not in ("iufO" if name == "y" else "iufOb"):
        raise TypeError(f"{name}: expected real numbers, got {checks.shown(values)}")
    try:
        with np.errstate(over="ignore"):  # overflow gives infinity, which is refused later, with its place
            return values.astype(np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected real numbers, got {checks.shown(values)}") from None
    except OverflowError:
        raise DataError(f"{name}: expected finite numbers, got one too large for float64") from None


def times_of(data: object, name: str = "time") -> list[Reading]:
    """Returns the dates in an array, list or column: one reading, or two of text whose days and months cannot be told
    apart. Raises `DataError` for the first that is no date."""
    times, rows = np.asarray(data), Rows("value", name)
    if times.dtype.kind == "M":
        if (absent := np.flatnonzero(np.isnat(times))).size:
            raise rows.error("no date", int(absent[0]), dates=True)
        whole = times.astype("datetime64[us]")
        days = times.astype("datetime64[D]")  # datetime64[us] overflows silently, days do not
        if (wrapped := np.flatnonzero(whole.astype("datetime64[D]") != days)).size:
            raise rows.error("expected a year between -290000 and 290000", int(wrapped[0]), dates=True)
        return [Reading(whole, plain_style(times))]
    cells = [str(cell) for cell in times.tolist()]
    return dates_of(cells, rows)


def dates_of(cells: Sequence[str], rows: Rows) -> list[Reading]:
    """Returns every reading of cells of text as dates. Raises `DataError` for the first cell that, together with those
    before it, has none."""
    readings = read_dates(cells)
    if readings:
        return readings
    bad = first_undated(cells)
    problem = "no date" if is_missing(cells[bad]) else f"{shorten(cells[bad])} does not read as a date"
    like = f" like {shorten(cells[0])}" if bad else "; dates such as 2024-01-31 are read"
    raise rows.error(problem + like, bad, dates=True)
