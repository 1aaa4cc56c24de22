"""The activations that have a name: y = f(a) element by element, and the gradient at a in terms of y."""

from __future__ import annotations

import numpy as np

from .sigmoid import sigmoid

__all__ = ["activation", "derivative"]


def activation(name: str, a: np.ndarray) -> np.ndarray:
    """Returns f(a): tanh, relu, sigmoid, softplus log(1 + exp(a)), or a itself for "linear"."""
    match name:
        case "tanh":
            return np.tanh(a)
        case "relu":
            return np.where(a < 0, 0, a).astype(a.dtype)
        case "sigmoid":
            return sigmoid(a)
        case "softplus":  # without overflow: max(a, 0) + log(1 + exp(-|a|))
            return np.where(a < 0, 0, a).astype(a.dtype) + np.log1p(np.exp(-np.abs(a)))
        case _:
            return a


def derivative(name: str, dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns dL/da from dL/dy at y = f(a): dy times 1 - y^2, [y > 0], y (1 - y), 1 - exp(-y), or 1."""
    match name:
        case "tanh":
            return dy * (1 - y * y)
        case "relu":
            return np.where(y > 0, dy, 0).astype(dy.dtype)
        case "sigmoid":
            return dy * y * (1 - y)
        case "softplus":
            return dy * -np.expm1(-y)
        case _:
            return dy
