"""The training of a global model: which base and transformation suit the series, then the ensemble.

Both are tried on small networks: trained without the last `horizon` rows of every series, scored on these. What wins is
trained in full on all rows that are known, for a number of updates that the data does not decide, so nothing later than
the cut is ever looked at.
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
from elman.forecast.models.window_spec import WindowSpec
from elman.network import Network
from elman.series.series import Series

__all__ = ["specs", "train_global", "train_on"]


def specs(
    series: Sequence[Series], seasons: Sequence[int], boxcox_lambda: float | None, usual: WindowSpec
) -> list[WindowSpec]:
    """The specs to be tried, which differ from `usual` in base and lambda; the first is what most series want.

    boxcox_lambda   None: logarithms or none
    """
    above = any(each.values.min() > 0.0 for each in series)
    lambdas = (boxcox_lambda,) if boxcox_lambda is not None and above else (0.0, 1.0) if above else (1.0,)
    return [replace(usual, lag=lag, boxcox_lambda=each) for each in lambdas for lag in seasons]


def train_global(
    series: Sequence[Series],
    specs: Sequence[WindowSpec],
    recipe: Recipe,
    seed: np.random.SeedSequence,
    on_progress: OnProgress | None = None,
) -> DirectModel | RecursiveModel:
    """The model of N series; those shorter than context + horizon are not learned from. Of several specs the one is
    kept whose trial is best."""
    trials = len(specs) * recipe.trial_updates * (len(specs) > 1)
    tried = trials / (trials + recipe.members * recipe.updates)
    spec = _best_spec(series, specs, recipe, seed, span(on_progress, 0.0, tried))
    job = _model_of(spec).job(WindowPool(series, spec), spec, recipe)
    results = fit(job, recipe.members, child(seed, Use.MEMBERS), on_progress=span(on_progress, tried, 1.0))
    return _model(spec, networks_of(job.layout, results), seed)


def train_on(
    series: Sequence[Series],
    spec: WindowSpec,
    networks: Sequence[Network],
    recipe: Recipe,
    seed: np.random.SeedSequence,
) -> DirectModel | RecursiveModel:
    """The model whose networks go on from these, on N series."""
    pool = WindowPool(series, spec)
    jobs = [_model_of(spec).job(pool, spec, recipe, network.theta) for network in networks]
    jobs = [replace(job, layout=network.layout) for job, network in zip(jobs, networks, strict=True)]
    (results,) = fit_all([Ensemble(jobs, child(seed, Use.MEMBERS))])
    return _model(spec, networks_of(networks[0].layout, results), seed)


def _model_of(spec: WindowSpec) -> type[GlobalModel]:
    return RecursiveModel if spec.distribution in DENSITIES else DirectModel


def _model(
    spec: WindowSpec, networks: tuple[Network, ...], seed: np.random.SeedSequence
) -> DirectModel | RecursiveModel:
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
    """The spec whose small network forecasts the last rows best. All have the same seed, so that chance speaks for none
    of them."""
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
    """Mean sMAPE and mean MASE of the series, each over the seasonal naive's; half the sum. Either alone is blind:
    sMAPE to what matters in series far from zero, MASE to those that drift away from their past."""
    season = model.seasons[0]
    ours = np.empty((2, len(known)))
    theirs = np.empty_like(ours)
    forecasts = model.predict({str(i): each for i, each in enumerate(known)}).values
    for i, (each, y, forecast) in enumerate(zip(known, truth, forecasts, strict=True)):
        scale = mase_scale(each.observed, season)
        naive = seasonal_naive(each.values, len(y), season)
        for found, tried in ((ours, forecast), (theirs, naive)):
            errors = measure(y, tried, scale)
            found[:, i] = errors["smape"], errors["mase"]
    ratios: list[float] = []
    for own, their in zip(ours, theirs, strict=True):
        there = ~np.isnan(own) & ~np.isnan(their)  # no series has a MASE where all are constant but for their end
        if there.any():
            yardstick = float(their[there].mean())
            ratios.append(float(own[there].mean()) / (yardstick if yardstick > 0.0 else 1.0))
    return float(np.mean(ratios))
