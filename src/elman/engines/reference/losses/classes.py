"""Losses of classes: softmax over the outputs, or one logit an output."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..sigmoid import sigmoid
from .terms import Terms

__all__ = ["binary_cross_entropy", "cross_entropy"]


def cross_entropy(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """-sum_k t_k log softmax(y_hat)_k, y (...) integers; slope softmax(y_hat) - t. t is e/O + (1 - e) onehot(class),
    e the label smoothing. NaN for no class of y_hat's, which only data that changed after its check can hold."""
    shifted = y_hat - y_hat.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    known = (y >= 0) & (y < y_hat.shape[-1])
    classes, smoothing = np.where(known, y, 0)[..., None], loss.label_smoothing
    rest = smoothing / y_hat.shape[-1]
    terms = -(1 - smoothing) * np.take_along_axis(log_p, classes, -1)
    if smoothing:
        terms -= rest * log_p.sum(axis=-1, keepdims=True)
    slopes = np.exp(log_p) - rest
    np.put_along_axis(slopes, classes, np.take_along_axis(slopes, classes, -1) - (1 - smoothing), -1)
    terms[~known] = slopes[~known] = np.nan
    return terms, slopes


def binary_cross_entropy(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """log(1 + exp(y_hat)) - y y_hat, y in [0, 1]; slope sigma(y_hat) - y."""
    return np.maximum(y_hat, 0) + np.log1p(np.exp(-np.abs(y_hat))) - y * y_hat, sigmoid(y_hat) - y
