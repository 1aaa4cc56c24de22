"""Layer normalisation (Ba, Kiros and Hinton 2016), and a cell's two products with it or without.

(1) hat = (p - mean(p)) / sqrt(mean((p - mean(p))^2) + eps), over a row's entries
(2) dp = (dhat - mean(dhat) - hat mean(dhat hat)) / sqrt(...)

A cell's products W_ih x and W_hh h are normalised separately, each over all its gates together, and scaled by gains of
their own; the biases that the cell has anyway shift them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["EPS", "Gradients", "Products", "normalise", "normalise_backward", "products", "products_backward"]

EPS = 1e-5


def normalise(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normalises each row of p (B, N); returns hat (B, N), and one over the deviation (B, 1).

    A row with entries above 1 is divided by a power of two first, so that no square of a finite entry overflows.
    """
    power = np.maximum(np.frexp(np.abs(p).max(axis=1, keepdims=True))[1], 0)
    small = np.ldexp(p, -power)
    centred = small - small.mean(axis=1, keepdims=True)
    eps = np.ldexp(p.dtype.type(EPS), -2 * power)
    inverse = 1 / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + eps)
    return centred * inverse, np.ldexp(inverse, -power)


def normalise_backward(dhat: np.ndarray, hat: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Returns dp (B, N) from dhat (B, N) and what `normalise` returned."""
    return inverse * (dhat - dhat.mean(axis=1, keepdims=True) - hat * (dhat * hat).mean(axis=1, keepdims=True))


class Products(NamedTuple):
    """What the two products leave for their derivative; the last four only where they are normalised."""

    x: np.ndarray  # (B, D)
    read: np.ndarray  # (B, H): the previous state, masked
    x_hat: Any = None  # (B, G*H)
    x_inverse: Any = None  # (B, 1)
    h_hat: Any = None  # (B, G*H)
    h_inverse: Any = None  # (B, 1)


class Gradients(NamedTuple):
    """What the two products' derivative gives; the gains' are None where nothing is normalised."""

    x: np.ndarray  # (B, D)
    read: np.ndarray  # (B, H)
    weight_ih: np.ndarray  # (G*H, D)
    weight_hh: np.ndarray  # (G*H, H)
    gain_ih: np.ndarray | None  # (G*H,)
    gain_hh: np.ndarray | None  # (G*H,)


def products(p: Any, x: np.ndarray, read: np.ndarray) -> tuple[np.ndarray, np.ndarray, Products]:
    """Returns W_ih x and W_hh read, each (B, G*H), and the tape.

    p: a cell's parameters. Where it has gain_ih and gain_hh, each product is normalised and scaled by its gain.
    """
    a_x, a_h = x @ p.weight_ih.T, read @ p.weight_hh.T
    if p.gain_ih is None:
        return a_x, a_h, Products(x, read)
    (x_hat, x_inverse), (h_hat, h_inverse) = normalise(a_x), normalise(a_h)
    return p.gain_ih * x_hat, p.gain_hh * h_hat, Products(x, read, x_hat, x_inverse, h_hat, h_inverse)


def products_backward(p: Any, tape: Products, da_x: np.ndarray, da_h: np.ndarray) -> Gradients:
    """Returns the gradients of all that the products read, from those at the two products."""
    gain_ih = gain_hh = None
    if p.gain_ih is not None:
        gain_ih, gain_hh = (da_x * tape.x_hat).sum(axis=0), (da_h * tape.h_hat).sum(axis=0)
        da_x = normalise_backward(da_x * p.gain_ih, tape.x_hat, tape.x_inverse)
        da_h = normalise_backward(da_h * p.gain_hh, tape.h_hat, tape.h_inverse)
    return Gradients(da_x @ p.weight_ih, da_h @ p.weight_hh, da_x.T @ tape.x, da_h.T @ tape.read, gain_ih, gain_hh)
