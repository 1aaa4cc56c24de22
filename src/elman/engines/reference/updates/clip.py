"""Clipping of gradients by value and by their global norm."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["by_norm", "by_value", "global_norm"]


def global_norm(gradient: np.ndarray) -> float:
    """Returns sqrt(sum g^2) over all parameters, summed in float64."""
    # not by BLAS, whose threads cost a thousand times the sum where the processor is busy
    return math.sqrt(float(np.square(gradient, dtype=np.float64).sum()))


def by_value(gradient: np.ndarray, limit: float) -> np.ndarray:
    """Returns the gradient with each entry clipped to [-limit, limit]."""
    return np.clip(gradient, -limit, limit)


def by_norm(gradient: np.ndarray, norm: float, limit: float) -> np.ndarray:
    """Returns g limit / |g| where |g| > limit, else g (Pascanu, Mikolov and Bengio 2013)."""
    return gradient * gradient.dtype.type(limit / norm) if norm > limit else gradient
