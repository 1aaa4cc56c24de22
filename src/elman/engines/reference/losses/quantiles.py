"""The loss of quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from .terms import Terms

__all__ = ["pinball"]


def pinball(loss: Any, y_hat: np.ndarray, y: np.ndarray) -> Terms:
    """max(q u, (q - 1) u), u = y - y_hat, for each quantile q (Koenker and Bassett 1978); slope -q, 0 or 1 - q.

    Column jQ + k of y_hat (..., O) is quantile k of target j; y (..., O/Q).
    """
    q = np.tile(np.asarray(loss.quantiles), y.shape[-1])
    u = np.repeat(y, len(loss.quantiles), axis=-1) - y_hat
    return np.maximum(q * u, (q - 1) * u), np.where(u > 0, -q, np.where(u < 0, 1 - q, 0.0))
