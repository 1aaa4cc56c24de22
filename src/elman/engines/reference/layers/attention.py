"""Attention: what each step of a sequence of queries q reads of another sequence, the memory m.

(1)  score_ts = m_s . u_t, u_t = W q_t               "general"
     score_ts = m_s . q_t                            "dot"
     score_ts = v . tanh(u_t + k_s), u_t = W q_t + b, k_s = U m_s               "additive"
(2)  a_ts = exp(score_ts) / sum over the memory's valid steps r of exp(score_tr);  0 past them
(3)  context_t = sum_s a_ts m_s
(4)  y_t = [context_t, q_t]

Shapes: q (B, T, Q), m (B, S, M), y (B, T, M + Q); W (M, Q), or of N hidden units W (N, Q), U (N, M), b (N,), v (1, N);
u (B, T, M or N), k (B, S, N), scores and a (B, T, S).

Luong, Pham and Manning (2015) call the first two forms so; the third is Bahdanau, Cho and Bengio's (2015). Each is
a pair of functions: the scores and what their way back needs; then, from dscores (B, T, S), dq, dm and the gradients of
the form's parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .record import Done, Given, Sent, Signal, valid

__all__ = ["backward", "forward"]

Arrays = tuple[np.ndarray, ...]


def forward(given: Given) -> Done:
    """Joins what q (B, T, Q) reads of m (B, S, M): y (B, T, M + Q)."""
    q, m = given.read
    real = valid(m)
    memory = np.where(real[..., None], m.values, m.values.dtype.type(0))  # anything may stand past its lengths
    scores, tape = SCORES[given.layer.score][0](q.values, memory, *_weights(given))  # (1)
    scores = np.where(real[:, None], scores, -np.inf)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))  # (2), the highest as 1: no exponential overflows
    shares /= shares.sum(axis=-1, keepdims=True)
    y = np.concatenate([shares @ memory, q.values], axis=-1)  # (3), (4)
    return Done(given, Signal(y, q.lengths), tape=(memory, tape, shares))


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy (B, T, M + Q) back to dq (B, T, Q), dm (B, S, M) and the gradients of the score's parameters."""
    given, (memory, tape, shares) = done.given, done.tape
    size = memory.shape[-1]
    dcontext, direct = dout[..., :size], dout[..., size:]  # (4)
    dshares, dm = dcontext @ memory.swapaxes(1, 2), shares.swapaxes(1, 2) @ dcontext  # (3)
    dscores = shares * (dshares - (shares * dshares).sum(axis=-1, keepdims=True))  # (2)
    back = SCORES[given.layer.score][1]
    dq, more, gradients = back(dscores, given.read[0].values, memory, tape, *_weights(given))  # (1)
    return Sent([direct + dq, dm + more], [gradients] if gradients else [])


def _weights(given: Given) -> Arrays:
    return tuple(given.weights[0]) if given.weights else ()


def _rows(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, array.shape[-1])


def general(q: np.ndarray, m: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, Arrays]:
    u = q @ W.T
    return u @ m.swapaxes(1, 2), (u,)


def general_back(
    dscores: np.ndarray, q: np.ndarray, m: np.ndarray, tape: Arrays, W: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Arrays]:
    (u,) = tape
    du, dm = dscores @ m, dscores.swapaxes(1, 2) @ u
    return du @ W, dm, (_rows(du).T @ _rows(q),)


def dot(q: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, Arrays]:
    return q @ m.swapaxes(1, 2), ()


def dot_back(dscores: np.ndarray, q: np.ndarray, m: np.ndarray, tape: Arrays) -> tuple[np.ndarray, np.ndarray, Arrays]:
    return dscores @ m, dscores.swapaxes(1, 2) @ q, ()


def additive(
    q: np.ndarray, m: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, Arrays]:
    u, k = q @ W.T + b, m @ U.T
    h = np.tanh(u[:, :, None] + k[:, None])  # (B, T, S, N)
    return h @ v[0], (h,)


def additive_back(
    dscores: np.ndarray,
    q: np.ndarray,
    m: np.ndarray,
    tape: Arrays,
    W: np.ndarray,
    U: np.ndarray,
    b: np.ndarray,
    v: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, Arrays]:
    (h,) = tape
    da = dscores[..., None] * v[0] * (1 - h * h)
    du, dk = da.sum(axis=2), da.sum(axis=1)
    dW, dU, db = _rows(du).T @ _rows(q), _rows(dk).T @ _rows(m), _rows(du).sum(axis=0)
    dv = dscores.reshape(1, -1) @ _rows(h)
    return du @ W, dk @ U, (dW, dU, db, dv)


SCORES = {"general": (general, general_back), "dot": (dot, dot_back), "additive": (additive, additive_back)}
