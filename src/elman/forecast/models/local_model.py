"""A local model: an ensemble trained on one series, chosen and combined without a look past the cut.

What cannot be known beforehand is tried: each `Configuration` (which base, which Box-Cox lambda) is trained on the
training rows, and the one with the smallest absolute error on the validation rows is kept, its answer scaled by the
factor in [0, 1] that suits these rows best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core import checks, fields
from elman.core.layers import Layout
from elman.estimators.ensemble import Ensemble, OnProgress, fit_all
from elman.estimators.recipe import Recipe
from elman.estimators.training import Job, layout_of
from elman.forecast import boxcox
from elman.forecast.models.local_windows import (
    FEATURES,
    Configuration,
    ValidatedWindows,
    configurations,
    context_rows,
    covariates_beside,
    least_context,
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


@dataclass(frozen=True, eq=False)
class LocalModel:
    """A trained ensemble for one series.

    configuration  which one the validation rows preferred
    context        rows that are read, c;  season, horizon  rows in a season, rows that are forecast
    shrink         factor in [0, 1] on the networks' mean answer
    lags           rows that a step of the network reads side by side
    networks       (steps, features) -> (h,) each
    inputs         the covariates that are read
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
        """Raises ValueError or TypeError where this is no model that `train_local` makes."""
        for name in ("context", "season", "horizon", "lags"):
            checks.whole(name, getattr(self, name), 1, fields.LARGEST_COUNT)
        base, boxcox_lambda = self.configuration
        checks.choice("configuration.base", base, ("last", "season"))
        checks.number("configuration.boxcox_lambda", boxcox_lambda, 0.0, 1.0)
        checks.number("shrink", self.shrink, 0.0, 1.0)
        lags = steps_and_lags(self.context, base, self.season, self.lags)[1]
        seasonal = base == "season"
        if self.context < least_context(self.season) or lags != self.lags or (seasonal and self.season == 1):
            raise ValueError("context: expected context, season and lags that fit one another, got others")
        beside = self.inputs.features(self.lags, self.horizon, False) if self.inputs else 0
        check_networks(self.networks, FEATURES * self.lags + beside, self.horizon)

    @property
    def spec(self) -> None:
        """A local model is made afresh, never trained on."""
        return None

    @property
    def seasons(self) -> tuple[int, ...]:
        """The one season, as every model tells its seasons."""
        return (self.season,)

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """The forecasts of series of at least `context` rows each (see `prediction.Model`)."""
        horizon = self.horizon if horizon is None else horizon
        return Prediction(np.array([self._rows(series, horizon) for series in panel.values()]), None)

    def _rows(self, series: Series, horizon: int) -> np.ndarray:
        found = self._answer(series, min(horizon, self.horizon))
        while len(found) < horizon:
            rest = min(horizon - len(found), self.horizon)
            found = np.concatenate([found, self._answer(series.with_forecasts(found), rest)])
        return found

    def _answer(self, series: Series, rows: int) -> np.ndarray:
        base, boxcox_lambda = self.configuration
        z = boxcox.transform(series.values, boxcox_lambda)
        shown = covariates_beside(self.inputs, series, rows, self.horizon)
        x, bases, scale = windows(
            z, np.array([len(z)]), base, self.context, self.season, self.horizon, self.lags, shown
        )
        answer = np.mean([network.predict(x) for network in self.networks], axis=0, dtype=np.float64)
        forecast = boxcox.inverse(bases + self.shrink * scale * answer, boxcox_lambda)[0, :rows]
        # what was never below zero (counts, sales, prices) is not forecast to be
        return np.maximum(forecast, 0.0) if series.values.min() >= 0.0 else forecast

    def check_history(self, series: Series) -> None:
        """`DataError` for a series that the model cannot forecast from."""
        values = series.values
        if len(values) < self.context:
            raise DataError(f"history: expected at least {self.context} rows to forecast from, got {len(values)}")
        if self.configuration.boxcox_lambda != 1.0 and values.min() <= 0.0:
            raise DataError(
                f"history: expected values above 0, as in the series that was fitted, got {values.min():g}"
                f" at index {values.argmin()}"
            )


class Split(NamedTuple):
    """What a local model is made of: a series that is known in full, the number of its rows that train, its season, and
    the seed."""

    series: Series
    train: int
    season: int
    seed: np.random.SeedSequence


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
    """One model for each split, all trained side by side. Each depends on its own split alone."""
    tried = [
        [
            _Candidate.of(split, configuration, horizon, context, recipe, lags, calendar)
            for configuration in configurations(split.series.values, split.season, boxcox_lambda)
        ]
        for split in splits
    ]
    ensembles = [Ensemble([each.job] * recipe.members, each.split.seed) for group in tried for each in group]
    results = iter(fit_all(ensembles, on_progress=on_progress))
    models: list[LocalModel] = []
    for group in tried:
        judged = [each.judged(networks_of(each.job.layout, next(results))) for each in group]
        models.append(min(judged, key=lambda found: found[0])[1])
    return models


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A configuration to be tried on a split: what it trains, and what its validation rows are."""

    split: Split
    configuration: Configuration
    context: int
    horizon: int
    lags: int
    inputs: Inputs
    job: Job
    base: np.ndarray  # (n, h) of the validation windows
    scale: np.ndarray  # (n, 1)
    truth: np.ndarray  # (n, h), transformed

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
        series, train, season, _ = split
        context = context_rows(context, len(series), horizon, season)
        inputs = Inputs.of([series.head(train)], calendar)
        shown = covariates_beside(inputs, series, 0, 0)
        z = boxcox.transform(series.values, configuration.boxcox_lambda)
        first = np.arange(context, len(z) - horizon + 1)  # the first row that each window forecasts
        most = recipe.updates * recipe.batch_size  # windows that training can read even once
        first = first[:: -max(1, -(-len(first) // most))][::-1]
        x, base, scale = windows(z, first, configuration.base, context, season, horizon, lags, shown)
        truth = sliding_window_view(z, horizon)[first]
        target = ((truth - base) / scale).astype(np.float32)
        trains = slice(0, int(np.searchsorted(first, train - horizon, "right")))
        later = slice(int(np.searchsorted(first, train)), None)
        data = ValidatedWindows(x[trains], target[trains], x[later], target[later])
        layout: Layout = layout_of(recipe, x.shape[2], horizon, "last")
        lags = steps_and_lags(context, configuration.base, season, lags)[1]
        job = Job(layout, data, recipe, "mae")
        return cls(split, configuration, context, horizon, lags, inputs, job, base[later], scale[later], truth[later])

    def judged(self, networks: tuple[Network, ...]) -> tuple[float, LocalModel]:
        """The mean absolute error of these networks on the validation rows, and the model that they are."""
        data = self.job.data
        assert isinstance(data, ValidatedWindows)
        answer = np.mean([network.predict(data.x_later) for network in networks], axis=0, dtype=np.float64)
        size = float((answer**2).sum())
        shrink = float(np.clip((answer * data.y_later).sum() / size, 0.0, 1.0)) if size > 0.0 else 0.0
        boxcox_lambda = self.configuration.boxcox_lambda
        tried = boxcox.inverse(self.base + shrink * self.scale * answer, boxcox_lambda)
        error = float(np.abs(tried - boxcox.inverse(self.truth, boxcox_lambda)).mean())
        season = self.split.season
        return error, LocalModel(
            self.configuration, self.context, season, self.horizon, shrink, self.lags, networks, self.inputs
        )
