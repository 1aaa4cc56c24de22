"""The adaptive softmax (Grave et al. 2017): log probabilities of many classes, the rare ones in clusters.

(1)  u = log softmax(W x + b)                  of the S frequent classes, and of each of the K clusters
(2)  v_k = log softmax(Q_k P_k x)              of the classes within cluster k
(3)  y = [u_1, ..., u_S, u_{S+1} + v_1, ..., u_{S+K} + v_K]

Shapes: x (..., F), y (..., C); W (S + K, F), b (S + K,); P_k (F_k, F), Q_k (C_k, F_k).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .record import Done, Given, Sent, Signal

__all__ = ["backward", "forward"]


def forward(given: Given) -> Done:
    """Maps x (..., F) to log probabilities y (..., C)."""
    weight, bias, *tails = given.weights[0]
    (x,) = given.read
    u = _log_softmax(x.values @ weight.T + bias)  # (1)
    shortlist = given.layer.cutoffs[0]
    parts, vs = [u[..., :shortlist]], []
    for k, (inner, outer) in enumerate(zip(tails[::2], tails[1::2], strict=True)):
        vs.append(_log_softmax(x.values @ inner.T @ outer.T))  # (2)
        parts.append(u[..., shortlist + k, None] + vs[-1])  # (3)
    return Done(given, Signal(np.concatenate(parts, axis=-1), x.lengths), tape=(u, vs))


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy (..., C) back to dx (..., F) and (dW, db, dP_1, dQ_1, ...)."""
    weight, _, *tails = done.given.weights[0]
    x, (u, vs) = done.given.read[0].values, done.tape
    rows = x.reshape(-1, x.shape[-1])
    cutoffs = done.given.layer.cutoffs
    dys = np.split(dout, cutoffs, axis=-1)
    du = np.concatenate([dys[0], *(dy.sum(axis=-1, keepdims=True) for dy in dys[1:])], axis=-1)  # (3)
    da = _log_softmax_back(u, du)  # (1)
    dx = da @ weight
    gradients = [da.reshape(-1, da.shape[-1]).T @ rows, da.reshape(-1, da.shape[-1]).sum(axis=0)]
    for dy, v, inner, outer in zip(dys[1:], vs, tails[::2], tails[1::2], strict=True):
        dv = _log_softmax_back(v, dy)  # (2)
        dq = dv @ outer
        dx = dx + dq @ inner
        flat = dq.reshape(-1, dq.shape[-1])
        gradients += [flat.T @ rows, dv.reshape(-1, dv.shape[-1]).T @ (rows @ inner.T)]
    return Sent([dx], [tuple(gradients)])


def _log_softmax(a: np.ndarray) -> np.ndarray:
    shifted = a - a.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _log_softmax_back(log_p: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Returns the gradient by a from that by log softmax(a)."""
    return d - np.exp(log_p) * d.sum(axis=-1, keepdims=True)
