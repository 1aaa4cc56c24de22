"""One vector for each sequence, made of all of its valid steps: (B, T, F) -> (B, F).

mean       y = (1 / n) sum_t x_t,  n valid steps
max        y_j = max_t x_tj;  its gradient goes to the first t that has it
attention  score_t = v . x_t;  a_t = exp(score_t) / sum_s exp(score_s);  y = sum_t a_t x_t

Shapes: x (B, T, F), y (B, F); v (F,), scores and a (B, T). The mean is the case a_t = 1 / n.
Felbo, Mislove, Sogaard, Rahwan and Lehmann (2017), whose attention has one parameter for each feature.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .record import Done, Given, Sent, Signal, valid

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Pools x (B, T, F) to y (B, F); the tape is the step of each maximum (B, F), or what each step counts (B, T)."""
    (signal,), how = given.read, given.layer.how
    assert signal.lengths is not None
    real, dtype = valid(signal), signal.values.dtype
    if how == "max":
        x = np.where(real[..., None], signal.values, dtype.type(-np.inf))
        first = x.argmax(axis=1)
        return Done(given, Signal(np.take_along_axis(x, first[:, None], axis=1)[:, 0], None), tape=first)
    x = np.where(real[..., None], signal.values, dtype.type(0))  # anything may stand past the lengths
    if how == "mean":
        shares = real / signal.lengths[:, None].astype(dtype)
    else:
        scores = np.where(real, x @ given.weights[0][0], -np.inf)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))  # the highest as 1: no exponential overflows
        shares /= shares.sum(axis=1, keepdims=True)
    return Done(given, Signal((shares[:, None] @ x)[:, 0], None), tape=(x, shares))


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy (B, F) back to dx (B, T, F), and to dv (F,)."""
    (signal,), how = done.given.read, done.given.layer.how
    if how == "max":
        dx = np.zeros_like(signal.values)
        np.put_along_axis(dx, done.tape[:, None], dout[:, None], axis=1)
        return Sent([dx])
    x, shares = done.tape
    dx = shares[..., None] * dout[:, None]
    if how == "mean":
        return Sent([dx])
    dshares = (x @ dout[..., None])[..., 0]
    dscores = shares * (dshares - (shares * dshares).sum(axis=1, keepdims=True))
    weight = done.given.weights[0][0]
    return Sent([dx + dscores[..., None] * weight], [(np.einsum("bt,btf->f", dscores, x),)])
