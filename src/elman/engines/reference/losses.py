"""Losses: the value and the derivative by y_hat of every term, side by side.

A term stands for one output at one step (cross entropy: one step; densities: one target). `y_hat` (..., O) are the
head's raw values, and e = y_hat - y.
`value_and_derivative` multiplies each step's terms by its weight and divides by the normaliser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .sigmoid import sigmoid

__all__ = ["LOSSES", "normaliser", "value_and_derivative"]

Terms = tuple[np.ndarray, np.ndarray]
MOST_LOG_SCALE = 20.0


def normaliser(loss: Any, outputs: int, weight: np.ndarray) -> float:
    """What the sum of terms is divided by: the weights of all valid steps, times the terms of each."""
    if loss.kind == "half_sse":
        return 1.0
    total = float(weight.sum(dtype=np.float64))
    if loss.kind == "custom":
        return total if loss.mean else 1.0
    if loss.kind == "cross_entropy":
        return total
    return total * (outputs // 2 if loss.kind in ("gaussian", "student_t") else outputs)


def value_and_derivative(
    loss: Any, y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray, norm: float
) -> tuple[float, np.ndarray]:
    """y_hat (..., O), y as the loss wants it, weight (...) -> sum of weighted terms / norm, its gradient (..., O).

    Computed in float64; the gradient comes back in y_hat's type. A norm of 0 (no weight at all) gives 0 and zeros.
    """
    wide = y_hat.astype(np.float64)
    target = y if y.dtype.kind == "i" else y.astype(np.float64)
    if loss.kind == "custom":
        value, slope = loss.evaluate(wide, target, weight.astype(np.float64))
        return (value / norm, (slope / norm).astype(y_hat.dtype)) if norm > 0 else (0.0, np.zeros_like(y_hat))
    terms, slopes = LOSSES[loss.kind](loss, wide, target)
    scale = weight.astype(np.float64) / norm if norm > 0 else np.zeros(weight.shape)
    return float((terms * scale[..., None]).sum()), (slopes * scale[..., None]).astype(y_hat.dtype)


def half_sse(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """e^2 / 2; slope e."""
    e = y_hat - y
    return 0.5 * e * e, e


def mse(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """e^2; slope 2 e."""
    e = y_hat - y
    return e * e, 2 * e


def mae(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """|e|; slope sign(e), 0 at 0."""
    e = y_hat - y
    return np.abs(e), np.sign(e)


def huber(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """e^2 / 2 for |e| <= delta, beyond it delta (|e| - delta / 2); slope e, beyond it delta sign(e) (Huber 1964)."""
    e, delta = y_hat - y, loss.delta
    near = np.abs(e) <= delta
    return np.where(near, 0.5 * e * e, delta * (np.abs(e) - 0.5 * delta)), np.where(near, e, delta * np.sign(e))


def cross_entropy(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """-log softmax(y_hat)[class], y (...) integers; slope softmax(y_hat) - onehot(class). NaN for no class of y_hat's,
    which only data that changed after its check can hold."""
    shifted = y_hat - y_hat.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    known = (y >= 0) & (y < y_hat.shape[-1])
    classes = np.where(known, y, 0)[..., None]
    slopes, terms = np.exp(log_p), -np.take_along_axis(log_p, classes, -1)
    np.put_along_axis(slopes, classes, np.take_along_axis(slopes, classes, -1) - 1, -1)
    terms[~known] = slopes[~known] = np.nan
    return terms, slopes


def binary_cross_entropy(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """log(1 + exp(y_hat)) - y y_hat, y in [0, 1]; slope sigma(y_hat) - y."""
    return np.maximum(y_hat, 0) + np.log1p(np.exp(-np.abs(y_hat))) - y * y_hat, sigmoid(y_hat) - y


def pinball(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """max(q u, (q - 1) u), u = y - y_hat, for each quantile q (Koenker and Bassett 1978); slope -q, 0 or 1 - q.

    Column jQ + k of y_hat (..., O) is quantile k of target j; y (..., O/Q).
    """
    q = np.tile(np.asarray(loss.quantiles), y.shape[-1])
    u = np.repeat(y, len(loss.quantiles), axis=-1) - y_hat
    return np.maximum(q * u, (q - 1) * u), np.where(u > 0, -q, np.where(u < 0, 1 - q, 0.0))


def gaussian(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """log(2 pi)/2 + s + z^2/2, z = (mu - y) exp(-s); slopes z exp(-s) by mu, 1 - z^2 by s.

    Columns 2j and 2j + 1 of y_hat (..., O) are mu and s of target j; y (..., O/2).
    """
    return _density(y_hat, y, lambda z: (loss.at_zero + 0.5 * z * z, z))


def student_t(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """c + s + (df + 1)/2 log(1 + z^2/df), z and columns as above; slopes g exp(-s) by mu, 1 - g z by s.

    c = log Gamma(df/2) - log Gamma((df + 1)/2) + log(pi df)/2, g = (df + 1) z/(df + z^2).
    """
    df = loss.df
    return _density(
        y_hat,
        y,
        lambda z: (loss.at_zero + 0.5 * (df + 1) * np.log1p(z * z / df), (df + 1) * z / (df + z * z)),
    )


def _density(y_hat: np.ndarray, y: np.ndarray, standard: Callable[[np.ndarray], Terms]) -> Terms:
    """From value and slope at z where s is 0. Beyond MOST_LOG_SCALE s counts as that, and what is beyond it is added:
    so nothing overflows, and a scale that has gone astray is led back."""
    mu, s = y_hat[..., 0::2], y_hat[..., 1::2]
    kept = np.clip(s, -MOST_LOG_SCALE, MOST_LOG_SCALE)
    inverse = np.exp(-kept)
    z = (mu - y) * inverse
    value, slope = standard(z)
    slopes = np.empty_like(y_hat)
    slopes[..., 0::2] = slope * inverse
    slopes[..., 1::2] = np.where(kept == s, 1 - slope * z, np.sign(s))
    return value + kept + np.abs(s - kept), slopes


LOSSES: dict[str, Callable[[Any, np.ndarray, np.ndarray], Terms]] = {
    "half_sse": half_sse,
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "pinball": pinball,
    "gaussian": gaussian,
    "student_t": student_t,
}


def activity(hidden: Sequence[np.ndarray], weight: float, steps: int) -> tuple[float, list[np.ndarray | None]]:
    """`weight` times the mean of h^2 over all recurrent layers' units and valid steps: one shard's part of it, and its
    derivative at each layer's h. hidden: each layer's h (B, T, H); steps: valid ones of the whole update."""
    if not weight:
        return 0.0, [None] * len(hidden)
    unit = weight / (steps * sum(h.shape[2] for h in hidden))
    value = sum(unit * float((h.astype(np.float64) ** 2).sum()) for h in hidden)
    return value, [h.dtype.type(2 * unit) * h for h in hidden]
