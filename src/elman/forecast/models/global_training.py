"""Training of a global model: the choice of base and transformation by trials, then the training of the ensemble.

In a trial, a small network is trained without the last `horizon` rows of every series and scored on these rows. The
ensemble with the best base and transformation is then trained on all rows, for a fixed number of updates. The caller
passes only the rows before a backtest window, so later rows have no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from elman.estimators.ensemble import Ensemble, OnProgress, fit, fit_all, span
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child, number
from elman.forecast.evaluation.baselines import seasonal_naive
from elman.forecast.evaluation.metrics import mase_scale, measure
from elman.forecast.models.global_model import DirectModel, GlobalModel
from elman.forecast.models.networks import networks_of
from elman.forecast.models.recursive_model import DENSITIES, RecursiveModel
from elman.forecast.models.window_pool import WindowPool
from elman.forecast.models.window_spec import SMOOTHING, WindowSpec
from elman.forecast.smoothing import SmoothingModels
from elman.network import Network
from elman.series.series import Series

__all__ = ["specs", "train_global", "train_on"]


def specs(
    series: Sequence[Series], seasons: Sequence[int], boxcox_lambda: float | None, default: WindowSpec
) -> list[WindowSpec]:
    """Returns the specs for trials, which differ from `default` in base and lambda; the first suits most series.

    boxcox_lambda   None: both logarithms (0) and no transformation (1) are tried, if any series is above zero

    With exponential smoothing as its base there is one spec alone.
    """
    if default.base == SMOOTHING:
        return [default]
    above = any(each.values.min() > 0.0 for each in series)
    lambdas = (boxcox_lambda,) if boxcox_lambda is not None and above else (0.0, 1.0) if above else (1.0,)
    return [replace(default, lag=lag, boxcox_lambda=each) for each in lambdas for lag in seasons]


def train_global(
    series: Sequence[Series],
    specs: Sequence[WindowSpec],
    recipe: Recipe,
    seed: np.random.SeedSequence,
    on_progress: OnProgress | None = None,
    smoothed: SmoothingModels | None = None,
) -> DirectModel | RecursiveModel:
    """Trains a global model with the best of the specs and returns it; `smoothed` is that of `SmoothingBase`.

    Series shorter than context + horizon have no windows and do not take part in the training.
    """
    trial_updates = len(specs) * recipe.trial_updates * (len(specs) > 1)
    trial_share = trial_updates / (trial_updates + recipe.members * recipe.updates)  # of the work
    spec = _best_spec(series, specs, recipe, seed, span(on_progress, 0.0, trial_share))
    job = _model_of(spec).job(WindowPool(series, spec, smoothed), spec, recipe)
    results = fit(job, recipe.members, child(seed, Use.MEMBERS), on_progress=span(on_progress, trial_share, 1.0))
    return _model(spec, networks_of(job.layout, results), seed)


def train_on(
    series: Sequence[Series],
    spec: WindowSpec,
    networks: Sequence[Network],
    recipe: Recipe,
    seed: np.random.SeedSequence,
) -> DirectModel | RecursiveModel:
    """Trains each of these networks further on the series, and returns the model of the results."""
    pool = WindowPool(series, spec)
    jobs = [_model_of(spec).job(pool, spec, recipe, network.theta) for network in networks]
    jobs = [replace(job, layout=network.layout) for job, network in zip(jobs, networks, strict=True)]
    (results,) = fit_all([Ensemble(jobs, child(seed, Use.MEMBERS))])
    return _model(spec, networks_of(networks[0].layout, results), seed)


def _model_of(spec: WindowSpec) -> type[GlobalModel]:
    """Returns the class of the models with this spec."""
    return RecursiveModel if spec.distribution in DENSITIES else DirectModel


def _model(
    spec: WindowSpec, networks: tuple[Network, ...], seed: np.random.SeedSequence
) -> DirectModel | RecursiveModel:
    """Returns the model of trained networks; `seed` is the seed of the model."""
    if spec.distribution not in DENSITIES:
        return DirectModel(spec, networks)
    return RecursiveModel(spec, networks, tuple(number(child(seed, Use.PATHS, k)) for k in range(len(networks))))


def _best_spec(
    series: Sequence[Series],
    specs: Sequence[WindowSpec],
    recipe: Recipe,
    seed: np.random.SeedSequence,
    on_progress: OnProgress | None,
) -> WindowSpec:
    """Returns the spec whose trial has the smallest error.

    All trials use the same seed, so that they differ in their specs alone.
    """
    horizon = specs[0].horizon
    long = [each for each in series if len(each) >= specs[0].context + 2 * horizon]
    if len(specs) == 1 or not recipe.trial_updates or not long:
        return specs[0]
    known, truth = [each.head(len(each) - horizon) for each in long], [each.observed[-horizon:] for each in long]
    trial = replace(recipe, hidden_size=min(32, recipe.hidden_size), updates=recipe.trial_updates)
    jobs = [_model_of(spec).job(WindowPool(known, spec), spec, trial) for spec in specs]
    results = fit_all([Ensemble([job], child(seed, Use.TRIALS)) for job in jobs], on_progress=on_progress)
    errors = [
        _error(_model(spec, networks_of(job.layout, result), seed), known, truth)
        for spec, job, result in zip(specs, jobs, results, strict=True)
    ]
    return specs[int(np.argmin(errors))]


def _error(model: GlobalModel, known: Sequence[Series], truth: Sequence[np.ndarray]) -> float:
    """Returns the error of a model: the mean of its sMAPE and its MASE, each relative to the seasonal naive forecast.

    Both are means over the series. Neither alone suits all series: sMAPE is small for every series far from zero, and
    the denominator of MASE, from past changes, does not suit a series that leaves its earlier range.
    """
    season = model.seasons[0]
    ours = np.empty((2, len(known)))
    theirs = np.empty_like(ours)
    forecasts = model.predict({str(i): each for i, each in enumerate(known)}).values
    for i, (each, y, forecast) in enumerate(zip(known, truth, forecasts, strict=True)):
        scale = mase_scale(each.observed, season)
        naive = seasonal_naive(each.values, len(y), season)
        for scores, values in ((ours, forecast), (theirs, naive)):
            errors = measure(y, values, scale)
            scores[:, i] = errors["smape"], errors["mase"]
    ratios: list[float] = []
    for own, their in zip(ours, theirs, strict=True):
        defined = ~np.isnan(own) & ~np.isnan(their)  # MASE is not defined for a series that was constant before
        if defined.any():
            baseline = float(their[defined].mean())
            ratios.append(float(own[defined].mean()) / (baseline if baseline > 0.0 else 1.0))
    return float(np.mean(ratios))
