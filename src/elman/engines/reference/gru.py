"""Gated recurrent unit (Cho et al. 2014), gate order r, z, n.

(1) r = sigma(W_ir x_t + W_hr k + b_r), z = sigma(W_iz x_t + W_hz k + b_z),   k = m h_{t-1}
(2) reset_after:  n = tanh(W_in x_t + b_n + r (W_hn k + b_hn))      PyTorch's and cuDNN's form
    otherwise:    n = tanh(W_in x_t + b_n + W_hn (r k))             the paper's
(3) h_t = (1 - z) n + z h_{t-1}

m is the mask of recurrent dropout, absent in prediction. Shapes: x_t (B, D), h (B, H); W_ih (3H, D), W_hh (3H, H), b
(3H,), b_hn (H,). docs/math/gru.md derives the backward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .norm import products, products_backward
from .sigmoid import sigmoid

__all__ = ["step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


def step(
    cell: Any, parameters: Arrays, x: np.ndarray, state: Arrays, mask: np.ndarray | float = 1.0
) -> tuple[Arrays, tuple[Any, ...]]:
    """One step: x (B, D), state (h (B, H),) -> new state, and what the derivative needs. mask: (B, H)."""
    w_ih, w_hh, bias = parameters[:3]
    (h_prev,) = state
    k = h_prev * mask
    if cell.reset_after:
        a_x, a_h, kept = products(w_ih, w_hh, parameters[4:], x, k)
        (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(a_x + bias, 3, axis=1), np.split(a_h, 3, axis=1)
        q = h_n + parameters[3]  # what the reset gate scales: the product
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * q)
    else:
        w_hr, w_hz, w_hn = np.split(w_hh, 3)
        kept, (x_r, x_z, x_n) = x, np.split(x @ w_ih.T + bias, 3, axis=1)
        r, z = sigmoid(x_r + k @ w_hr.T), sigmoid(x_z + k @ w_hz.T)
        q = r * k  # or the state before it
        n = np.tanh(x_n + q @ w_hn.T)
    return ((1 - z) * n + z * h_prev,), (kept, h_prev, k, mask, r, z, n, q)


def step_backward(
    cell: Any, parameters: Arrays, tape: tuple[Any, ...], dstate: Arrays
) -> tuple[np.ndarray, Arrays, Arrays]:
    """(dh,) at the new state -> dx (B, D), (dh_prev,), gradients of the parameters."""
    w_ih, w_hh = parameters[:2]
    kept, h_prev, k, mask, r, z, n, q = tape
    (dh,) = dstate
    da_n = dh * (1 - z) * (1 - n * n)
    da_z = dh * (h_prev - n) * z * (1 - z)
    if cell.reset_after:
        da_r, dq = da_n * q * r * (1 - r), da_n * r
        da_x, da_h = np.concatenate([da_r, da_z, da_n], axis=1), np.concatenate([da_r, da_z, dq], axis=1)
        dx, dk, dweights, dgains = products_backward(w_ih, w_hh, kept, da_x, da_h)
        gradients = (*dweights, da_x.sum(axis=0), dq.sum(axis=0), *dgains)
    else:
        w_hr, w_hz, w_hn = np.split(w_hh, 3)
        dq = da_n @ w_hn
        da_r = dq * k * r * (1 - r)
        da_x = np.concatenate([da_r, da_z, da_n], axis=1)
        dx, dk = da_x @ w_ih, dq * r + da_r @ w_hr + da_z @ w_hz
        dw_hh = np.concatenate([da_r.T @ k, da_z.T @ k, da_n.T @ q])
        gradients = (da_x.T @ kept, dw_hh, da_x.sum(axis=0))
    return dx, (dh * z + dk * mask,), gradients
