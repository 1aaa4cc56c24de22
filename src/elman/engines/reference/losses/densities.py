"""Minus the log density of a distribution, whose location and log scale the network gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .terms import Terms

MOST_LOG_SCALE = 20.0

__all__ = ["gaussian", "student_t"]


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
    """Returns terms and slopes of a density, from `standard`, its value and slope at z where s is 0.

    An s beyond MOST_LOG_SCALE counts as that, and what is beyond it is added to the term: so nothing overflows, and the
    gradient leads an extreme scale back.
    """
    mu, s = y_hat[..., 0::2], y_hat[..., 1::2]
    kept = np.clip(s, -MOST_LOG_SCALE, MOST_LOG_SCALE)
    inverse = np.exp(-kept)
    z = (mu - y) * inverse
    value, slope = standard(z)
    slopes = np.empty_like(y_hat)
    slopes[..., 0::2] = slope * inverse
    slopes[..., 1::2] = np.where(kept == s, 1 - slope * z, np.sign(s))
    return value + kept + np.abs(s - kept), slopes
