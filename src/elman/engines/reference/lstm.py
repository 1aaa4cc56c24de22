"""Long short-term memory (Hochreiter and Schmidhuber 1997, with Gers et al.'s forget gate), gate order i, f, g, o.

(1) i = sigma(a_i + p_i c_{t-1}), f = sigma(a_f + p_f c_{t-1}), g = tanh(a_g),   a = W_ih x_t + W_hh (m h_{t-1}) + b
(2) c_t = f c_{t-1} + i g
(3) o = sigma(a_o + p_o c_t)
(4) h_t = o tanh(c_t), or with layer normalisation (norm.py) h_t = o tanh(gain_c hat(c_t) + shift_c)

m is the mask of recurrent dropout, absent in prediction. Only some cells have peepholes p (Gers and Schmidhuber 2000,
in ONNX's form). docs/math/lstm.md derives the backward pass.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .named import named, present
from .norm import Products, normalise, normalise_backward, products, products_backward
from .sigmoid import sigmoid

__all__ = ["Parameters", "Tape", "parameters_of", "step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


class Parameters(NamedTuple):
    """The parameters, in their order in theta; None where the cell has none of that name."""

    weight_ih: np.ndarray  # (4H, D)
    weight_hh: np.ndarray  # (4H, H)
    bias: np.ndarray  # (4H,)
    peephole: Any = None  # (3, H), in the order i, f, o
    gain_ih: Any = None  # (4H,)
    gain_hh: Any = None  # (4H,)
    gain_c: Any = None  # (H,)
    shift_c: Any = None  # (H,)

    @property
    def peepholes(self) -> np.ndarray:
        """(3, H) for i, f, o; zeros (3, 1) where the cell has none."""
        return np.zeros((3, 1), self.bias.dtype) if self.peephole is None else self.peephole


class Tape(NamedTuple):
    """What one step leaves for its derivative."""

    products: Products
    mask: np.ndarray | float  # (B, H)
    c_prev: np.ndarray  # (B, H)
    i: np.ndarray  # (B, H): the gates
    f: np.ndarray
    g: np.ndarray
    o: np.ndarray
    c: np.ndarray  # (B, H)
    c_hat: Any = None  # (B, H): c normalised, where the cell asks
    c_inverse: Any = None  # (B, 1)


def parameters_of(cell: Any, arrays: Arrays) -> Parameters:
    """Returns a cell's parameters by name, from a tuple in their order."""
    names = ["weight_ih", "weight_hh", "bias"]
    names += ["peephole"] if cell.peepholes else []
    names += ["gain_ih", "gain_hh", "gain_c", "shift_c"] if cell.layer_norm else []
    return named(Parameters, names, arrays)


def step(
    cell: Any, parameters: Arrays, x: np.ndarray, state: Arrays, mask: np.ndarray | float = 1.0
) -> tuple[Arrays, Tape]:
    """Takes one step: x (B, D), state (h, c), each (B, H) -> new state, tape. mask: (B, H)."""
    p = parameters_of(cell, parameters)
    h_prev, c_prev = state
    a_x, a_h, kept = products(p, x, h_prev * mask)
    a_i, a_f, a_g, a_o = np.split(a_x + a_h + p.bias, 4, axis=1)
    p_i, p_f, p_o = p.peepholes
    i, f, g = sigmoid(a_i + p_i * c_prev), sigmoid(a_f + p_f * c_prev), np.tanh(a_g)
    c = f * c_prev + i * g
    o = sigmoid(a_o + p_o * c)
    tape = Tape(kept, mask, c_prev, i, f, g, o, c)
    if p.gain_c is None:
        return (o * np.tanh(c), c), tape
    c_hat, inverse = normalise(c)
    return (o * np.tanh(p.gain_c * c_hat + p.shift_c), c), tape._replace(c_hat=c_hat, c_inverse=inverse)


def step_backward(cell: Any, parameters: Arrays, tape: Tape, dstate: Arrays) -> tuple[np.ndarray, Arrays, Arrays]:
    """Takes (dh, dc) at the new state to dx (B, D), (dh_prev, dc_prev), gradients of the parameters in their order."""
    p = parameters_of(cell, parameters)
    products_tape, mask, c_prev, i, f, g, o, c, c_hat, c_inverse = tape
    dh, dc = dstate
    tanh_c = np.tanh(c if p.gain_c is None else p.gain_c * c_hat + p.shift_c)
    da_o = dh * tanh_c * o * (1 - o)
    p_i, p_f, p_o = p.peepholes
    du = dh * o * (1 - tanh_c * tanh_c)  # at what the output's tanh reads
    dc = dc + (du if p.gain_c is None else normalise_backward(du * p.gain_c, c_hat, c_inverse)) + da_o * p_o
    da_i, da_f, da_g = dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g * g)
    dc_prev = dc * f + da_i * p_i + da_f * p_f
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
    d = products_backward(p, products_tape, da, da)
    gradients = Parameters(d.weight_ih, d.weight_hh, da.sum(axis=0), gain_ih=d.gain_ih, gain_hh=d.gain_hh)
    if p.peephole is not None:
        dp = np.stack([(da_i * c_prev).sum(axis=0), (da_f * c_prev).sum(axis=0), (da_o * c).sum(axis=0)])
        gradients = gradients._replace(peephole=dp)
    if p.gain_c is not None:
        gradients = gradients._replace(gain_c=(du * c_hat).sum(axis=0), shift_c=du.sum(axis=0))
    return d.x, (d.read * mask, dc_prev), present(gradients)
