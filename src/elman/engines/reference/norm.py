"""Layer normalisation (Ba, Kiros and Hinton 2016), and a cell's two products with it or without.

(1) hat = (p - mean(p)) / sqrt(mean((p - mean(p))^2) + eps), over a row's entries
(2) dp = (dhat - mean(dhat) - hat mean(dhat hat)) / sqrt(...)

A cell's products W_ih x and W_hh h are normalised separately, each over all its gates together, and scaled by gains of
their own; the biases that the cell has anyway shift them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["EPS", "normalise", "normalise_backward", "products", "products_backward"]

EPS = 1e-5


def normalise(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p (B, N) -> hat (B, N), and one over the deviation (B, 1).

    A row with entries above 1 is divided by a power of two first, so that no square of a finite entry overflows.
    """
    power = np.maximum(np.frexp(np.abs(p).max(axis=1, keepdims=True))[1], 0)
    small = np.ldexp(p, -power)
    centred = small - small.mean(axis=1, keepdims=True)
    eps = np.ldexp(p.dtype.type(EPS), -2 * power)
    inverse = 1 / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + eps)
    return centred * inverse, np.ldexp(inverse, -power)


def normalise_backward(dhat: np.ndarray, hat: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """dp (B, N)."""
    return inverse * (dhat - dhat.mean(axis=1, keepdims=True) - hat * (dhat * hat).mean(axis=1, keepdims=True))


class Products(NamedTuple):
    """What the two products leave for their derivative; the last four only with gains."""

    x: np.ndarray
    read: np.ndarray
    gains: tuple[np.ndarray, ...]
    x_hat: Any = None
    x_inverse: Any = None
    h_hat: Any = None
    h_inverse: Any = None


def products(
    w_ih: np.ndarray, w_hh: np.ndarray, gains: tuple[np.ndarray, ...], x: np.ndarray, read: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Products]:
    """W_ih x and W_hh h, each (B, G*H), normalised where there are gains (gain_ih, gain_hh), each (G*H,)."""
    a_x, a_h = x @ w_ih.T, read @ w_hh.T
    if not gains:
        return a_x, a_h, Products(x, read, gains)
    (x_hat, x_inverse), (h_hat, h_inverse) = normalise(a_x), normalise(a_h)
    return gains[0] * x_hat, gains[1] * h_hat, Products(x, read, gains, x_hat, x_inverse, h_hat, h_inverse)


def products_backward(
    w_ih: np.ndarray, w_hh: np.ndarray, tape: Products, da_x: np.ndarray, da_h: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]:
    """dx, the gradient of what W_hh read, gradients of the weights, and of the gains."""
    gains: tuple[np.ndarray, ...] = ()
    if tape.gains:
        gains = ((da_x * tape.x_hat).sum(axis=0), (da_h * tape.h_hat).sum(axis=0))
        da_x = normalise_backward(da_x * tape.gains[0], tape.x_hat, tape.x_inverse)
        da_h = normalise_backward(da_h * tape.gains[1], tape.h_hat, tape.h_inverse)
    return da_x @ w_ih, da_h @ w_hh, (da_x.T @ tape.x, da_h.T @ tape.read), gains
