"""The Elman cell (Elman 1990), with any activation, as a leaky integrator where it has a leak.

(1) a_t = W_ih x_t + W_hh (m h_{t-1}) + b + sigma xi_t      (each product normalised, norm.py, where the cell asks)
(2) s_t = act(a_t)
(3) h_t = s_t, or with a leak l: h_t = (1 - l) h_{t-1} + l s_t

m is the mask of recurrent dropout, sigma xi private noise; both are absent in prediction. Shapes: x_t (B, D), h (B, H);
W_ih (H, D), W_hh (H, H), b (H,), l (H,). docs/math/simple.md derives the backward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .norm import products, products_backward

__all__ = ["step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


def step(
    cell: Any,
    parameters: Arrays,
    x: np.ndarray,
    state: Arrays,
    mask: np.ndarray | float = 1.0,
    noise: np.ndarray | float = 0.0,
) -> tuple[Arrays, tuple[Any, ...]]:
    """One step: x (B, D), state (h (B, H),) -> new state, and what the derivative needs. mask, noise: (B, H)."""
    w_ih, w_hh, bias = parameters[:3]
    (h_prev,) = state
    read = h_prev * mask
    a_x, a_h, kept = products(w_ih, w_hh, parameters[3:] if cell.layer_norm else (), x, read)
    a = a_x + a_h + bias + noise
    if cell.activation == "tanh":
        s = np.tanh(a)
    elif cell.activation == "relu":
        s = np.where(a < 0, 0, a).astype(a.dtype)
    else:
        s = np.asarray(cell.activation.function(a), dtype=a.dtype)
    h = s if cell.leak is None else h_prev + parameters[3] * (s - h_prev)
    return (h,), (kept, h_prev, mask, a, s)


def step_backward(
    cell: Any, parameters: Arrays, tape: tuple[Any, ...], dstate: Arrays
) -> tuple[np.ndarray, Arrays, Arrays]:
    """(dh,) at the new state -> dx (B, D), (dh_prev,), gradients of the parameters."""
    w_ih, w_hh = parameters[:2]
    kept, h_prev, mask, a, s = tape
    (dh,) = dstate
    ds, dh_prev, extra = dh, 0.0, ()
    if cell.leak is not None:
        leak = parameters[3]
        ds, dh_prev, extra = dh * leak, dh * (1 - leak), ((dh * (s - h_prev)).sum(axis=0),)
    if cell.activation == "tanh":
        da = ds * (1 - s * s)
    elif cell.activation == "relu":
        da = np.where(s > 0, ds, 0).astype(dh.dtype)
    else:
        da = ds * np.asarray(cell.activation.derivative(a), dtype=a.dtype)
    dx, dread, dweights, dgains = products_backward(w_ih, w_hh, kept, da, da)
    return dx, (dh_prev + dread * mask,), (*dweights, da.sum(axis=0), *extra, *dgains)
