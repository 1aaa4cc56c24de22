"""A table of vectors: y = E[id]. Shapes: ids (B, T), E (V, F), y (B, T, F).

The row of the padding id, if there is one, gets no gradient. An id outside of the table, which only data that changed
after its check can hold, gives NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .record import Done, Given, Sent, Signal

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Maps ids (B, T) to rows of the table (B, T, F)."""
    (ids,), table = given.read, given.weights[0][0]
    known = (ids.values >= 0) & (ids.values < len(table))
    y = table[np.where(known, ids.values, 0)]
    y[~known] = np.nan
    return Done(given, Signal(y, ids.lengths), tape=known)


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy (B, T, F) back to dE (V, F): each row of the table sums the gradients of all places that used it."""
    known, ids, padding = done.tape, done.given.read[0].values, done.given.layer.padding_idx
    known = known if padding is None else known & (ids != padding)
    gradient = np.zeros_like(done.given.weights[0][0])
    np.add.at(gradient, ids[known], dout[known])
    return Sent([None], [(gradient,)])
