"""A global model: networks trained on many series together, each window in a unit of its own, all rows at once.

A step of the network is one short season (a day of hours) of the window, less the window's level over its spread;
beside it stand, where there is a longer season too (a week), the rows that followed one long season before. The answer
is the difference from a `base` that needs no network, a season before, in the same unit; head and skip path begin at
zero, so training starts from the base. Series that are above zero may be transformed (`boxcox.py`). Covariates stand
beside the values as `covariates.beside` lays them out; missing values are shown as such and not learned.
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
from elman.forecast.models.networks import check_networks
from elman.forecast.models.prediction import Prediction
from elman.forecast.models.window_pool import WindowPool
from elman.forecast.models.window_spec import WindowSpec
from elman.network import Network
from elman.series.errors import DataError
from elman.series.inputs import Inputs
from elman.series.limits import SMALLEST
from elman.series.series import Series

__all__ = ["LEAST", "DirectModel", "GlobalModel", "error_unit"]

NEAR_ZERO = 1e-6  # of a series' least value: what a forecast counts as, at least, where its unit depends on it
LEAST = 0.05  # of a window's unit: the least distance of a quantile from the median
AT_ONCE = 4096  # series that are forecast at a time
BLOCK, BLOCK_BYTES = 256, 2**22  # updates whose windows are made at a time: memory stays small, and in the cache


@dataclass(frozen=True, eq=False)
class GlobalModel:
    """Networks trained on many series; they forecast any series of at least `spec.context` rows, also new ones."""

    spec: WindowSpec
    networks: tuple[Network, ...]

    @staticmethod
    def job(pool: WindowPool, spec: WindowSpec, recipe: Recipe, start: np.ndarray | None = None) -> Job:
        """The training of one network on windows of these series; `start`: theta to go on from."""
        raise NotImplementedError

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """The forecasts of these series (see `prediction.Model`)."""
        raise NotImplementedError

    @property
    def context(self) -> int:
        """Rows that are read."""
        return self.spec.context

    @property
    def horizon(self) -> int:
        """Rows that are forecast."""
        return self.spec.horizon

    @property
    def seasons(self) -> tuple[int, ...]:
        """Rows in each season, growing."""
        return self.spec.seasons

    @property
    def inputs(self) -> Inputs:
        """The covariates that are read."""
        return self.spec.inputs

    def check_history(self, series: Series) -> None:
        """`DataError` for a series that is too short to forecast from."""
        if len(series) < self.context:
            raise DataError(f"history: expected at least {self.context} rows to forecast from, got {len(series)}")


@dataclass(frozen=True, eq=False)
class DirectModel(GlobalModel):
    """A global model whose networks answer all rows of the horizon at once."""

    def validate(self) -> None:
        """Raises ValueError where this is no model that `train_global` makes."""
        spec = self.spec
        checks.choice("spec.distribution", spec.distribution, ("median", "quantiles"))
        check_networks(self.networks, spec.features, spec.outputs, skip=spec.skip_seasons > 0)

    @staticmethod
    def job(pool: WindowPool, spec: WindowSpec, recipe: Recipe, start: np.ndarray | None = None) -> Job:
        """The training of one network on windows of these series; `start`: theta to go on from."""
        layout = layout_of(recipe, spec.features, spec.outputs, "last", spec.skip_seasons > 0)
        return Job(layout, _DrawnWindows(pool, spec), recipe, _loss(spec), start)

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """The forecasts of these series (see `prediction.Model`)."""
        horizon = self.horizon if horizon is None else horizon
        known = [each.fill_masked(self.seasons[0]) for each in panel.values()]
        found: list[Prediction] = []
        for done in range(0, horizon, self.horizon):
            if done:
                known = [each.with_forecasts(values) for each, values in zip(known, found[-1].values, strict=True)]
            rows = min(self.horizon, horizon - done)
            found.append(_joined([self._answer(known[i : i + AT_ONCE], rows) for i in range(0, len(known), AT_ONCE)]))
        return _joined(found, axis=1)

    def _answer(self, series: Sequence[Series], rows: int) -> Prediction:
        spec, pool = self.spec, WindowPool(series, self.spec)
        x, base, unit = spec.windows(*pool.last(rows)[:3])
        answers = np.median([network.predict(x) for network in self.networks], axis=0).astype(np.float64)
        answers = np.sort(answers.reshape(len(x), spec.horizon, -1), axis=2)[:, :rows]  # so quantiles never cross
        z = base[:, :rows, None] + unit[:, :, None] * answers
        transformed = pool.transformed[:, None, None]
        found = np.where(transformed, boxcox.inverse(z, spec.boxcox_lambda), boxcox.inverse(z, 1.0))
        lowest = np.array([each.values.min() for each in series])
        found = np.where(lowest[:, None, None] >= 0.0, np.maximum(found, 0.0), found)
        forecast = found[:, :, answers.shape[2] // 2]
        one = error_unit(pool, spec, unit, np.maximum(forecast, NEAR_ZERO * np.maximum(lowest, 0.0)[:, None]))
        if spec.distribution == "median":
            return Prediction(forecast, np.repeat(one[:, :, None], 2, axis=2))
        sides = np.stack([forecast - found[:, :, 0], found[:, :, -1] - forecast], axis=2)
        return Prediction(forecast, np.maximum(sides, LEAST * one[:, :, None]))


def error_unit(pool: WindowPool, spec: WindowSpec, unit: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What one unit of the network's answer is at forecasts `values` (N, h), (N, h); unit (N, 1) is that of transformed
    values."""
    transformed = unit * boxcox.derivative(values, spec.boxcox_lambda)
    return np.maximum(np.where(pool.transformed[:, None], transformed, unit), SMALLEST)


def _joined(parts: Sequence[Prediction], axis: int = 0) -> Prediction:
    values, scales = (np.concatenate(each, axis=axis) for each in zip(*parts, strict=True))
    return Prediction(values, scales)


# --------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True, eq=False)
class _DrawnWindows:
    """`TrainingData` of windows drawn anew for each update."""

    pool: WindowPool
    spec: WindowSpec

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """Blocks of updates, each update on windows of its own."""
        spec = self.spec
        row = spec.features * (spec.context // spec.step) + spec.outputs
        update = 4 * recipe.batch_size * row  # bytes of its windows
        block = max(1, min(BLOCK, BLOCK_BYTES // update))
        for done in range(0, recipe.updates, block):
            x, y = self._draw(min(block, recipe.updates - done) * recipe.batch_size, rng)
            yield Round(x, y, shuffle=False)

    def _draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """x (count, T, F) and targets (count, h) of drawn windows; where values may be missing, the targets are
        followed by which of them are known (count, 2 h)."""
        drawn, c = self.pool.draw(count, rng), self.spec.context
        x, base, unit = self.spec.windows(drawn.values[:, :c], drawn.floor, drawn.shown)
        y = ((drawn.values[:, c:] - base) / unit).astype(np.float32)
        if self.spec.masked:
            y = np.concatenate([y, 1.0 - drawn.unknown[:, c:, 0]], axis=1, dtype=np.float32)
        return x, y


def _loss(spec: WindowSpec) -> str | Loss:
    if spec.masked:
        return _loss_of_known(spec)
    return "mae" if spec.distribution == "median" else Pinball(spec.quantiles)


def _loss_of_known(spec: WindowSpec) -> Custom:
    """Twice the pinball loss of targets y[:, :h] that are known, y[:, h:]: the absolute error for the median alone."""
    q = np.array(spec.quantiles)

    def function(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        y, known = np.split(y, 2, axis=1)
        e = y[:, :, None] - y_hat.reshape(*y.shape, len(q))
        scale = (2.0 / y_hat.shape[1]) * (known * weight[:, None])[:, :, None]
        slope = scale * np.where(e > 0.0, -q, np.where(e < 0.0, 1.0 - q, 0.0))
        return float((scale * np.maximum(q * e, (q - 1.0) * e)).sum()), slope.reshape(y_hat.shape)

    return Custom("pinball of known values", function, outputs=spec.outputs, targets=2 * spec.horizon)
