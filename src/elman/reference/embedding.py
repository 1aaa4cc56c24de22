"""A table of vectors: y = E[id]. Shapes: ids (B, T), E (V, F), y (B, T, F)."""

from __future__ import annotations

import numpy as np

__all__ = ["backward", "forward"]


def forward(table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """ids (B, T) -> rows of the table (B, T, F)."""
    return table[ids]


def backward(table: np.ndarray, ids: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """dy (B, T, F) -> dE (V, F): every row gathers what arrived wherever it was used."""
    gradient = np.zeros_like(table)
    np.add.at(gradient, ids, dy)
    return gradient
