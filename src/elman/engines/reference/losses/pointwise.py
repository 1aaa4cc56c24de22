"""Losses of each output alone; e = y_hat - y."""

from __future__ import annotations

from typing import Any

import numpy as np

from .terms import Terms

__all__ = ["half_sse", "huber", "mae", "mse"]


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
