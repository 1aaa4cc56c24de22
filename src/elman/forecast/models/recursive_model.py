"""`RecursiveModel`: a global model that forecasts one row at a time, by sample paths.

A step of the network reads one row, and the values one season before the next row. It outputs the location and the log
scale of a Gaussian or Student-t distribution of the difference between the next row and its base, in the window's unit
(see `window_spec.py`). Training reads true values (teacher forcing, Williams and Zipser 1989), and has a loss only in
the rows after the context. In a forecast, a sample of each row becomes the input for the next one, which gives a sample
path of any length. The median of the paths is the point forecast; their 0.1 and 0.9 quantiles give its error scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.core import checks
from elman.core.losses import Gaussian, StudentT
from elman.estimators.recipe import Recipe
from elman.estimators.training import Job, Round, layout_of
from elman.forecast import boxcox
from elman.forecast.models.global_model import MIN_DISTANCE, NEAR_ZERO, GlobalModel, error_unit
from elman.forecast.models.networks import check_networks
from elman.forecast.models.prediction import Prediction
from elman.forecast.models.window_pool import WindowPool
from elman.forecast.models.window_spec import WindowSpec
from elman.network import Network
from elman.series.inputs import CovariateWindows, covariate_features
from elman.series.series import Series

__all__ = ["DENSITIES", "PATHS", "RecursiveModel", "recursive_features"]

STUDENT_T = StudentT()
DENSITIES = {"gaussian": Gaussian(), "student_t": STUDENT_T}  # distribution -> its negative log likelihood
PATHS = 200  # number of sample paths of each series
PATHS_AT_ONCE = 2**15  # number of paths that are drawn in one batch; fewer for a horizon above LONG_HORIZON
LONG_HORIZON = 1000  # rows
BLOCK = 32  # number of updates whose windows are made at once
PATH_LIMIT = 4.0  # limit of a path's distance from the window's level, as a multiple of the window's largest (plus 1)
LOG_SCALE_LIMIT = 20.0  # limit of the absolute log scale, as in the losses


@dataclass(frozen=True, eq=False)
class RecursiveModel(GlobalModel):
    """A global model whose networks forecast one row at a time.

    path_seeds   the seed of each network's noise for its sample paths
    """

    path_seeds: tuple[int, ...] = ()

    def validate(self) -> None:
        """Raises ValueError for a model that `train_global` does not make."""
        spec = self.spec
        checks.choice("spec.distribution", spec.distribution, tuple(DENSITIES))
        check_networks(self.networks, recursive_features(spec), 2, "sequence", spec.skip_seasons > 0)
        if len(self.path_seeds) != len(self.networks):
            expected = f"expected one for each of {len(self.networks)} networks"
            raise ValueError(f"path_seeds: {expected}, got {checks.shown(self.path_seeds)}")
        for seed in self.path_seeds:
            checks.whole("path_seeds", seed, 0, 2**64 - 1)

    @staticmethod
    def job(pool: WindowPool, spec: WindowSpec, recipe: Recipe, start: np.ndarray | None = None) -> Job:
        """Returns the job that trains one network on windows of the pool, from the weights `start` if given."""
        recipe = replace(recipe, updates=max(1, recipe.updates // 2))  # a window has a loss in each of `horizon` steps
        layout = layout_of(recipe, recursive_features(spec), 2, skip=spec.skip_seasons > 0)
        return Job(layout, _DrawnSequences(pool, spec), recipe, DENSITIES[spec.distribution], start)

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """Returns the medians of sample paths as forecasts (see `prediction.Model`).

        The error scale is the distance from the median to the 0.1 and to the 0.9 quantile.
        """
        horizon = self.horizon if horizon is None else horizon
        series = [each.fill_masked(self.seasons[0]) for each in panel.values()]
        batch = max(1, PATHS_AT_ONCE // PATHS // (1 + horizon // LONG_HORIZON))
        parts = [self._quantiles(series[i : i + batch], horizon) for i in range(0, len(series), batch)]
        values, scales = zip(*parts, strict=True)
        return Prediction(np.concatenate(values), np.concatenate(scales))

    def paths(self, panel: Mapping[str, Series], horizon: int | None = None) -> np.ndarray:
        """Returns P sample paths of each series, (N, P, h).

        All series use the same noise, so the paths of a series do not depend on the other series.
        """
        series = [each.fill_masked(self.seasons[0]) for each in panel.values()]
        return self._draw_paths(series, self.horizon if horizon is None else horizon)[0]

    def _draw_paths(self, series: Sequence[Series], horizon: int) -> tuple[np.ndarray, np.ndarray, WindowPool]:
        """Returns sample paths (N, P, h), the unit of each window (N, 1), and the windows of the series."""
        spec = self.spec
        pool = WindowPool(series, spec)
        read, floor, covariates = pool.last(horizon, horizon)[:3]
        level, unit = spec.measure(read, floor)
        scaled = ((read - level) / unit)[:, None]
        limit = PATH_LIMIT * (np.abs(scaled).max(axis=2) + 1.0)
        extra = _covariate_steps(spec, covariates, horizon)
        paths: list[np.ndarray] = []
        members = zip(self.networks[:PATHS], self.path_seeds, strict=False)  # further members would draw no path
        for k, (network, seed) in enumerate(members):
            rng = np.random.default_rng(seed)
            count = len(range(k, PATHS, len(self.networks)))
            size = (horizon, count)  # in this order, the paths of a longer horizon begin with those of a shorter one
            student = spec.distribution == "student_t"
            noise = rng.standard_t(STUDENT_T.df, size) if student else rng.normal(size=size)
            paths.append(_scaled_paths(spec, network, scaled, extra, noise.T, limit))
        z = level[:, :, None] + unit[:, :, None] * np.concatenate(paths, axis=1)
        transformed = pool.transformed[:, None, None]
        y = np.where(transformed, boxcox.inverse(z, spec.boxcox_lambda), boxcox.inverse(z, 1.0))
        lowest = np.array([each.values.min() for each in series])[:, None, None]
        return np.where(lowest >= 0.0, np.maximum(y, 0.0), y), unit, pool

    def _quantiles(self, series: Sequence[Series], horizon: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the medians of the sample paths, (N, h), and their error scale, (N, h, 2)."""
        paths, unit, pool = self._draw_paths(series, horizon)
        lowest = np.array([abs(each.values.min()) for each in series])[:, None]
        low, forecast, high = np.quantile(paths, (0.1, 0.5, 0.9), axis=1)
        one = error_unit(pool, self.spec, unit, np.maximum(np.abs(forecast), NEAR_ZERO * lowest))
        sides = np.stack([forecast - low, high - forecast], axis=2)
        return forecast, np.maximum(sides, MIN_DISTANCE * one[:, :, None])


def recursive_features(spec: WindowSpec) -> int:
    """Returns the number of features F of each step of a recursive model's network.

    They are the last rows, one value for each season before the next row, and the covariates.
    """
    return max(1, spec.skip_seasons) + len(_seasons(spec)) + spec.inputs.features(1, 1, spec.masked)


# --------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True, eq=False)
class _DrawnSequences:
    """`TrainingData` that draws new windows for each update, with one step for each row."""

    pool: WindowPool
    spec: WindowSpec

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """Yields rounds of many updates, each update with newly drawn windows."""
        for done in range(0, recipe.updates, BLOCK):
            yield self._draw(min(BLOCK, recipe.updates - done) * recipe.batch_size, rng)

    def _draw(self, count: int, rng: np.random.Generator) -> Round:
        """Returns a round with inputs (count, T, F), targets (count, T, 1) and weights (count, T) of drawn windows.

        There are T = context + horizon - 1 steps. The weight of a step is 1 if its target, the row that follows it,
        lies after the context and is known, else 0.
        """
        spec, (values, floor, covariates, unknown, _) = self.spec, self.pool.draw(count, rng)
        c, ends = spec.context, np.arange(1, spec.context + spec.horizon)
        level, unit = spec.measure(values[:, :c], floor)
        scaled = ((values - level) / unit)[:, None]
        x = _features(spec, scaled[:, :, :-1], ends)[:, 0]
        x = np.concatenate([x, _covariate_steps(spec, covariates, spec.horizon)], axis=2, dtype=np.float32)
        base = np.maximum(ends - spec.lag, 0)
        y = (scaled[:, 0, ends] - scaled[:, 0, base])[:, :, None].astype(np.float32)
        weight = np.broadcast_to(ends >= c, y.shape[:2]).astype(np.float32)
        return Round(x, y, weight * (1.0 - unknown[:, 1:].max(axis=2, initial=0.0)).astype(np.float32), shuffle=False)


# ------------------------------------------------------------------------------------------- steps and paths


def _seasons(spec: WindowSpec) -> tuple[int, ...]:
    """Returns the seasons of more than one row."""
    return tuple(season for season in spec.seasons if season > 1)


def _features(spec: WindowSpec, known: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Returns the features (N, P, T, F) that T steps read of the scaled values `known`.

    known   (N, P, n) values of P paths, scaled by level and unit of the window
    ends    (T,) index of the row that follows each step
    """
    back = [ends - 1 - k for k in range(max(1, spec.skip_seasons))] + [ends - season for season in _seasons(spec)]
    rows = np.stack(back, axis=1)
    return (known[..., np.maximum(rows, 0)] * (rows >= 0)).astype(np.float32)


def _covariate_steps(spec: WindowSpec, covariates: CovariateWindows, horizon: int) -> np.ndarray:
    """Returns the covariate features (N, context + horizon - 1, F) of every step.

    After the context, the last values of past covariates are repeated, and no value is marked as missing.
    """
    c, steps = spec.context, spec.context + horizon - 1
    past, unknown = covariates.past, covariates.unknown
    past = np.concatenate([past, np.repeat(past[:, -1:], horizon - 1, axis=1)], axis=1)
    unknown = np.concatenate([unknown, np.zeros((len(past), horizon - 1, unknown.shape[2]))], axis=1)
    if not (spec.inputs or spec.masked):
        return np.zeros((len(past), steps, 0), np.float32)
    whole = CovariateWindows(past, covariates.future[:, : c + horizon], covariates.static, unknown)
    return covariate_features(np.arange(1, steps + 1), 1, spec.lag, whole)


def _scaled_paths(
    spec: WindowSpec, network: Network, scaled: np.ndarray, extra: np.ndarray, noise: np.ndarray, limit: np.ndarray
) -> np.ndarray:
    """Returns sample paths (N, P, h) of one network, scaled by level and unit of the windows.

    scaled   (N, 1, context) scaled values of the windows
    extra    (N, context + h - 1, F) covariate features
    noise    (P, h) samples of the standard distribution
    limit    (N, 1) limit of the absolute value of the paths
    """
    n, c, (paths, horizon) = len(scaled), spec.context, noise.shape
    x = np.concatenate([_features(spec, scaled, np.arange(1, c + 1))[:, 0], extra[:, :c]], axis=2)
    y, state = network.predict(x, return_state=True)
    state: Any = {name: np.repeat(each, paths, axis=0) for name, each in state.items()}
    y = np.repeat(y[:, -1], paths, axis=0)
    rows = np.concatenate([np.repeat(scaled, paths, axis=1), np.zeros((n, paths, horizon))], axis=2)
    for k in range(horizon):
        output = y.reshape(n, paths, 2).astype(np.float64)
        scale = np.exp(np.clip(output[:, :, 1], -LOG_SCALE_LIMIT, LOG_SCALE_LIMIT))
        drawn = rows[:, :, c + k - spec.lag] + output[:, :, 0] + scale * noise[:, k]
        rows[:, :, c + k] = np.clip(drawn, -limit, limit)
        if k + 1 < horizon:
            own = _features(spec, rows, np.array([c + k + 1]))
            step_extra = np.broadcast_to(extra[:, None, c + k : c + k + 1], (n, paths, 1, extra.shape[2]))
            x = np.concatenate([own, step_extra], axis=3).reshape(n * paths, 1, -1)
            y, state = network.predict(x, state=state, return_state=True)
            y = y[:, 0]
    return rows[:, :, c:]
