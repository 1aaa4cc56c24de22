"""Each sequence's last valid step: (B, T, F) -> (B, F)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .record import Done, Given, Sent, Signal, last_steps

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Picks each row's last valid step of x (B, T, F): y (B, F)."""
    return Done(given, Signal(last_steps(given.read[0]), None))


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy (B, F) back to dx (B, T, F), which is 0 but at the last valid steps."""
    (x,) = done.given.read
    assert x.lengths is not None
    dx = np.zeros_like(x.values)
    dx[np.arange(len(dx)), x.lengths - 1] = dout
    return Sent([dx])
