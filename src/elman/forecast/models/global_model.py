"""Global models: networks trained on many series together. `DirectModel` forecasts all rows of a horizon at once.

A step of the network reads one short season of the window (a day of hourly rows), scaled by the window's level and
unit. If there is a longer season (a week), the step also reads the rows that followed one long season earlier. The
network outputs the difference from the base, the values one season before or the forecasts of exponential smoothing,
in the same unit. Head and skip path are initialized with zeros, so training starts from the base. Series above zero may
be Box-Cox transformed (`boxcox.py`).
The features of covariates are made by `series.inputs.covariate_features`. The network reads which values are missing,
and missing targets have no loss. See `window_spec.py` for the terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from elman.core import checks
from elman.core.losses import Custom, Loss, Pinball
from elman.estimators.recipe import Recipe
from elman.estimators.training import Job, Round, layout_of
from elman.forecast import boxcox
from elman.forecast.evaluation.backtest import NETWORK
from elman.forecast.models.networks import check_networks
from elman.forecast.models.prediction import Prediction
from elman.forecast.models.window_pool import WindowPool
from elman.forecast.models.window_spec import WindowSpec
from elman.forecast.smoothing import SmoothingModels
from elman.network import Network
from elman.series.errors import DataError
from elman.series.inputs import Inputs
from elman.series.limits import SMALLEST
from elman.series.series import Series

__all__ = ["MIN_DISTANCE", "NEAR_ZERO", "DirectModel", "GlobalModel", "error_unit"]

NEAR_ZERO = 1e-6  # smallest forecast that an error unit is computed for, as a fraction of the series' smallest value
MIN_DISTANCE = 0.05  # smallest distance of a quantile from the median in an error scale, in error units
SERIES_AT_ONCE = 4096  # number of series that are forecast in one batch
BLOCK, BLOCK_BYTES = 256, 2**22  # most updates, and bytes, whose windows are made at once, so that they fit the cache


@dataclass(frozen=True, eq=False)
class GlobalModel:
    """The base of both kinds of global model: an ensemble trained on many series.

    It forecasts any series of at least `spec.context` rows, also series on which it was not trained.

    spec       what the windows hold, and how the networks read them
    networks   the ensemble
    """

    spec: WindowSpec
    networks: tuple[Network, ...]

    @property
    def name(self) -> str:
        """Returns the name of its forecasts in a backtest."""
        return NETWORK

    @staticmethod
    def job(pool: WindowPool, spec: WindowSpec, recipe: Recipe, start: np.ndarray | None = None) -> Job:
        """Returns the job that trains one network on windows of the pool, from the weights `start` if given."""
        raise NotImplementedError

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """Returns the forecasts of the series (see `prediction.Model`)."""
        raise NotImplementedError

    @property
    def context(self) -> int:
        """Returns the context: the number of rows that are read."""
        return self.spec.context

    @property
    def horizon(self) -> int:
        """Returns the forecast horizon: the number of rows that are forecast at once."""
        return self.spec.horizon

    @property
    def seasons(self) -> tuple[int, ...]:
        """Returns the lengths of the seasons in rows, in increasing order."""
        return self.spec.seasons

    @property
    def inputs(self) -> Inputs:
        """Returns the covariates that are read."""
        return self.spec.inputs

    def check_history(self, series: Series) -> None:
        """Raises `DataError` for a series that is shorter than the context."""
        if len(series) < self.context:
            raise DataError(f"history: expected at least {self.context} rows to forecast from, got {len(series)}")


@dataclass(frozen=True, eq=False)
class DirectModel(GlobalModel):
    """A global model whose networks output the forecasts of all rows of the horizon at once."""

    def validate(self) -> None:
        """Raises ValueError for a model that `train_global` does not make."""
        spec = self.spec
        checks.choice("spec.distribution", spec.distribution, ("median", "quantiles"))
        check_networks(self.networks, spec.features, spec.outputs, skip=spec.skip_seasons > 0)

    @staticmethod
    def job(pool: WindowPool, spec: WindowSpec, recipe: Recipe, start: np.ndarray | None = None) -> Job:
        """Returns the job that trains one network on windows of the pool, from the weights `start` if given."""
        layout = layout_of(recipe, spec.features, spec.outputs, "last", spec.skip_seasons > 0)
        return Job(layout, _DrawnWindows(pool, spec), recipe, _loss(spec), start)

    def predict(
        self, panel: Mapping[str, Series], horizon: int | None = None, smoothed: SmoothingModels | None = None
    ) -> Prediction:
        """Returns the forecasts of the series (see `prediction.Model`).

        smoothed   see `SmoothingBase`; None: where it is the base, it is fitted to the series here
        """
        horizon = self.horizon if horizon is None else horizon
        known = [each.fill_masked(self.seasons[0]) for each in panel.values()]
        parts: list[Prediction] = []
        for done in range(0, horizon, self.horizon):
            if done:
                known = [each.with_forecasts(values) for each, values in zip(known, parts[-1].values, strict=True)]
                smoothed = None  # of fewer rows than these
            rows = min(self.horizon, horizon - done)
            batches = [slice(i, i + SERIES_AT_ONCE) for i in range(0, len(known), SERIES_AT_ONCE)]
            parts.append(
                _concatenate([self._predict_once(known[i], rows, smoothed and smoothed.take(i)) for i in batches])
            )
        return _concatenate(parts, axis=1)

    def _predict_once(self, series: Sequence[Series], rows: int, smoothed: SmoothingModels | None) -> Prediction:
        """Returns the forecasts of the first `rows` rows, at most one horizon, after each series."""
        spec, pool = self.spec, WindowPool(series, self.spec, smoothed)
        last = pool.last(rows)
        x, base, unit = spec.windows(last.values, last.floor, last.covariates, last.smoothed)
        base, unit = base[:, :rows], unit[:, :rows]
        outputs = np.median([network.predict(x) for network in self.networks], axis=0).astype(np.float64)
        outputs = np.sort(outputs.reshape(len(x), spec.horizon, -1), axis=2)[:, :rows]  # so quantiles never cross
        z = base[:, :, None] + unit[:, :, None] * outputs
        transformed = pool.transformed[:, None, None]
        y = np.where(transformed, boxcox.inverse(z, spec.boxcox_lambda), boxcox.inverse(z, 1.0))
        lowest = np.array([each.values.min() for each in series])
        y = np.where(lowest[:, None, None] >= 0.0, np.maximum(y, 0.0), y)
        forecast = y[:, :, outputs.shape[2] // 2]
        one = error_unit(pool, spec, unit, np.maximum(forecast, NEAR_ZERO * np.maximum(lowest, 0.0)[:, None]))
        if spec.distribution == "median":
            return Prediction(forecast, np.repeat(one[:, :, None], 2, axis=2))
        sides = np.stack([forecast - y[:, :, 0], y[:, :, -1] - forecast], axis=2)
        return Prediction(forecast, np.maximum(sides, MIN_DISTANCE * one[:, :, None]))


def error_unit(pool: WindowPool, spec: WindowSpec, unit: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the error unit (N, h): how much forecasts change if the network's output changes by 1.

    unit     (N, 1) or (N, h) units of the windows, which of a transformed series are units of transformed values
    values   (N, h) forecasts at which the derivative of the inverse transformation is taken
    """
    transformed = unit * boxcox.derivative(values, spec.boxcox_lambda)
    return np.maximum(np.where(pool.transformed[:, None], transformed, unit), SMALLEST)


def _concatenate(parts: Sequence[Prediction], axis: int = 0) -> Prediction:
    """Returns predictions of several groups of series (axis 0) or ranges of rows (axis 1) as one."""
    values, scales = (np.concatenate(each, axis=axis) for each in zip(*parts, strict=True))
    return Prediction(values, scales)


# --------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True, eq=False)
class _DrawnWindows:
    """`TrainingData` that draws new windows for each update."""

    pool: WindowPool
    spec: WindowSpec

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """Yields rounds of many updates, each update with newly drawn windows."""
        spec = self.spec
        row = spec.features * (spec.context // spec.step) + spec.outputs
        update = 4 * recipe.batch_size * row  # bytes of the windows of one update
        block = max(1, min(BLOCK, BLOCK_BYTES // update))
        for done in range(0, recipe.updates, block):
            x, y = self._draw(min(block, recipe.updates - done) * recipe.batch_size, rng)
            yield Round(x, y, shuffle=False)

    def _draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs x (count, T, F) and targets (count, h) of drawn windows.

        If values may be missing, the targets are (count, 2 h): the values, then 1 for each known and 0 for each missing
        value.
        """
        drawn, c = self.pool.draw(count, rng), self.spec.context
        x, base, unit = self.spec.windows(drawn.values[:, :c], drawn.floor, drawn.covariates, drawn.smoothed)
        y = ((drawn.values[:, c:] - base) / unit).astype(np.float32)
        if self.spec.masked:
            y = np.concatenate([y, 1.0 - drawn.unknown[:, c:, 0]], axis=1, dtype=np.float32)
        return x, y


def _loss(spec: WindowSpec) -> str | Loss:
    """Returns the loss with which the networks of this spec are trained."""
    if spec.masked:
        return _masked_pinball(spec)
    return "mae" if spec.distribution == "median" else Pinball(spec.quantiles)


def _masked_pinball(spec: WindowSpec) -> Custom:
    """Returns a loss for missing targets: twice the pinball loss of the targets y[:, :h] where y[:, h:] is 1.

    For the median alone this is the absolute error.
    """
    q = np.array(spec.quantiles)

    def function(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        y, known = np.split(y, 2, axis=1)
        e = y[:, :, None] - y_hat.reshape(*y.shape, len(q))
        scale = (2.0 / y_hat.shape[1]) * (known * weight[:, None])[:, :, None]
        slope = scale * np.where(e > 0.0, -q, np.where(e < 0.0, 1.0 - q, 0.0))
        return float((scale * np.maximum(q * e, (q - 1.0) * e)).sum()), slope.reshape(y_hat.shape)

    return Custom("pinball of known values", function, outputs=spec.outputs, targets=2 * spec.horizon)
