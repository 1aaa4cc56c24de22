"""A global model that forecasts one row at a time: its network answers with the distribution of the next row, from
which sample paths are drawn.

A step reads one row and what stood one season before the next one; it answers with location and log scale of a Gaussian
or Student-t distribution of the next row's difference from its base, in the window's unit. Training reads true rows
(teacher forcing, Williams and Zipser 1989) and learns from the rows after the context alone, as they are forecast. A
forecast feeds every drawn row back; its median is the point forecast, its tenths say how large its errors are. A
horizon may be of any length.
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
from elman.forecast.models.global_model import LEAST, NEAR_ZERO, GlobalModel, error_unit
from elman.forecast.models.networks import check_networks
from elman.forecast.models.prediction import Prediction
from elman.forecast.models.window_pool import WindowPool
from elman.forecast.models.window_spec import WindowSpec
from elman.network import Network
from elman.series.inputs import CovariateWindows, covariate_features
from elman.series.series import Series

__all__ = ["DENSITIES", "PATHS", "RecursiveModel", "recursive_features"]

STUDENT_T = StudentT()
DENSITIES = {"gaussian": Gaussian(), "student_t": STUDENT_T}  # the distributions of a row, and their losses
PATHS = 200
ROWS = 2**15  # paths that are drawn at a time, fewer where they are longer than
LONG = 1000  # rows
BLOCK = 32  # updates whose windows are made at a time
REACH = 4.0  # times the largest value in the window: what a path may reach
MOST = 20.0  # of a log scale, as in the losses


@dataclass(frozen=True, eq=False)
class RecursiveModel(GlobalModel):
    """A global model whose networks answer row by row.

    path_seeds  of the noise that drives each network's sample paths
    """

    path_seeds: tuple[int, ...] = ()

    def validate(self) -> None:
        """Raises ValueError where this is no model that `train_global` makes."""
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
        """The training of one network on windows of these series; `start`: theta to go on from."""
        recipe = replace(recipe, updates=max(1, recipe.updates // 2))  # each learns from `horizon` rows of every window
        layout = layout_of(recipe, recursive_features(spec), 2, skip=spec.skip_seasons > 0)
        return Job(layout, _DrawnSequences(pool, spec), recipe, DENSITIES[spec.distribution], start)

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """The medians of sample paths, and how far their tenths lie below and above (see `prediction.Model`)."""
        horizon = self.horizon if horizon is None else horizon
        series = [each.fill_masked(self.seasons[0]) for each in panel.values()]
        rows = max(1, ROWS // PATHS // (1 + horizon // LONG))
        parts = [self._quantiles(series[i : i + rows], horizon) for i in range(0, len(series), rows)]
        values, scales = zip(*parts, strict=True)
        return Prediction(np.concatenate(values), np.concatenate(scales))

    def paths(self, panel: Mapping[str, Series], horizon: int | None = None) -> np.ndarray:
        """Sample paths (N, P, h). The same noise drives every series, so none depends on the others."""
        series = [each.fill_masked(self.seasons[0]) for each in panel.values()]
        return self._drawn(series, self.horizon if horizon is None else horizon)[0]

    def _drawn(self, series: Sequence[Series], horizon: int) -> tuple[np.ndarray, np.ndarray, WindowPool]:
        """The paths (N, P, h); each window's unit (N, 1); and the series' windows."""
        spec = self.spec
        pool = WindowPool(series, spec)
        read, floor, shown, _ = pool.last(horizon, horizon)
        level, unit = spec.measure(read, floor)
        scaled = ((read - level) / unit)[:, None]
        most = REACH * (np.abs(scaled).max(axis=2) + 1.0)
        extra = _beside(spec, shown, horizon)
        found: list[np.ndarray] = []
        members = zip(self.networks[:PATHS], self.path_seeds, strict=False)  # more than there are paths draw none
        for k, (network, seed) in enumerate(members):
            rng = np.random.default_rng(seed)
            count = len(range(k, PATHS, len(self.networks)))
            size = (horizon, count)  # so a longer horizon begins with the shorter one's paths
            student = spec.distribution == "student_t"
            noise = rng.standard_t(STUDENT_T.df, size) if student else rng.normal(size=size)
            found.append(_draw(spec, network, scaled, extra, noise.T, most))
        z = level[:, :, None] + unit[:, :, None] * np.concatenate(found, axis=1)
        transformed = pool.transformed[:, None, None]
        y = np.where(transformed, boxcox.inverse(z, spec.boxcox_lambda), boxcox.inverse(z, 1.0))
        lowest = np.array([each.values.min() for each in series])[:, None, None]
        return np.where(lowest >= 0.0, np.maximum(y, 0.0), y), unit, pool

    def _quantiles(self, series: Sequence[Series], horizon: int) -> tuple[np.ndarray, np.ndarray]:
        paths, unit, pool = self._drawn(series, horizon)
        lowest = np.array([abs(each.values.min()) for each in series])[:, None]
        low, forecast, high = np.quantile(paths, (0.1, 0.5, 0.9), axis=1)
        one = error_unit(pool, self.spec, unit, np.maximum(np.abs(forecast), NEAR_ZERO * lowest))
        sides = np.stack([forecast - low, high - forecast], axis=2)
        return forecast, np.maximum(sides, LEAST * one[:, :, None])


def recursive_features(spec: WindowSpec) -> int:
    """Numbers that a step reads: the last rows, one of each longer season before the next, and the covariates."""
    return max(1, spec.skip_seasons) + len(_seasons(spec)) + spec.inputs.features(1, 1, spec.masked)


# --------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True, eq=False)
class _DrawnSequences:
    """`TrainingData` of windows drawn anew for each update, a step for each row."""

    pool: WindowPool
    spec: WindowSpec

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """Blocks of updates, each update on windows of its own."""
        for done in range(0, recipe.updates, BLOCK):
            yield self._draw(min(BLOCK, recipe.updates - done) * recipe.batch_size, rng)

    def _draw(self, count: int, rng: np.random.Generator) -> Round:
        """x (count, T, F), targets (count, T, 1) and weights (count, T), T = context + horizon - 1: a weight is 1 where
        the row that follows a step is one of the horizon's, and known."""
        spec, (whole, floor, shown, unknown) = self.spec, self.pool.draw(count, rng)
        c, ends = spec.context, np.arange(1, spec.context + spec.horizon)
        level, unit = spec.measure(whole[:, :c], floor)
        scaled = ((whole - level) / unit)[:, None]
        x = _features(spec, scaled[:, :, :-1], ends)[:, 0]
        x = np.concatenate([x, _beside(spec, shown, spec.horizon)], axis=2, dtype=np.float32)
        base = np.maximum(ends - spec.lag, 0)
        y = (scaled[:, 0, ends] - scaled[:, 0, base])[:, :, None].astype(np.float32)
        weight = np.broadcast_to(ends >= c, y.shape[:2]).astype(np.float32)
        return Round(x, y, weight * (1.0 - unknown[:, 1:].max(axis=2, initial=0.0)).astype(np.float32), shuffle=False)


# ------------------------------------------------------------------------------------------- steps and paths


def _seasons(spec: WindowSpec) -> tuple[int, ...]:
    return tuple(season for season in spec.seasons if season > 1)


def _features(spec: WindowSpec, known: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """What the steps that read up to the rows `ends` (T,) see of rows (N, P, n) in the window's unit: (N, P, T, F)."""
    back = [ends - 1 - k for k in range(max(1, spec.skip_seasons))] + [ends - season for season in _seasons(spec)]
    rows = np.stack(back, axis=1)
    return (known[..., np.maximum(rows, 0)] * (rows >= 0)).astype(np.float32)


def _beside(spec: WindowSpec, shown: CovariateWindows, horizon: int) -> np.ndarray:
    """The covariates' features (N, context + horizon - 1, F) of every step; past the context the past ones stay as they
    are, and nothing is unknown."""
    c, steps = spec.context, spec.context + horizon - 1
    past = np.concatenate([shown.past, np.repeat(shown.past[:, -1:], horizon - 1, axis=1)], axis=1)
    unknown = np.concatenate([shown.unknown, np.zeros((len(past), horizon - 1, shown.unknown.shape[2]))], axis=1)
    if not (spec.inputs or spec.masked):
        return np.zeros((len(past), steps, 0), np.float32)
    whole = CovariateWindows(past, shown.future[:, : c + horizon], shown.static, unknown)
    return covariate_features(np.arange(1, steps + 1), 1, spec.lag, whole)


def _draw(
    spec: WindowSpec, network: Network, scaled: np.ndarray, extra: np.ndarray, noise: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """Paths (N, P, h) in the window's unit after scaled (N, 1, context), driven by noise (P, h)."""
    n, c, (paths, horizon) = len(scaled), spec.context, noise.shape
    x = np.concatenate([_features(spec, scaled, np.arange(1, c + 1))[:, 0], extra[:, :c]], axis=2)
    y, state = network.predict(x, return_state=True)
    state: Any = {name: np.repeat(each, paths, axis=0) for name, each in state.items()}
    y = np.repeat(y[:, -1], paths, axis=0)
    rows = np.concatenate([np.repeat(scaled, paths, axis=1), np.zeros((n, paths, horizon))], axis=2)
    for k in range(horizon):
        answer = y.reshape(n, paths, 2).astype(np.float64)
        scale = np.exp(np.clip(answer[:, :, 1], -MOST, MOST))
        drawn = rows[:, :, c + k - spec.lag] + answer[:, :, 0] + scale * noise[:, k]
        rows[:, :, c + k] = np.clip(drawn, -most, most)
        if k + 1 < horizon:
            own = _features(spec, rows, np.array([c + k + 1]))
            near = np.broadcast_to(extra[:, None, c + k : c + k + 1], (n, paths, 1, extra.shape[2]))
            x = np.concatenate([own, near], axis=3).reshape(n * paths, 1, -1)
            y, state = network.predict(x, state=state, return_state=True)
            y = y[:, 0]
    return rows[:, :, c:]
