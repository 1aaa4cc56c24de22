"""Long short-term memory (Hochreiter and Schmidhuber 1997, with Gers et al.'s forget gate), gate order i, f, g, o.

(1) i = sigma(a_i + p_i c_{t-1}), f = sigma(a_f + p_f c_{t-1}), g = tanh(a_g),   a = W_ih x_t + W_hh (m h_{t-1}) + b
(2) c_t = f c_{t-1} + i g
(3) o = sigma(a_o + p_o c_t)
(4) h_t = o tanh(c_t), or with layer normalisation (norm.py) h_t = o tanh(gain_c hat(c_t) + shift_c)

m is the mask of recurrent dropout, absent in prediction. Peepholes p (Gers and Schmidhuber 2000, in ONNX's form) only
where the cell asks for them. Shapes: x_t (B, D), h and c (B, H); W_ih (4H, D), W_hh (4H, H), b (4H,), p (3, H) in the
order i, f, o. docs/math/lstm.md derives the backward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .norm import normalise, normalise_backward, products, products_backward
from .sigmoid import sigmoid

__all__ = ["step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


def step(
    cell: Any, parameters: Arrays, x: np.ndarray, state: Arrays, mask: np.ndarray | float = 1.0
) -> tuple[Arrays, tuple[Any, ...]]:
    """One step: x (B, D), state (h, c), each (B, H) -> new state, and what the derivative needs. mask: (B, H)."""
    w_ih, w_hh, bias = parameters[:3]
    h_prev, c_prev = state
    read = h_prev * mask
    gains = parameters[3:5] if cell.layer_norm else ()
    a_x, a_h, kept = products(w_ih, w_hh, gains, x, read)
    a_i, a_f, a_g, a_o = np.split(a_x + a_h + bias, 4, axis=1)
    p_i, p_f, p_o = _peepholes(cell, parameters)
    i, f, g = sigmoid(a_i + p_i * c_prev), sigmoid(a_f + p_f * c_prev), np.tanh(a_g)
    c = f * c_prev + i * g
    o = sigmoid(a_o + p_o * c)
    if not cell.layer_norm:
        return (o * np.tanh(c), c), (kept, mask, c_prev, i, f, g, o, c, None, None)
    gain_c, shift_c = parameters[5:]
    c_hat, inverse = normalise(c)
    return (o * np.tanh(gain_c * c_hat + shift_c), c), (kept, mask, c_prev, i, f, g, o, c, c_hat, inverse)


def step_backward(
    cell: Any, parameters: Arrays, tape: tuple[Any, ...], dstate: Arrays
) -> tuple[np.ndarray, Arrays, Arrays]:
    """(dh, dc) at the new state -> dx (B, D), (dh_prev, dc_prev), gradients of the parameters."""
    w_ih, w_hh = parameters[:2]
    kept, mask, c_prev, i, f, g, o, c, c_hat, inverse = tape
    dh, dc = dstate
    tanh_c = np.tanh(c if c_hat is None else parameters[5] * c_hat + parameters[6])
    da_o = dh * tanh_c * o * (1 - o)
    p_i, p_f, p_o = _peepholes(cell, parameters)
    du = dh * o * (1 - tanh_c * tanh_c)
    dc = dc + (du if c_hat is None else normalise_backward(du * parameters[5], c_hat, inverse)) + da_o * p_o
    da_i, da_f, da_g = dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g * g)
    dc_prev = dc * f + da_i * p_i + da_f * p_f
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
    dx, dread, dweights, dgains = products_backward(w_ih, w_hh, kept, da, da)
    gradients = (*dweights, da.sum(axis=0), *dgains)
    if c_hat is not None:
        gradients = (*gradients, (du * c_hat).sum(axis=0), du.sum(axis=0))
    if cell.peepholes:
        dp = np.stack([(da_i * c_prev).sum(axis=0), (da_f * c_prev).sum(axis=0), (da_o * c).sum(axis=0)])
        gradients = (*gradients, dp)
    return dx, (dread * mask, dc_prev), gradients


def _peepholes(cell: Any, parameters: Arrays) -> np.ndarray:
    """(3, H) for i, f, o; zeros where the cell has none."""
    return parameters[3] if cell.peepholes else np.zeros((3, 1), parameters[0].dtype)
