"""Long short-term memory (Hochreiter and Schmidhuber 1997, with Gers et al.'s forget gate), gate order i, f, g, o.

(1) i = sigma(a_i + p_i c_{t-1}), f = sigma(a_f + p_f c_{t-1}), g = tanh(a_g),   a = W_ih x_t + W_hh h_{t-1} + b
(2) c_t = f c_{t-1} + i g
(3) o = sigma(a_o + p_o c_t)
(4) h_t = o tanh(c_t)

Peepholes p (Gers and Schmidhuber 2000, in ONNX's form) only where the cell asks for them. Shapes: x_t (B, D), h and c
(B, H); W_ih (4H, D), W_hh (4H, H), b (4H,), p (3, H) in the order i, f, o. docs/math/lstm.md derives the backward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .sigmoid import sigmoid

__all__ = ["step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


def step(cell: Any, parameters: Arrays, x: np.ndarray, state: Arrays) -> tuple[Arrays, Arrays]:
    """One step: x (B, D), state (h, c), each (B, H) -> new state, and what the derivative needs."""
    w_ih, w_hh, bias = parameters[:3]
    h_prev, c_prev = state
    a_i, a_f, a_g, a_o = np.split(x @ w_ih.T + h_prev @ w_hh.T + bias, 4, axis=1)
    p_i, p_f, p_o = _peepholes(cell, parameters)
    i, f, g = sigmoid(a_i + p_i * c_prev), sigmoid(a_f + p_f * c_prev), np.tanh(a_g)
    c = f * c_prev + i * g
    o = sigmoid(a_o + p_o * c)
    return (o * np.tanh(c), c), (x, h_prev, c_prev, i, f, g, o, c)


def step_backward(cell: Any, parameters: Arrays, tape: Arrays, dstate: Arrays) -> tuple[np.ndarray, Arrays, Arrays]:
    """(dh, dc) at the new state -> dx (B, D), (dh_prev, dc_prev), gradients of the parameters."""
    w_ih, w_hh = parameters[:2]
    x, h_prev, c_prev, i, f, g, o, c = tape
    dh, dc = dstate
    tanh_c = np.tanh(c)
    da_o = dh * tanh_c * o * (1 - o)
    p_i, p_f, p_o = _peepholes(cell, parameters)
    dc = dc + dh * o * (1 - tanh_c * tanh_c) + da_o * p_o
    da_i, da_f, da_g = dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g * g)
    dc_prev = dc * f + da_i * p_i + da_f * p_f
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
    gradients = (da.T @ x, da.T @ h_prev, da.sum(axis=0))
    if cell.peepholes:
        dp = np.stack([(da_i * c_prev).sum(axis=0), (da_f * c_prev).sum(axis=0), (da_o * c).sum(axis=0)])
        gradients = (*gradients, dp)
    return da @ w_ih, (da @ w_hh, dc_prev), gradients


def _peepholes(cell: Any, parameters: Arrays) -> np.ndarray:
    """(3, H) for i, f, o; zeros where the cell has none."""
    return parameters[3] if cell.peepholes else np.zeros((3, 1), parameters[0].dtype)
