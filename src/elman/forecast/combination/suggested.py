"""Which members of a combination have a say, by the windows of a backtest, and the weights that these suggest."""

from __future__ import annotations

import numpy as np

from elman.forecast.combination.members import LINEAR, NAIVE, PRIOR, SEASONAL
from elman.forecast.combination.model import far
from elman.forecast.combination.weights import Weights, learned_weights
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.baselines import YEAR_AGO

__all__ = ["suggested_weights", "without_members"]

FAR_OFF = 1.5  # times the error of the best member, beyond which a member has no say in a far forecast
FAR_PRIOR = {LINEAR: 3.0}  # times the weight before any window: of far forecasts, a linear model is hard to beat


def suggested_weights(backtest: Backtest | None, names: tuple[str, ...], horizon: int) -> Weights:
    """Returns the weights of members by the windows of a backtest; None: those before any window."""
    if backtest is not None and np.array_equal(backtest.forecasts[NAIVE], backtest.forecasts[SEASONAL]):
        names = tuple(name for name in names if name != SEASONAL) or names  # no season: they are the same
    if backtest is not None and _no_year_seen(backtest):
        names = tuple(name for name in names if name != YEAR_AGO) or names  # it is the seasonal naive forecast
    times = FAR_PRIOR if far(horizon) else {}
    if times and backtest is not None:
        names = _near(backtest, names)
    prior = np.array([PRIOR[name] * times.get(name, 1.0) for name in names])
    prior = prior / prior.sum()
    if backtest is None:
        return learned_weights(names, prior, (), np.zeros((0, horizon)), np.zeros((0, len(names), horizon)))
    forecasts = np.stack([backtest.forecasts[name] for name in names], axis=1)
    return learned_weights(names, prior, backtest.ids, backtest.truth, forecasts)


def without_members(weights: Weights, missing: set[str]) -> Weights:
    """Returns the weights without some members: their share goes to the others. Groups and series whose members they
    are have no weights of their own then."""
    keep = np.array([name not in missing for name in weights.members])
    if keep.all():
        return weights
    groups, own = ((each[:, ~keep] == 0.0).all(axis=1) for each in (weights.groups, weights.own))
    prior = weights.prior[keep]
    return Weights(
        tuple(name for name in weights.members if name not in missing),
        weights.groups[groups][:, keep],
        weights.shared[groups][:, keep],
        tuple(id for id, kept in zip(weights.ids, own, strict=True) if kept),
        weights.own[own][:, keep],
        prior / prior.sum() if prior.sum() > 0.0 else np.full(len(prior), 1.0 / max(len(prior), 1)),
    )


def _no_year_seen(backtest: Backtest) -> bool:
    """Returns whether the forecast of a year ago is the seasonal naive one in all windows, none of which saw a year."""
    found = backtest.forecasts
    return YEAR_AGO in found and np.array_equal(found[YEAR_AGO], found[SEASONAL], equal_nan=True)


def _near(backtest: Backtest, names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the members whose errors in the windows of one series are at most `FAR_OFF` times the least. Those of
    several series, which have units of their own, are kept."""
    if len({*backtest.ids}) > 1:
        return names
    size: dict[str, float] = {}
    for name in names:
        errors = np.abs(backtest.forecasts[name] - backtest.truth)
        known = errors[np.isfinite(errors)]
        size[name] = float(known.mean()) if len(known) else np.inf
    least = min(size.values())
    return tuple(name for name in names if size[name] <= FAR_OFF * least)
