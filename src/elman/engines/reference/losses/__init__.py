"""Losses: the value and the derivative by y_hat of every term, side by side, one file a family.

A term stands for one output at one step (classes: one step; densities: one target; ragged losses: one row). `y_hat`
(..., O) are the network's raw values. `LOSSES` has a function for each kind of loss:

(loss, y_hat (..., O), y)                                    -> terms (..., O or targets or 1), slopes (..., O)
(loss, y_hat (B, T, O), lengths (B,), y (B, U), y_lengths)   -> terms (B,), slopes (B, T, O); of ragged losses

`value_and_derivative` multiplies the terms by their weights and divides by the normaliser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .classes import binary_cross_entropy, cross_entropy
from .ctc import ctc
from .densities import gaussian, student_t
from .pointwise import half_sse, huber, mae, mse
from .quantiles import pinball
from .terms import Terms

__all__ = ["LOSSES", "activity", "normaliser", "value_and_derivative"]

LOSSES: dict[str, Callable[..., Terms]] = {
    "half_sse": half_sse,
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "pinball": pinball,
    "gaussian": gaussian,
    "student_t": student_t,
    "ctc": ctc,
}


def normaliser(loss: Any, outputs: int, weight: np.ndarray) -> float:
    """Returns what the sum of terms is divided by: the weights of all valid steps (of all rows, for a ragged loss),
    times the terms of each; 1 for a loss that is a sum."""
    return float(weight.sum(dtype=np.float64)) * loss.terms(outputs) if loss.mean else 1.0


def value_and_derivative(
    loss: Any,
    y_hat: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    norm: float,
    lengths: np.ndarray | None = None,
    y_lengths: np.ndarray | None = None,
) -> tuple[float, np.ndarray]:
    """Returns the sum of weighted terms, divided by norm, and its gradient by y_hat (..., O).

    y is as the loss wants it, weight (...), or (B,) for a ragged loss, which also needs the lengths of y_hat's rows and
    of y's. All is computed in float64; the gradient comes back in y_hat's type. A norm of 0 (no weight at all) gives 0
    and zeros.
    """
    wide = y_hat.astype(np.float64)
    target = y.astype(np.int64 if y.dtype.kind in "iu" else np.float64, copy=False)
    if loss.kind == "custom":
        value, slope = loss.evaluate(wide, target, weight.astype(np.float64))
        return (value / norm, (slope / norm).astype(y_hat.dtype)) if norm > 0 else (0.0, np.zeros_like(y_hat))
    scale = weight.astype(np.float64) / norm if norm > 0 else np.zeros(weight.shape)
    if loss.ragged:
        terms, slopes = LOSSES[loss.kind](loss, wide, lengths, target, y_lengths)
        return float((terms * scale).sum()), (slopes * scale[:, None, None]).astype(y_hat.dtype)
    terms, slopes = LOSSES[loss.kind](loss, wide, target)
    return float((terms * scale[..., None]).sum()), (slopes * scale[..., None]).astype(y_hat.dtype)


def activity(hidden: Sequence[np.ndarray], weight: float, entries: int) -> tuple[float, list[np.ndarray | None]]:
    """Returns one shard's part of `weight` times the mean of h^2 over all recurrent units and valid steps, and the
    derivative of it by each layer's h.

    hidden   each recurrent layer's h (B, T, H), 0 past the lengths
    entries  how many numbers these are in the whole update, within the lengths
    """
    if not weight:
        return 0.0, [None] * len(hidden)
    unit = weight / entries
    value = sum(unit * float((h.astype(np.float64) ** 2).sum()) for h in hidden)
    return value, [h.dtype.type(2 * unit) * h for h in hidden]
