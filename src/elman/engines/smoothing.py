"""Exponential smoothing of many series at once: forecasts, likelihood and its gradient, by the compiled core or the
reference."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from elman.core.smoothing import Smoothing
from elman.engines.reference import smoothing as reference
from elman.engines.select import compiled

__all__ = ["Likelihood", "Smoothed", "likelihood", "smooth"]


class Smoothed(NamedTuple):
    """The one-step forecasts (n, T) of n series, NaN past their lengths, and the states (n, 2 + m) after their last
    rows, the season of the next row first."""

    fitted: np.ndarray
    state: np.ndarray


class Likelihood(NamedTuple):
    """Concentrated negative log-likelihoods of n series, without the constants, and their derivatives."""

    value: np.ndarray  # (n,): infinity where a form for positive values has a one-step forecast that is not
    squares: np.ndarray  # (n,): sums of squared errors, relative ones where the error is multiplicative
    parameters: np.ndarray  # (n, 4): derivatives by alpha, beta, gamma, phi
    initial: np.ndarray  # (n, 2 + m): derivatives by the states before the first row


def smooth(
    form: Smoothing, y: np.ndarray, lengths: np.ndarray, parameters: np.ndarray, initial: np.ndarray
) -> Smoothed:
    """Returns the one-step forecasts of n series and their states at the end.

    y           (n, T) float64, NaN where a value is missing; of series i the first lengths[i] rows count
    parameters  (n, 4): alpha, beta, gamma, phi; beta 0 without a trend, gamma 0 without a season, phi 1 undamped
    initial     (n, 2 + m): level, trend and seasons before the first row, the season of row 0 first; m = 0 without
    """
    if compiled() is None:
        found = reference.forward(form, y, lengths, parameters, initial)
        return Smoothed(found.fitted, found.state)
    fitted, state = np.full(y.shape, np.nan), np.empty(initial.shape)
    _native(form, y, lengths, parameters, initial, np.ones(len(y)), fitted=fitted, state=state)
    return Smoothed(fitted, state)


def likelihood(
    form: Smoothing,
    y: np.ndarray,
    lengths: np.ndarray,
    parameters: np.ndarray,
    initial: np.ndarray,
    floor: np.ndarray,
    gradient: bool = True,
) -> Likelihood:
    """Returns the concentrated negative log-likelihoods known / 2 log(squares + floor) + logs of n series with their
    derivatives; these are empty without `gradient`. The floors (n,), above 0, keep them finite where a form fits a
    series exactly. The other arguments are those of `smooth`."""
    none = np.empty((0, 4)), np.empty((0, initial.shape[1]))
    if compiled() is None:
        found = reference.forward(form, y, lengths, parameters, initial)
        value = _value(form, found.known, found.squares, floor, found.logs, found.lowest)
        if not gradient:
            return Likelihood(value, found.squares, *none)
        with np.errstate(all="ignore"):
            weight = found.known / (found.squares + floor)
            derivatives = reference.backward(form, y, lengths, parameters, found, weight)
        return Likelihood(value, found.squares, *derivatives)
    derivatives = (np.empty((len(y), 4)), np.empty(initial.shape)) if gradient else none
    wanted = dict(zip(("dparameters", "dinitial"), derivatives, strict=True)) if gradient else {}
    squares, mantissa, power, lowest, known = _native(form, y, lengths, parameters, initial, floor, **wanted).T
    value = _value(form, known, squares, floor, np.log(mantissa) + power * np.log(2.0), lowest)
    return Likelihood(value, squares, *derivatives)


def _native(
    form: Smoothing,
    y: np.ndarray,
    lengths: np.ndarray,
    parameters: np.ndarray,
    initial: np.ndarray,
    floor: np.ndarray,
    **wanted: np.ndarray,
) -> np.ndarray:
    """Fills the arrays that are wanted; returns the terms of the likelihoods, (n, 5)."""
    from elman import _native as core  # type: ignore[attr-defined]

    terms = np.empty((len(y), 5))
    results: dict[str, Any] = dict.fromkeys(("dparameters", "dinitial", "fitted", "state")) | wanted
    core.smooth(
        relative=form.error == "multiplicative",
        season=getattr(core.SeasonKind, form.season or "none"),
        y=np.ascontiguousarray(y),
        lengths=np.ascontiguousarray(lengths),
        parameters=np.ascontiguousarray(parameters),
        initial=np.ascontiguousarray(initial),
        floor=np.ascontiguousarray(floor),
        terms=terms,
        **results,
    )
    return terms


def _value(
    form: Smoothing, known: np.ndarray, squares: np.ndarray, floor: np.ndarray, logs: np.ndarray, lowest: np.ndarray
) -> np.ndarray:
    with np.errstate(all="ignore"):
        value = 0.5 * known * np.log(squares + floor) + (logs if form.error == "multiplicative" else 0.0)
    allowed = np.isfinite(value) & ((lowest > 0.0) | (form.error == "additive"))
    return np.where(allowed, value, np.inf)
