"""A table of vectors: y = E[id]. Shapes: ids (B, T), E (V, F), y (B, T, F).

An id outside of the table, which only data that changed after its check can hold, gives NaN.
"""

from __future__ import annotations

import numpy as np

__all__ = ["backward", "forward"]


def forward(table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """ids (B, T) -> rows of the table (B, T, F)."""
    known = (ids >= 0) & (ids < len(table))
    y = table[np.where(known, ids, 0)]
    y[~known] = np.nan
    return y


def backward(table: np.ndarray, ids: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """dy (B, T, F) -> dE (V, F): every row gathers what arrived wherever it was used."""
    gradient = np.zeros_like(table)
    known = (ids >= 0) & (ids < len(table))
    np.add.at(gradient, ids[known], dy[known])
    return gradient
