"""The Elman cell (Elman 1990), with any activation, as a leaky integrator where it has a leak.

(1) a_t = W_ih x_t + W_hh (m h_{t-1}) + b + sigma xi_t      (each product normalised, norm.py, where the cell asks)
(2) s_t = act(a_t)
(3) h_t = s_t, or with a leak l: h_t = (1 - l) h_{t-1} + l s_t

m is the mask of recurrent dropout, sigma xi private noise; both are absent in prediction. docs/math/simple.md derives
the backward pass.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .activations import activation, derivative
from .named import named, present
from .norm import Products, products, products_backward

__all__ = ["Parameters", "Tape", "parameters_of", "step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


class Parameters(NamedTuple):
    """The parameters, in their order in theta; None where the cell has none of that name."""

    weight_ih: np.ndarray  # (H, D)
    weight_hh: np.ndarray  # (H, H)
    bias: np.ndarray  # (H,)
    leak: Any = None  # (H,)
    gain_ih: Any = None  # (H,)
    gain_hh: Any = None  # (H,)


class Tape(NamedTuple):
    """What one step leaves for its derivative."""

    products: Products
    h_prev: np.ndarray  # (B, H)
    mask: np.ndarray | float  # (B, H)
    a: np.ndarray  # (B, H): pre-activation
    s: np.ndarray  # (B, H): activation


def parameters_of(cell: Any, arrays: Arrays) -> Parameters:
    """Returns a cell's parameters by name, from a tuple in their order."""
    names = ["weight_ih", "weight_hh", "bias"]
    names += ["leak"] if cell.leak is not None else ["gain_ih", "gain_hh"] if cell.layer_norm else []
    return named(Parameters, names, arrays)


def step(
    cell: Any,
    parameters: Arrays,
    x: np.ndarray,
    state: Arrays,
    mask: np.ndarray | float = 1.0,
    noise: np.ndarray | float = 0.0,
) -> tuple[Arrays, Tape]:
    """Takes one step: x (B, D), state (h (B, H),) -> new state, tape. mask, noise: (B, H)."""
    p = parameters_of(cell, parameters)
    (h_prev,) = state
    a_x, a_h, kept = products(p, x, h_prev * mask)
    a = a_x + a_h + p.bias + noise
    if isinstance(cell.activation, str):
        s = activation(cell.activation, a)
    else:
        s = np.asarray(cell.activation.function(a), dtype=a.dtype)
    h = s if p.leak is None else h_prev + p.leak * (s - h_prev)
    return (h,), Tape(kept, h_prev, mask, a, s)


def step_backward(cell: Any, parameters: Arrays, tape: Tape, dstate: Arrays) -> tuple[np.ndarray, Arrays, Arrays]:
    """Takes (dh,) at the new state to dx (B, D), (dh_prev,), and the gradients of the parameters in their order."""
    p = parameters_of(cell, parameters)
    (dh,) = dstate
    ds, dh_prev, dleak = dh, 0.0, None
    if p.leak is not None:
        ds, dh_prev, dleak = dh * p.leak, dh * (1 - p.leak), (dh * (tape.s - tape.h_prev)).sum(axis=0)
    if isinstance(cell.activation, str):
        da = derivative(cell.activation, ds, tape.s)
    else:
        da = ds * np.asarray(cell.activation.derivative(tape.a), dtype=tape.a.dtype)
    d = products_backward(p, tape.products, da, da)
    gradients = Parameters(d.weight_ih, d.weight_hh, da.sum(axis=0), dleak, d.gain_ih, d.gain_hh)
    return d.x, (dh_prev + d.read * tape.mask,), present(gradients)
