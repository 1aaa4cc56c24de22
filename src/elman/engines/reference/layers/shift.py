"""Each step of a sequence gives the one before it: y_t = x_{t-1}, y_1 = 0. Shapes: x, y (B, T, F)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .record import Done, Given, Sent, Signal

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Moves x (B, T, F) one step later."""
    (x,) = given.read
    y = np.zeros_like(x.values)
    y[:, 1:] = x.values[:, :-1]
    return Done(given, Signal(y, x.lengths))


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy (B, T, F) back to dx, one step earlier; each row's last step went nowhere."""
    dx = np.zeros_like(dout)
    dx[:, :-1] = dout[:, 1:]
    return Sent([dx])
