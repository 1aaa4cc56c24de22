"""Dropout in training: y = m x, each entry of m 0 with probability `rate`, else 1 / (1 - rate); y = x in prediction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..random import DrawPlace
from .record import Done, Given, Sent, Signal

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Multiplies x with the mask; the tape is the mask, or None in prediction."""
    (x,) = given.read
    if given.draws is None:
        return Done(given, x)
    mask = _mask(given, x.values)
    return Done(given, Signal(x.values * mask, x.lengths), tape=mask)


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy back to dx = m dy."""
    return Sent([dout if done.tape is None else dout * done.tape])


def _mask(given: Given, x: np.ndarray) -> np.ndarray:
    """Draws the mask, shaped like x, or (B, 1, F) where all steps share it."""
    layer, draws, units, place = given.layer, given.draws, x.shape[-1], DrawPlace(given.place, 0)
    assert draws is not None
    if x.ndim == 2 or layer.variational:
        mask = draws.mask(place, "dropout", 0, units, layer.rate, x.dtype)
        return mask if x.ndim == 2 else mask[:, None]
    steps = [draws.mask(place, "dropout", t, units, layer.rate, x.dtype) for t in range(x.shape[1])]
    return np.stack(steps, axis=1)
