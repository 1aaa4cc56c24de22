"""Attention: what each step of a sequence of queries q reads of another sequence, the memory m.

(1)  u_t = W q_t
(2)  score_ts = m_s . u_t
(3)  a_ts = exp(score_ts) / sum over the memory's valid steps r of exp(score_tr);  0 past them
(4)  context_t = sum_s a_ts m_s
(5)  y_t = [context_t, q_t]

Shapes: q (B, T, Q), m (B, S, M), y (B, T, M + Q); W (M, Q), u (B, T, M), scores and a (B, T, S).

Luong, Pham and Manning (2015), the form that they call general.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .record import Done, Given, Sent, Signal, valid

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Joins what q (B, T, Q) reads of m (B, S, M): y (B, T, M + Q)."""
    (q, m), weight = given.read, given.weights[0][0]
    real = valid(m)
    memory = np.where(real[..., None], m.values, m.values.dtype.type(0))  # anything may stand past its lengths
    u = q.values @ weight.T  # (1)
    scores = np.where(real[:, None], u @ memory.swapaxes(1, 2), -np.inf)  # (2)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))  # (3), the highest as 1: no exponential overflows
    shares /= shares.sum(axis=-1, keepdims=True)
    y = np.concatenate([shares @ memory, q.values], axis=-1)  # (4), (5)
    return Done(given, Signal(y, q.lengths), tape=(memory, u, shares))


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy (B, T, M + Q) back to dq (B, T, Q), dm (B, S, M) and dW (M, Q)."""
    q, weight = done.given.read[0].values, done.given.weights[0][0]
    memory, u, shares = done.tape
    size = memory.shape[-1]
    dcontext, dq = dout[..., :size], dout[..., size:]  # (5)
    dshares, dm = dcontext @ memory.swapaxes(1, 2), shares.swapaxes(1, 2) @ dcontext  # (4)
    dscores = shares * (dshares - (shares * dshares).sum(axis=-1, keepdims=True))  # (3)
    du, dm = dscores @ memory, dm + dscores.swapaxes(1, 2) @ u  # (2)
    rows = du.reshape(-1, size)
    return Sent([dq + du @ weight, dm], [(rows.T @ q.reshape(-1, q.shape[-1]),)])  # (1)
