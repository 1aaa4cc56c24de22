"""One model for many series: windows of all of them train the same networks, each window in a unit of its own.

A step of the network is one short season (a day of hours) of the window, less the window's level over its spread;
beside it stand, where there is a longer season too (a week), the rows that followed one long season before. The answer
is the difference from a `base` that needs no network, a season before, in the same unit; head and skip begin at zero,
so training starts from the base. Series that are above zero may be taken in logarithms.

Which season is the base, and whether logarithms are taken, is tried on small networks: trained without the last
`horizon` rows of every series, scored on these. What wins is trained in full on all rows that are known, for a number
of updates that the data does not decide, so nothing later than the cut is ever looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman import checks
from elman.config import get_num_threads
from elman.forecast.baselines import seasonal_naive
from elman.forecast.errors import DataError
from elman.forecast.metrics import mase_scale, measure
from elman.network import Network
from elman.optim import AdamW
from elman.schedules import Cosine
from elman.training import Trainer

__all__ = ["EFFORTS", "Effort", "PooledModel", "View", "context_rows", "least_rows", "train_pooled"]

FLAT = 0.1  # of a series' usual change from row to row: the least unit a window is measured in, however flat it is
STEPS = 14  # that a network reads, where the series are long enough
AT_ONCE = 4096  # series that are forecast at a time
BLOCK = 256  # updates whose windows are made at a time, so that memory does not grow with the data


class Effort(NamedTuple):
    """How much is trained: the networks of the ensemble, the units and updates of each, and the same of a trial."""

    members: int
    hidden_size: int
    updates: int
    trial_updates: int
    batch_size: int = 64
    learning_rate: float = 3e-3
    cell: str = "gru"


EFFORTS = {
    "fast": Effort(1, 32, 1000, 0),
    "normal": Effort(2, 64, 4000, 500),
    "best": Effort(4, 128, 16000, 1000),
}


@dataclass(frozen=True)
class View:
    """What a network sees of a series.

    seasons   rows in a season, short to long; (1,) for none
    context   rows that are read, a multiple of `step`
    horizon   rows that are forecast
    lag       rows back from each forecast row to its base: one of the seasons, or 1 for the last value
    log       whether series above zero are taken in logarithms
    """

    seasons: tuple[int, ...]
    context: int
    horizon: int
    lag: int
    log: bool

    @property
    def step(self) -> int:
        """Rows of one step of the network."""
        return self.seasons[0]

    @property
    def shown(self) -> int:
        """Rows of a long season before that stand beside each step; 0 where a step holds that season itself."""
        return min(self.horizon, self.seasons[-1]) if self.seasons[-1] > self.step else 0

    @property
    def features(self) -> int:
        """Numbers that a step of the network reads."""
        return self.step + self.shown

    def windows(self, read: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """read (n, context), floor (n, 1) the least unit -> x (n, T, F) float32, base (n, h) and unit (n, 1): a
        forecast is base + unit * answer."""
        recent = read[:, -max(self.seasons[-1], min(self.context, 8)) :]
        level = recent.mean(axis=1, keepdims=True)
        unit = np.maximum(np.abs(recent - level).mean(axis=1, keepdims=True), floor)
        scaled = ((read - level) / unit).astype(np.float32)
        steps = self.context // self.step
        x = np.zeros((len(read), steps, self.features), np.float32)
        x[:, :, : self.step] = scaled.reshape(len(read), steps, self.step)
        if self.shown:
            starts = self.step * np.arange(1, steps + 1) - self.seasons[-1]
            known = starts >= 0  # earlier steps are shown zeros
            x[:, known, self.step :] = sliding_window_view(scaled, self.shown, axis=1)[:, starts[known]]
        base = read[:, self.context - self.lag + np.arange(self.horizon) % self.lag]
        return x, base, unit


@dataclass(frozen=True, eq=False)
class PooledModel:
    """Networks trained on many series; `predict` takes any series of at least `view.context` rows, also new ones."""

    view: View
    networks: tuple[Network, ...]

    @property
    def context(self) -> int:
        """Rows that are read."""
        return self.view.context

    @property
    def horizon(self) -> int:
        """Rows that are forecast."""
        return self.view.horizon

    @property
    def season(self) -> int | tuple[int, ...]:
        """Rows in a season, or in each of several."""
        short, *longer = self.view.seasons
        return self.view.seasons if longer else short

    def predict(self, series: Sequence[np.ndarray]) -> np.ndarray:
        """The rows that follow each of N series (n,): (N, horizon)."""
        return self.predict_with_units(series)[0]

    def predict_with_units(self, series: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Forecasts (N, h), and the unit (N, h) of each one's errors: what one unit of the answer is there."""
        parts = [self._predict(series[i : i + AT_ONCE]) for i in range(0, len(series), AT_ONCE)]
        forecasts, units = zip(*parts, strict=True)
        return np.concatenate(forecasts), np.concatenate(units)

    def _predict(self, series: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        pool = _Pool(series, self.view.log)
        x, base, unit = self.view.windows(pool.last(self.view.context), pool.floor[:, None])
        answer = np.median([network.predict(x) for network in self.networks], axis=0).astype(np.float64)
        z = base + unit * answer
        log = pool.log[:, None]
        with np.errstate(over="ignore"):
            forecast = np.where(log, np.exp(np.where(log, z, 0.0)), z)
        lowest = np.array([values.min() for values in series])[:, None]
        forecast = np.where(lowest >= 0.0, np.maximum(forecast, 0.0), forecast)
        return forecast, np.where(log, unit * forecast, unit)

    def check_history(self, values: np.ndarray) -> None:
        """`DataError` for values (n,) that are too few to forecast from."""
        if len(values) < self.view.context:
            raise DataError(f"history: expected at least {self.view.context} rows to forecast from, got {len(values)}")


def least_rows(horizon: int, seasons: Sequence[int]) -> int:
    """The fewest rows of a series that the networks can learn from: what is read, and what follows it."""
    return _least_context(seasons) + horizon


def context_rows(wanted: int | None, rows: np.ndarray, horizon: int, seasons: Sequence[int]) -> int:
    """Rows of a window that are read, in whole steps: what was asked for, else `STEPS` steps, fewer where that and a
    horizon is more than half of the usual series of these numbers of rows (N,), or than the shortest."""
    step, least = seasons[0], _least_context(seasons)
    most = int(min(np.median(rows) - 2 * horizon, rows.min() - horizon))
    if wanted is None:
        usual = min(STEPS * step if step > 1 else 2 * STEPS, int(np.median(rows)) // 2 - horizon, most)
        return max(least, usual // step * step)
    context = -(-checks.whole("context", wanted, low=least) // step) * step
    if context > most:
        raise DataError(f"context: {context} rows are too many for these series and horizon {horizon}; at most {most}")
    return context


def train_pooled(
    series: Sequence[np.ndarray], seasons: Sequence[int], horizon: int, context: int, effort: Effort, seed: int
) -> PooledModel:
    """The model of N series (n,); those shorter than context + horizon are not learned from.

    The same seed gives the same bits with any number of threads.
    """
    stop = Event()  # set on the way out, so that Ctrl-C does not wait for trainings that nobody wants any more
    pool = ThreadPoolExecutor(max(1, get_num_threads()), thread_name_prefix="elman")
    try:
        view = _choose(series, _views(series, tuple(seasons), horizon, context), effort, seed, pool, stop)
        data = _Pool(series, view.log)
        jobs = [pool.submit(_fit, data, view, effort, seed + k, stop) for k in range(effort.members)]
        return PooledModel(view, tuple(job.result() for job in jobs))
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _views(series: Sequence[np.ndarray], seasons: tuple[int, ...], horizon: int, context: int) -> list[View]:
    """The first is what most series want."""
    logs = (True, False) if any(values.min() > 0.0 for values in series) else (False,)
    return [View(seasons, context, horizon, lag, log) for log in logs for lag in seasons]


def _choose(
    series: Sequence[np.ndarray], views: list[View], effort: Effort, seed: int, pool: ThreadPoolExecutor, stop: Event
) -> View:
    """The view whose trial has the smallest error on the last rows of the series; the first without trials."""
    width = views[0].context + 2 * views[0].horizon
    long = [values for values in series if len(values) >= width]
    if len(views) == 1 or not effort.trial_updates or not long:
        return views[0]
    known, truth = ([values[: -views[0].horizon] for values in long], [values[-views[0].horizon :] for values in long])
    trial = effort._replace(hidden_size=min(32, effort.hidden_size), updates=effort.trial_updates)
    jobs = [pool.submit(_fit, _Pool(known, view.log), view, trial, seed, stop) for view in views]
    models = [PooledModel(view, (job.result(),)) for view, job in zip(views, jobs, strict=True)]
    return min(models, key=lambda model: _error(model, known, truth)).view


# ------------------------------------------------------------------------------------------- training


class _Pool:
    """Series end to end in one array, each in logarithms where `log` and it is above zero."""

    def __init__(self, series: Sequence[np.ndarray], log: bool) -> None:
        self.log = np.array([log and float(values.min()) > 0.0 for values in series])
        self.ends = np.cumsum([len(values) for values in series])
        self.rows = np.diff(self.ends, prepend=0)
        self.z = np.concatenate(
            [np.log(values) if log else values for values, log in zip(series, self.log, strict=True)]
        )
        change = np.abs(np.diff(self.z, append=self.z[-1]))
        change[self.ends - 1] = 0.0  # no change leads from one series to the next
        sums = np.add.reduceat(change, self.ends - self.rows)
        self.floor = np.maximum(FLAT * sums / np.maximum(self.rows - 1, 1), np.finfo(np.float64).tiny)

    def last(self, count: int) -> np.ndarray:
        """The last rows of every series, (N, count)."""
        return sliding_window_view(self.z, count)[self.ends - count]

    def draw(self, view: View, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """x (count, T, F) and targets (count, h) of windows anywhere in the series, all equally likely."""
        width = view.context + view.horizon
        windows = np.maximum(self.rows - width + 1, 0)
        below = np.cumsum(windows)
        drawn = rng.integers(0, below[-1], count)
        own = np.searchsorted(below, drawn, "right")
        start = (self.ends - self.rows)[own] + drawn - (below - windows)[own]
        whole = sliding_window_view(self.z, width)[start]
        x, base, unit = view.windows(whole[:, : view.context], self.floor[own, None])
        return x, ((whole[:, view.context :] - base) / unit).astype(np.float32)


def _fit(pool: _Pool, view: View, effort: Effort, seed: int, stop: Event) -> Network:
    """One network; CancelledError once `stop` is set."""
    network = Network(
        view.features, effort.hidden_size, view.horizon, cell=effort.cell, output="last", skip=True, seed=seed
    )
    for name in ("head.weight", "skip.weight"):
        network.parameters[name][...] = 0.0
    trainer = Trainer(
        network,
        loss="mae",
        optimizer=AdamW(effort.learning_rate),
        schedule=Cosine(effort.updates),
        batch_size=effort.batch_size,
        clip_norm=1.0,
        seed=seed,
    )
    rng = np.random.default_rng(seed)
    for done in range(0, effort.updates, BLOCK):
        if stop.is_set():
            raise CancelledError
        x, y = pool.draw(view, min(BLOCK, effort.updates - done) * effort.batch_size, rng)
        trainer.fit(x, y, epochs=1, shuffle=False, progress=False)
    return network


def _error(model: PooledModel, known: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> float:
    """Mean sMAPE and mean MASE of the series, each over the seasonal naive's; half the sum. Either alone is blind:
    sMAPE to what matters in series far from zero, MASE to those that drift away from their past."""
    season = model.view.seasons[0]
    ours = np.empty((2, len(known)))
    theirs = np.empty_like(ours)
    for i, (values, y, forecast) in enumerate(zip(known, truth, model.predict(known), strict=True)):
        scale = mase_scale(values, season)
        naive = seasonal_naive(values, len(y), season)
        for found, each in ((ours, forecast), (theirs, naive)):
            errors = measure(y, each, scale)
            found[:, i] = errors["smape"], errors["mase"]
    tiny = np.finfo(np.float64).tiny
    return float(np.mean(np.nanmean(ours, axis=1) / np.maximum(np.nanmean(theirs, axis=1), tiny)))


def _least_context(seasons: Sequence[int]) -> int:
    """Two short seasons, one long one, and some rows to tell the level by."""
    step = seasons[0]
    return -(-max(2 * step, seasons[-1], 8) // step) * step
