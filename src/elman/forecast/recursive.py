"""One row at a time: a network that answers with the distribution of the next row, and sample paths drawn from it.

A step reads one row and what stood one season before the next one; it answers with location and log scale of a Gaussian
or Student-t distribution of the next row's difference from its base, in the window's unit. Training reads true rows
(Williams and Zipser 1989, teacher forcing) and learns from the rows after the context alone, as they are forecast. A
forecast feeds every drawn row back; its median is the point forecast, its tenths the units of its intervals. A horizon
may be of any length.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np

from elman.core.losses import Gaussian, StudentT
from elman.core.optim import AdamW
from elman.core.schedules import Cosine
from elman.forecast import power as powers
from elman.forecast.failed import kept_simple
from elman.forecast.pooled import LEAST, NEAR_ZERO, Effort, PooledModel
from elman.forecast.view import View, WindowPool
from elman.network import Network
from elman.series.inputs import CovariateWindows, covariate_features
from elman.series.limits import SMALLEST
from elman.series.series import Series
from elman.train.training import Trainer

__all__ = ["SAMPLED", "SampledModel", "fit_sampled", "sampled_features"]

TAILS = StudentT()
SAMPLED = {"gaussian": Gaussian(), "student_t": TAILS}  # heads, and their losses
PATHS = 200
ROWS = 2**15  # paths that are drawn at a time, fewer where they are longer than
LONG = 1000  # rows
BLOCK = 32  # updates whose windows are made at a time
REACH = 4.0  # times the largest value in the window: what a path may reach
MOST = 20.0  # of a log scale, as in the losses


@dataclass(frozen=True, eq=False)
class SampledModel(PooledModel):
    """As `PooledModel`, of networks that answer row by row."""

    def predict(self, series: Sequence[Series], ahead: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The medians (N, ahead) of sample paths, and how far their tenths lie below and above, (N, ahead, 2)."""
        ahead = self.horizon if ahead is None else ahead
        rows = max(1, ROWS // PATHS // (1 + ahead // LONG))
        parts = [self._quantiles(series[i : i + rows], ahead) for i in range(0, len(series), rows)]
        forecasts, units = zip(*parts, strict=True)
        return np.concatenate(forecasts), np.concatenate(units)

    def paths(self, series: Sequence[Series], ahead: int | None = None) -> np.ndarray:
        """Sample paths (N, P, ahead). The same noise drives every series, so none depends on the others."""
        return self._drawn(series, self.horizon if ahead is None else ahead)[0]

    def _drawn(self, series: Sequence[Series], ahead: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The paths; each window's unit (N, 1); and which series were transformed (N,)."""
        view = self.view
        pool = WindowPool(series, view)
        read, floor, shown = pool.last(ahead, ahead)
        level, unit = view.measure(read, floor)
        scaled = ((read - level) / unit)[:, None]
        most = REACH * (np.abs(scaled).max(axis=2) + 1.0)
        extra = _beside(view, shown, ahead)
        found: list[np.ndarray] = []
        for k, network in enumerate(self.networks[:PATHS]):  # more than there are paths draw none
            rng = np.random.default_rng(k)
            count = len(range(k, PATHS, len(self.networks)))
            size = (ahead, count)  # so a longer horizon begins with the shorter one's paths
            noise = rng.standard_t(TAILS.df, size) if view.head == "student_t" else rng.normal(size=size)
            found.append(_draw(view, network, scaled, extra, noise.T, most))
        z = level[:, :, None] + unit[:, :, None] * np.concatenate(found, axis=1)
        y = np.where(pool.lifted[:, None, None], powers.back(z, view.power), powers.back(z, 1.0))
        lowest = np.array([each.values.min() for each in series])[:, None, None]
        return np.where(lowest >= 0.0, np.maximum(y, 0.0), y), unit, pool.lifted

    def _quantiles(self, series: Sequence[Series], ahead: int) -> tuple[np.ndarray, np.ndarray]:
        paths, unit, lifted = self._drawn(series, ahead)
        lowest = np.array([abs(each.values.min()) for each in series])[:, None]
        low, forecast, high = np.quantile(paths, (0.1, 0.5, 0.9), axis=1)
        near = np.maximum(np.abs(forecast), NEAR_ZERO * lowest)
        size = np.where(lifted[:, None], unit * powers.slope(near, self.view.power), unit)
        size = np.maximum(size, SMALLEST)
        return forecast, np.maximum(np.stack([forecast - low, high - forecast], axis=2), LEAST * size[:, :, None])


def sampled_features(view: View) -> int:
    """Numbers that a step reads: the last rows, one of each longer season before the next, and what is beside them."""
    return max(1, view.skip) + len(_seasons(view)) + view.inputs.features(1, 1, view.masked)


def fit_sampled(
    pool: WindowPool, view: View, effort: Effort, seed: int, stop: Event, network: Network | None, count: Any
) -> Network:
    """One network, or `network` trained on; CancelledError once `stop` is set."""
    if network is None:
        network = Network(
            sampled_features(view), effort.hidden_size, 2, cell=effort.cell, skip=view.skip > 0, seed=seed
        )
        for name in ("head.weight", "skip.weight")[: 1 + (view.skip > 0)]:
            network.parameters[name][...] = 0.0
    updates = max(1, effort.updates // 2)  # each learns from `horizon` rows of every window
    trainer = Trainer(
        network,
        loss=SAMPLED[view.head],
        optimizer=AdamW(effort.learning_rate, weight_decay=effort.weight_decay),
        schedule=Cosine(updates),
        batch_size=effort.batch_size,
        clip_norm=1.0,
        seed=seed,
    )
    rng = np.random.default_rng(seed)
    with kept_simple(network):
        for done in range(0, updates, BLOCK):
            if stop.is_set():
                raise CancelledError
            x, y, weight = _windows(pool, view, min(BLOCK, updates - done) * effort.batch_size, rng)
            trainer.fit(x, y, sample_weight=weight, epochs=1, shuffle=False, progress=False)
            count.add(effort.updates * min(BLOCK, updates - done) // updates)
    return network


def _windows(
    pool: WindowPool, view: View, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (count, T, F), targets (count, T, 1) and weights (count, T) of drawn windows, T = context + horizon - 1: 1
    where the row that follows a step is one of the horizon's, and known."""
    whole, floor, shown, unknown = pool.drawn(count, rng)
    c, ends = view.context, np.arange(1, view.context + view.horizon)
    level, unit = view.measure(whole[:, :c], floor)
    scaled = ((whole - level) / unit)[:, None]
    x = _features(view, scaled[:, :, :-1], ends)[:, 0]
    x = np.concatenate([x, _beside(view, shown, view.horizon)], axis=2, dtype=np.float32)
    base = np.maximum(ends - view.lag, 0)
    y = (scaled[:, 0, ends] - scaled[:, 0, base])[:, :, None].astype(np.float32)
    weight = np.broadcast_to(ends >= c, y.shape[:2]).astype(np.float32)
    return x, y, weight * (1.0 - unknown[:, 1:]).astype(np.float32)


def _seasons(view: View) -> tuple[int, ...]:
    return tuple(season for season in view.seasons if season > 1)


def _features(view: View, known: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """What the steps that read up to the rows `ends` (T,) see of rows (N, P, n) in the window's unit: (N, P, T, F)."""
    back = [ends - 1 - k for k in range(max(1, view.skip))] + [ends - season for season in _seasons(view)]
    rows = np.stack(back, axis=1)
    return (known[..., np.maximum(rows, 0)] * (rows >= 0)).astype(np.float32)


def _beside(view: View, shown: CovariateWindows, ahead: int) -> np.ndarray:
    """The covariates' features (N, context + ahead - 1, F) of every step; past the context the past ones stand still,
    and nothing is unknown."""
    c, steps = view.context, view.context + ahead - 1
    past = np.concatenate([shown.past, np.repeat(shown.past[:, -1:], ahead - 1, axis=1)], axis=1)
    unknown = np.concatenate([shown.unknown, np.zeros((len(past), ahead - 1, shown.unknown.shape[2]))], axis=1)
    if not (view.inputs or view.masked):
        return np.zeros((len(past), steps, 0), np.float32)
    future = shown.future[:, : c + ahead]
    return covariate_features(
        np.arange(1, steps + 1), 1, view.lag, CovariateWindows(past, future, shown.static, unknown)
    )


def _draw(
    view: View, network: Network, scaled: np.ndarray, extra: np.ndarray, noise: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """Paths (N, P, ahead) in the window's unit after scaled (N, 1, context), driven by noise (P, ahead)."""
    n, c, (paths, ahead) = len(scaled), view.context, noise.shape
    x = np.concatenate([_features(view, scaled, np.arange(1, c + 1))[:, 0], extra[:, :c]], axis=2)
    y, state = network.predict(x, return_state=True)
    state: Any = {name: np.repeat(each, paths, axis=0) for name, each in state.items()}
    y = np.repeat(y[:, -1], paths, axis=0)
    rows = np.concatenate([np.repeat(scaled, paths, axis=1), np.zeros((n, paths, ahead))], axis=2)
    for k in range(ahead):
        answer = y.reshape(n, paths, 2).astype(np.float64)
        scale = np.exp(np.clip(answer[:, :, 1], -MOST, MOST))
        drawn = rows[:, :, c + k - view.lag] + answer[:, :, 0] + scale * noise[:, k]
        rows[:, :, c + k] = np.clip(drawn, -most, most)
        if k + 1 < ahead:
            own = _features(view, rows, np.array([c + k + 1]))
            near = np.broadcast_to(extra[:, None, c + k : c + k + 1], (n, paths, 1, extra.shape[2]))
            x = np.concatenate([own, near], axis=3).reshape(n * paths, 1, -1)
            y, state = network.predict(x, state=state, return_state=True)
            y = y[:, 0]
    return rows[:, :, c:]
