"""A dense layer at every step, or on one row a sequence: y = act(W x + b).

Shapes: x (..., F), y (..., O); W (O, F), b (O,). The derivative of every activation is written in terms of y.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..activations import activation, derivative
from .record import Done, Given, Sent, Signal

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Maps x (..., F) to y (..., O)."""
    weight, bias = given.weights[0]
    (x,) = given.read
    a = x.values @ weight.T + bias
    y = activation(given.layer.activation, a)
    return Done(given, Signal(y, x.lengths))


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy (..., O) back to dx (..., F) and (dW, db)."""
    weight, x, y = done.given.weights[0][0], done.given.read[0].values, done.out.values
    da = derivative(done.given.layer.activation, dout, y)
    rows = da.reshape(-1, da.shape[-1])
    return Sent([da @ weight], [(rows.T @ x.reshape(-1, x.shape[-1]), rows.sum(axis=0))])
