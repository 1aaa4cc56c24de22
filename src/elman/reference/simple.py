"""The Elman cell (Elman 1990), with any activation.

(1) a_t = W_ih x_t + W_hh h_{t-1} + b
(2) h_t = act(a_t)

Shapes: x_t (B, D), h (B, H); W_ih (H, D), W_hh (H, H), b (H,). docs/math/simple.md derives the backward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


def step(cell: Any, parameters: Arrays, x: np.ndarray, state: Arrays) -> tuple[Arrays, Arrays]:
    """One step: x (B, D), state (h (B, H),) -> new state, and what the derivative needs."""
    w_ih, w_hh, bias = parameters
    (h_prev,) = state
    a = x @ w_ih.T + h_prev @ w_hh.T + bias
    if cell.activation == "tanh":
        h = np.tanh(a)
    elif cell.activation == "relu":
        h = np.where(a < 0, 0, a).astype(a.dtype)
    else:
        h = np.asarray(cell.activation.function(a), dtype=a.dtype)
    return (h,), (x, h_prev, a, h)


def step_backward(cell: Any, parameters: Arrays, tape: Arrays, dstate: Arrays) -> tuple[np.ndarray, Arrays, Arrays]:
    """(dh,) at the new state -> dx (B, D), (dh_prev,), gradients of the parameters."""
    w_ih, w_hh, _ = parameters
    x, h_prev, a, h = tape
    (dh,) = dstate
    if cell.activation == "tanh":
        da = dh * (1 - h * h)
    elif cell.activation == "relu":
        da = np.where(h > 0, dh, 0).astype(dh.dtype)
    else:
        da = dh * np.asarray(cell.activation.derivative(a), dtype=a.dtype)
    return da @ w_ih, (da @ w_hh,), (da.T @ x, da.T @ h_prev, da.sum(axis=0))
