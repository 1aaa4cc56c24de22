"""A linear path from another source, as a rule the network's input: z = y + W x.

Shapes: y, z (..., O), x (B, T, D), W (O, D).

Where y is one vector a row and x is not, x counts at each row's last valid step alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .record import Done, Given, Sent, Signal, last_steps

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Adds W x to y; the tape is what W was multiplied with."""
    (y, x), weight = given.read, given.weights[0][0]
    read = last_steps(x) if y.lengths is None and x.lengths is not None else x.values
    return Done(given, Signal(y.values + read @ weight.T, y.lengths), tape=read)


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dz back to dy, dx and dW."""
    y, x = done.given.read
    weight, read = done.given.weights[0][0], done.tape
    dweight = dout.reshape(-1, dout.shape[-1]).T @ read.reshape(-1, read.shape[-1])
    dx = dout @ weight
    if y.lengths is None and x.lengths is not None:
        last, dx = dx, np.zeros_like(x.values)
        dx[np.arange(len(dx)), x.lengths - 1] = last
    return Sent([dout, dx], [(dweight,)])
