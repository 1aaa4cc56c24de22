"""`LocalModel`: an ensemble of networks that is trained on one series.

For each `Configuration` (base and Box-Cox lambda) the first members of an ensemble are trained on the training rows.
The one with the smallest mean absolute error on the validation rows gets the other members too. Its output is
multiplied by the factor in [0, 1] that has the smallest squared error on the validation rows (shrinkage towards the
base).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core import checks, fields
from elman.core.layers import Layout
from elman.estimators.ensemble import Ensemble, OnProgress, fit_all, span
from elman.estimators.recipe import Recipe
from elman.estimators.training import Job, layout_of
from elman.forecast import boxcox
from elman.forecast.evaluation.backtest import NETWORK
from elman.forecast.models.local_windows import (
    FEATURES,
    Configuration,
    ValidatedWindows,
    configurations,
    context_rows,
    min_context,
    series_covariates,
    steps_and_lags,
    windows,
)
from elman.forecast.models.networks import check_networks, networks_of
from elman.forecast.models.prediction import Prediction
from elman.network import Network
from elman.series.errors import DataError
from elman.series.inputs import NO_INPUTS, Inputs
from elman.series.series import Series

__all__ = ["LocalModel", "Split", "train_local"]

TRIED = 2  # members by which the configurations are compared


@dataclass(frozen=True, eq=False)
class LocalModel:
    """A local model: an ensemble trained on one series.

    configuration  base and Box-Cox lambda, chosen on the validation rows
    context        number of rows that are read, c
    season         number of rows in a season; 1: no season
    horizon        number of rows that are forecast, h
    shrink         factor in [0, 1] on the mean output of the networks
    lags           number of rows that a step of the network reads
    networks       the ensemble; each network maps (steps, features) to (h,)
    inputs         covariates that the networks read
    """

    configuration: Configuration
    context: int
    season: int
    horizon: int
    shrink: float
    lags: int
    networks: tuple[Network, ...]
    inputs: Inputs = NO_INPUTS

    def validate(self) -> None:
        """Raises ValueError or TypeError for a model that `train_local` does not make."""
        for name in ("context", "season", "horizon", "lags"):
            checks.whole(name, getattr(self, name), 1, fields.LARGEST_COUNT)
        base, boxcox_lambda = self.configuration
        checks.choice("configuration.base", base, ("last", "season"))
        checks.number("configuration.boxcox_lambda", boxcox_lambda, 0.0, 1.0)
        checks.number("shrink", self.shrink, 0.0, 1.0)
        lags = steps_and_lags(self.context, base, self.season, self.lags)[1]
        seasonal = base == "season"
        if self.context < min_context(self.season) or lags != self.lags or (seasonal and self.season == 1):
            raise ValueError("context: expected context, season and lags that fit one another, got others")
        covariates = self.inputs.features(self.lags, self.horizon, False) if self.inputs else 0
        check_networks(self.networks, FEATURES * self.lags + covariates, self.horizon)

    @property
    def name(self) -> str:
        """Returns the name of its forecasts in a backtest."""
        return NETWORK

    @property
    def spec(self) -> None:
        """Returns None: a local model has no `WindowSpec`, and is never trained further."""
        return None

    @property
    def seasons(self) -> tuple[int, ...]:
        """Returns the season as a tuple of one."""
        return (self.season,)

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """Returns the forecasts of series of at least `context` rows each (see `prediction.Model`)."""
        horizon = self.horizon if horizon is None else horizon
        return Prediction(np.array([self._rows(series, horizon) for series in panel.values()]), None)

    def _rows(self, series: Series, horizon: int) -> np.ndarray:
        """Returns the forecasts of the `horizon` rows after a series."""
        forecast = self._predict_once(series, min(horizon, self.horizon))
        while len(forecast) < horizon:
            rest = min(horizon - len(forecast), self.horizon)
            forecast = np.concatenate([forecast, self._predict_once(series.with_forecasts(forecast), rest)])
        return forecast

    def _predict_once(self, series: Series, rows: int) -> np.ndarray:
        """Returns the forecasts of the `rows` rows after a series, at most the horizon of the model."""
        base, boxcox_lambda = self.configuration
        z = boxcox.transform(series.values, boxcox_lambda)
        covariates = series_covariates(self.inputs, series, rows, self.horizon)
        x, bases, scale = windows(
            z, np.array([len(z)]), base, self.context, self.season, self.horizon, self.lags, covariates
        )
        output = np.mean([network.predict(x) for network in self.networks], axis=0, dtype=np.float64)
        forecast = boxcox.inverse(bases + self.shrink * scale * output, boxcox_lambda)[0, :rows]
        # a series that is never negative (counts, sales, prices) has no negative forecasts
        return np.maximum(forecast, 0.0) if series.values.min() >= 0.0 else forecast

    def check_history(self, series: Series) -> None:
        """Raises `DataError` for a series from which the model cannot forecast."""
        values = series.values
        if len(values) < self.context:
            raise DataError(f"history: expected at least {self.context} rows to forecast from, got {len(values)}")
        if self.configuration.boxcox_lambda != 1.0 and values.min() <= 0.0:
            raise DataError(
                f"history: expected values above 0, as in the series that was fitted, got {values.min():g}"
                f" at index {values.argmin()}"
            )


class Split(NamedTuple):
    """What a local model is trained on: the rows of a series, divided into training and validation rows."""

    series: Series  # training and validation rows
    train: int  # number of training rows
    season: int  # number of rows in a season; 1: no season
    seed: np.random.SeedSequence  # seed of the ensemble


def train_local(
    splits: Sequence[Split],
    horizon: int,
    context: int | None,
    recipe: Recipe,
    lags: int,
    boxcox_lambda: float | None = None,
    calendar: tuple[str, ...] = (),
    on_progress: OnProgress | None = None,
) -> list[LocalModel]:
    """Trains a model for each split in parallel and returns the models; each depends on its own split alone.

    horizon         number of rows to forecast
    context         number of rows that are read; None: chosen for each split
    recipe          hyperparameters of the networks
    lags            number of rows that a step of the network reads
    boxcox_lambda   lambda of the Box-Cox transformation; None: chosen on the validation rows
    calendar        names of calendar features that the networks read
    on_progress     see `ensemble.fit_all`
    """
    candidates = [
        [
            _Candidate.of(split, configuration, horizon, context, recipe, lags, calendar)
            for configuration in configurations(split.series.values, split.season, boxcox_lambda)
        ]
        for split in splits
    ]
    tried = min(TRIED, recipe.members) if any(len(group) > 1 for group in candidates) else recipe.members
    share = 0.6 if tried < recipe.members else 1.0  # of the work
    begun = _trained([each for group in candidates for each in group], range(tried), span(on_progress, 0.0, share))
    results = iter(begun)
    chosen: list[tuple[_Candidate, tuple[Network, ...]]] = []
    for group in candidates:
        pairs = [(each, next(results)) for each in group]
        chosen.append(min(pairs, key=lambda pair: pair[0].validated(pair[1])[0]))
    more: list[tuple[Network, ...]] = [()] * len(chosen)
    if tried < recipe.members:
        rest = range(tried, recipe.members)
        more = _trained([each for each, _ in chosen], rest, span(on_progress, share, 1.0))
    return [each.validated(first + later)[1] for (each, first), later in zip(chosen, more, strict=True)]


def _trained(
    candidates: Sequence[_Candidate], members: range, on_progress: OnProgress | None
) -> list[tuple[Network, ...]]:
    """Trains these members of the ensemble of each candidate and returns their networks."""
    ensembles = [Ensemble([each.job] * len(members), each.split.seed, members.start) for each in candidates]
    results = fit_all(ensembles, on_progress=on_progress)
    return [networks_of(each.job.layout, found) for each, found in zip(candidates, results, strict=True)]


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A configuration to be tried on a split, with the job that trains a network, and the validation windows."""

    split: Split
    configuration: Configuration
    context: int
    horizon: int
    lags: int
    inputs: Inputs
    job: Job
    base: np.ndarray  # (n, h) bases of the validation windows
    scale: np.ndarray  # (n, 1) their scales
    truth: np.ndarray  # (n, h) their true values, transformed

    @classmethod
    def of(
        cls,
        split: Split,
        configuration: Configuration,
        horizon: int,
        context: int | None,
        recipe: Recipe,
        lags: int,
        calendar: tuple[str, ...],
    ) -> _Candidate:
        """Returns the candidate for a split and a configuration (see `train_local`)."""
        series, train, season, _ = split
        context = context_rows(context, len(series), horizon, season)
        inputs = Inputs.of([series.head(train)], calendar)
        covariates = series_covariates(inputs, series, 0, 0)
        z = boxcox.transform(series.values, configuration.boxcox_lambda)
        first = np.arange(context, len(z) - horizon + 1)  # the first forecast row of each window
        most = recipe.updates * recipe.batch_size  # number of windows that training reads at most
        first = first[:: -max(1, -(-len(first) // most))][::-1]
        x, base, scale = windows(z, first, configuration.base, context, season, horizon, lags, covariates)
        truth = sliding_window_view(z, horizon)[first]
        target = ((truth - base) / scale).astype(np.float32)
        training = slice(0, int(np.searchsorted(first, train - horizon, "right")))
        later = slice(int(np.searchsorted(first, train)), None)  # validation windows
        data = ValidatedWindows(x[training], target[training], x[later], target[later])
        layout: Layout = layout_of(recipe, x.shape[2], horizon, "last")
        lags = steps_and_lags(context, configuration.base, season, lags)[1]
        job = Job(layout, data, recipe, "mae")
        return cls(split, configuration, context, horizon, lags, inputs, job, base[later], scale[later], truth[later])

    def validated(self, networks: tuple[Network, ...]) -> tuple[float, LocalModel]:
        """Returns the mean absolute error of trained networks on the validation rows, and the model of the networks."""
        data = self.job.data
        assert isinstance(data, ValidatedWindows)
        output = np.mean([network.predict(data.x_validation) for network in networks], axis=0, dtype=np.float64)
        size = float((output**2).sum())
        shrink = float(np.clip((output * data.y_validation).sum() / size, 0.0, 1.0)) if size > 0.0 else 0.0
        boxcox_lambda = self.configuration.boxcox_lambda
        forecast = boxcox.inverse(self.base + shrink * self.scale * output, boxcox_lambda)
        error = float(np.abs(forecast - boxcox.inverse(self.truth, boxcox_lambda)).mean())
        season = self.split.season
        return error, LocalModel(
            self.configuration, self.context, season, self.horizon, shrink, self.lags, networks, self.inputs
        )
