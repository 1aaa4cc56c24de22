"""Gated recurrent unit (Cho et al. 2014), gate order r, z, n.

(1) r = sigma(W_ir x_t + W_hr k + b_r), z = sigma(W_iz x_t + W_hz k + b_z),   k = m h_{t-1}
(2) reset_after:  n = tanh(W_in x_t + b_n + r (W_hn k + b_hn))      PyTorch's and cuDNN's form
    otherwise:    n = tanh(W_in x_t + b_n + W_hn (r k))             the paper's
(3) h_t = (1 - z) n + z h_{t-1}

m is the mask of recurrent dropout, absent in prediction. docs/math/gru.md derives the backward pass.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .named import named, present
from .norm import Products, products, products_backward
from .sigmoid import sigmoid

__all__ = ["Parameters", "Tape", "parameters_of", "step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


class Parameters(NamedTuple):
    """The parameters, in their order in theta; None where the cell has none of that name."""

    weight_ih: np.ndarray  # (3H, D)
    weight_hh: np.ndarray  # (3H, H)
    bias: np.ndarray  # (3H,)
    bias_hn: Any = None  # (H,)
    gain_ih: Any = None  # (3H,)
    gain_hh: Any = None  # (3H,)


class Tape(NamedTuple):
    """What one step leaves for its derivative."""

    products: Products  # with `read` k
    h_prev: np.ndarray  # (B, H)
    mask: np.ndarray | float  # (B, H)
    r: np.ndarray  # (B, H): the gates
    z: np.ndarray
    n: np.ndarray
    q: np.ndarray  # (B, H): W_hn k + b_hn, which the reset gate scales; or r k, which W_hn reads


def parameters_of(cell: Any, arrays: Arrays) -> Parameters:
    """Returns a cell's parameters by name, from a tuple in their order."""
    names = ["weight_ih", "weight_hh", "bias"]
    names += ["bias_hn"] if cell.reset_after else []
    names += ["gain_ih", "gain_hh"] if cell.layer_norm else []
    return named(Parameters, names, arrays)


def step(
    cell: Any, parameters: Arrays, x: np.ndarray, state: Arrays, mask: np.ndarray | float = 1.0
) -> tuple[Arrays, Tape]:
    """Takes one step: x (B, D), state (h (B, H),) -> new state, tape. mask: (B, H)."""
    p = parameters_of(cell, parameters)
    (h_prev,) = state
    k = h_prev * mask
    if cell.reset_after:
        a_x, a_h, kept = products(p, x, k)
        (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(a_x + p.bias, 3, axis=1), np.split(a_h, 3, axis=1)
        q = h_n + p.bias_hn
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * q)
    else:
        w_hr, w_hz, w_hn = np.split(p.weight_hh, 3)
        kept, (x_r, x_z, x_n) = Products(x, k), np.split(x @ p.weight_ih.T + p.bias, 3, axis=1)
        r, z = sigmoid(x_r + k @ w_hr.T), sigmoid(x_z + k @ w_hz.T)
        q = r * k
        n = np.tanh(x_n + q @ w_hn.T)
    return ((1 - z) * n + z * h_prev,), Tape(kept, h_prev, mask, r, z, n, q)


def step_backward(cell: Any, parameters: Arrays, tape: Tape, dstate: Arrays) -> tuple[np.ndarray, Arrays, Arrays]:
    """Takes (dh,) at the new state to dx (B, D), (dh_prev,), and the gradients of the parameters in their order."""
    p = parameters_of(cell, parameters)
    kept, h_prev, mask, r, z, n, q = tape
    (dh,) = dstate
    da_n = dh * (1 - z) * (1 - n * n)
    da_z = dh * (h_prev - n) * z * (1 - z)
    if cell.reset_after:
        da_r, dq = da_n * q * r * (1 - r), da_n * r
        da_x, da_h = np.concatenate([da_r, da_z, da_n], axis=1), np.concatenate([da_r, da_z, dq], axis=1)
        d = products_backward(p, kept, da_x, da_h)
        dx, dk, bias = d.x, d.read, da_x.sum(axis=0)
        gradients = Parameters(d.weight_ih, d.weight_hh, bias, dq.sum(axis=0), d.gain_ih, d.gain_hh)
    else:
        w_hr, w_hz, w_hn = np.split(p.weight_hh, 3)
        dq = da_n @ w_hn
        da_r = dq * kept.read * r * (1 - r)
        da_x = np.concatenate([da_r, da_z, da_n], axis=1)
        dx, dk = da_x @ p.weight_ih, dq * r + da_r @ w_hr + da_z @ w_hz
        weight_hh = np.concatenate([da_r.T @ kept.read, da_z.T @ kept.read, da_n.T @ q])
        gradients = Parameters(da_x.T @ kept.x, weight_hh, da_x.sum(axis=0))
    return dx, (dh * z + dk * mask,), present(gradients)
