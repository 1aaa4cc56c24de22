"""Exponential smoothing of many series at once: forecasts, likelihood and its gradient."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.core.smoothing import Smoothing
from elman.engines.reference import smoothing as reference

__all__ = ["Likelihood", "Smoothed", "likelihood", "smooth", "value"]

Smoothed = reference.Smoothed


class Likelihood(NamedTuple):
    """Concentrated negative log-likelihoods of n series, without the constants, and their derivatives."""

    value: np.ndarray  # (n,): infinity where a form for positive values has a one-step forecast that is not
    parameters: np.ndarray  # (n, 4): by alpha, beta, gamma, phi
    initial: np.ndarray  # (n, 2 + m): by the states before the first row


def smooth(
    form: Smoothing, y: np.ndarray, lengths: np.ndarray, parameters: np.ndarray, initial: np.ndarray
) -> Smoothed:
    """Returns the one-step forecasts of n series, their states at the end, and the terms of their likelihood; the
    arguments are those of `reference.smoothing.forward`."""
    return reference.forward(form, y, lengths, parameters, initial)


def value(
    form: Smoothing,
    y: np.ndarray,
    lengths: np.ndarray,
    parameters: np.ndarray,
    initial: np.ndarray,
    floor: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the values (n,) of `likelihood` alone, and the sums of squared errors (n,)."""
    smoothed = smooth(form, y, lengths, parameters, initial)
    return _value(form, smoothed.known, smoothed.squares + floor, smoothed.logs, smoothed.lowest), smoothed.squares


def likelihood(
    form: Smoothing,
    y: np.ndarray,
    lengths: np.ndarray,
    parameters: np.ndarray,
    initial: np.ndarray,
    floor: np.ndarray,
) -> Likelihood:
    """Returns the concentrated negative log-likelihoods n/2 log(squares + floor) + logs of n series with their
    derivatives. The floors (n,), above 0, keep them finite where a form fits a series exactly."""
    smoothed = reference.forward(form, y, lengths, parameters, initial)
    squares = smoothed.squares + floor
    with np.errstate(all="ignore"):
        weight = smoothed.known / squares
        gradient = reference.backward(form, y, lengths, parameters, smoothed, weight)
    return Likelihood(_value(form, smoothed.known, squares, smoothed.logs, smoothed.lowest), *gradient)


def _value(form: Smoothing, known: np.ndarray, squares: np.ndarray, logs: np.ndarray, lowest: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        value = 0.5 * known * np.log(squares) + logs
    allowed = np.isfinite(value) & ((lowest > 0.0) | (form.error == "additive"))
    return np.where(allowed, value, np.inf)
