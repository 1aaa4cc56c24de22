"""The logistic function, without overflow and with a correct negative tail."""

from __future__ import annotations

import numpy as np

__all__ = ["sigmoid"]


def sigmoid(a: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-a)), element by element: for a < 0 as exp(a) / (1 + exp(a))."""
    z = np.exp(-np.abs(a))
    return np.where(a < 0, z, np.ones_like(a)) / (1 + z)
