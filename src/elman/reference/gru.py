"""Gated recurrent unit (Cho et al. 2014), gate order r, z, n.

(1) r = sigma(W_ir x_t + W_hr h_{t-1} + b_r), z = sigma(W_iz x_t + W_hz h_{t-1} + b_z)
(2) reset_after:  n = tanh(W_in x_t + b_n + r (W_hn h_{t-1} + b_hn))      PyTorch's and cuDNN's form
    otherwise:    n = tanh(W_in x_t + b_n + W_hn (r h_{t-1}))             the paper's
(3) h_t = (1 - z) n + z h_{t-1}

Shapes: x_t (B, D), h (B, H); W_ih (3H, D), W_hh (3H, H), b (3H,), b_hn (H,). docs/math/gru.md derives the backward
pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .sigmoid import sigmoid

__all__ = ["step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


def step(cell: Any, parameters: Arrays, x: np.ndarray, state: Arrays) -> tuple[Arrays, Arrays]:
    """One step: x (B, D), state (h (B, H),) -> new state, and what the derivative needs."""
    w_ih, w_hh, bias = parameters[:3]
    (h_prev,) = state
    w_hr, w_hz, w_hn = np.split(w_hh, 3)
    a_r, a_z, a_n = np.split(x @ w_ih.T + bias, 3, axis=1)
    r, z = sigmoid(a_r + h_prev @ w_hr.T), sigmoid(a_z + h_prev @ w_hz.T)
    if cell.reset_after:
        q = h_prev @ w_hn.T + parameters[3]  # what the reset gate scales: the product
        n = np.tanh(a_n + r * q)
    else:
        q = r * h_prev  # or the state before it
        n = np.tanh(a_n + q @ w_hn.T)
    return ((1 - z) * n + z * h_prev,), (x, h_prev, r, z, n, q)


def step_backward(cell: Any, parameters: Arrays, tape: Arrays, dstate: Arrays) -> tuple[np.ndarray, Arrays, Arrays]:
    """(dh,) at the new state -> dx (B, D), (dh_prev,), gradients of the parameters."""
    w_ih, w_hh = parameters[:2]
    x, h_prev, r, z, n, q = tape
    (dh,) = dstate
    w_hr, w_hz, w_hn = np.split(w_hh, 3)
    da_n = dh * (1 - z) * (1 - n * n)
    da_z = dh * (h_prev - n) * z * (1 - z)
    dh_prev = dh * z
    if cell.reset_after:
        dr, dq = da_n * q, da_n * r
        dw_hn = dq.T @ h_prev
        dh_prev = dh_prev + dq @ w_hn
        extra = (dq.sum(axis=0),)
    else:
        dq = da_n @ w_hn
        dr = dq * h_prev
        dw_hn = da_n.T @ q
        dh_prev = dh_prev + dq * r
        extra = ()
    da_r = dr * r * (1 - r)
    dh_prev = dh_prev + da_r @ w_hr + da_z @ w_hz
    da = np.concatenate([da_r, da_z, da_n], axis=1)
    dw_hh = np.concatenate([da_r.T @ h_prev, da_z.T @ h_prev, dw_hn])
    return da @ w_ih, (dh_prev,), (da.T @ x, dw_hh, da.sum(axis=0), *extra)
