"""A dense layer at every step, or on one row a sequence: y = act(W x + b).

Shapes: x (..., F), y (..., O); W (O, F), b (O,). The derivative of every activation is written in terms of y.
"""

from __future__ import annotations

import numpy as np

from .sigmoid import sigmoid

__all__ = ["backward", "forward"]


def forward(activation: str, weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x (..., F) -> y (..., O)."""
    a = x @ weight.T + bias
    if activation == "tanh":
        return np.tanh(a)
    if activation == "sigmoid":
        return sigmoid(a)
    return np.where(a < 0, 0, a).astype(a.dtype) if activation == "relu" else a


def backward(
    activation: str, weight: np.ndarray, x: np.ndarray, y: np.ndarray, dy: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dy (..., O) -> dx (..., F), dW, db."""
    if activation == "tanh":
        da = dy * (1 - y * y)
    elif activation == "sigmoid":
        da = dy * y * (1 - y)
    else:
        da = np.where(y > 0, dy, 0).astype(dy.dtype) if activation == "relu" else dy
    rows = da.reshape(-1, da.shape[-1])
    return da @ weight, rows.T @ x.reshape(-1, x.shape[-1]), rows.sum(axis=0)
