"""Numbers of arrays, lists and columns, checked."""

from __future__ import annotations

import numpy as np

from elman.core import checks
from elman.series.errors import DataError

__all__ = ["numbers_of"]


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
