"""The network's side of a forecast: windows of a series, trained, chosen and combined without a look past the cut.

A window is c rows that are read and h rows that are forecast. The network never sees the level of a series or its
unit: it reads the window less its own level over its own spread, and beside it the change from row to row (or
season to season) over that change's usual size, a few rows at each step; it answers with the difference from a `base`
that needs no network, in the same unit. A linear path leads from the last step to the answer; head and path begin at
zero, so training starts from the base. Covariates stand beside the values as `covariates.beside` lays them out.

What cannot be known beforehand is tried: each `Plan` (which base, which power of `power.py`) is trained on the training
rows, and the one with the smallest absolute error on the validation rows is kept, its answer scaled by the factor in
[0, 1] that suits these rows best.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from elman.core import checks
from elman.core.optim import AdamW
from elman.engines.config import get_num_threads
from elman.forecast import power as powers
from elman.forecast.failed import kept_simple
from elman.forecast.folds import cut
from elman.forecast.view import least_unit
from elman.network import Network
from elman.series.errors import DataError
from elman.series.inputs import NO_INPUTS, CovariateWindows, Inputs, covariate_features
from elman.series.series import Series
from elman.train.training import Trainer

__all__ = [
    "EFFORTS_OF_ONE",
    "FEATURES",
    "Job",
    "Model",
    "Plan",
    "Settings",
    "context_rows",
    "least_context",
    "least_rows",
    "steps_and_lags",
    "train_all",
    "windows",
]

FLAT = 0.1  # of the usual change from row to row: the least unit that a window is measured in, however flat it is
WINDOWS = 3  # the fewest training windows
FEATURES = 2  # of a row: the level, and the change


class Plan(NamedTuple):
    """What the network's answer is added to, "last" (the last value) or "season" (the last season), and the power that
    the series is taken in: 1 as it is, 0 in logarithms."""

    base: str
    power: float


@dataclass(frozen=True)
class Settings:
    """How networks are trained; `benchmarks/forecast_defaults.py` is how the defaults were chosen."""

    cell: str = "tanh"
    hidden_size: int = 4
    members: int = 5
    updates: int = 300
    learning_rate: float = 5e-3
    weight_decay: float = 0.5
    batch_size: int = 16
    patience: int = 100  # updates without a better validation loss
    lags: int = 4  # rows that a step of the network reads side by side
    seed: int = 0


EFFORTS_OF_ONE = {
    "fast": Settings(members=2, updates=150),
    "normal": Settings(),
    "best": Settings(members=15),
}


@dataclass(frozen=True, eq=False)
class Model:
    """A trained ensemble.

    plan      which of the plans the validation rows preferred
    context   rows that are read, c;  season, horizon  rows in a season, rows that are forecast
    shrink    factor in [0, 1] on the networks' mean answer
    lags      rows that a step of the network reads side by side
    networks  (steps, features) -> (h,) each
    inputs    what is known beside the values
    """

    plan: Plan
    context: int
    season: int
    horizon: int
    shrink: float
    lags: int
    networks: tuple[Network, ...]
    inputs: Inputs = NO_INPUTS

    def predict(self, series: Series, ahead: int | None = None) -> np.ndarray:
        """The `ahead` rows after a series of at least `context` rows; None: the horizon. Rows past the horizon are
        forecast from forecasts."""
        ahead = self.horizon if ahead is None else ahead
        found = self._predict(series, min(ahead, self.horizon))
        while len(found) < ahead:
            found = np.concatenate(
                [found, self._predict(series.with_forecasts(found), min(ahead - len(found), self.horizon))]
            )
        return found

    def _predict(self, series: Series, ahead: int) -> np.ndarray:
        z = powers.forward(series.values, self.plan.power)
        last = np.array([len(z)])
        shown = _beside(self.inputs, series, ahead, self.horizon)
        x, base, scale = windows(z, last, self.plan, self.context, self.season, self.horizon, self.lags, shown)
        answer = np.mean([network.predict(x) for network in self.networks], axis=0, dtype=np.float64)
        forecast = powers.back(base + self.shrink * scale * answer, self.plan.power)[0, :ahead]
        # what was never below zero (counts, sales, prices) is not forecast to be
        return np.maximum(forecast, 0.0) if series.values.min() >= 0.0 else forecast

    def check_history(self, series: Series) -> None:
        """`DataError` for a series that the model cannot forecast from."""
        values = series.values
        if len(values) < self.context:
            raise DataError(f"history: expected at least {self.context} rows to forecast from, got {len(values)}")
        if self.plan.power != 1.0 and values.min() <= 0.0:
            raise DataError(
                f"history: expected values above 0, as in the series that was fitted, got {values.min():g}"
                f" at index {values.argmin()}"
            )


def least_rows(horizon: int, season: int) -> int:
    """The fewest rows that a model can be trained on: of so many the context is one that `_most_context` allows."""
    read = least_context(season) + WINDOWS - 1
    trained = read + horizon  # what `folds.cut` must leave, of which a fifth is cut off, or a horizon
    return max(read + 2 * horizon, trained + (trained - 1) // 4)


def context_rows(wanted: int | None, rows: int, horizon: int, season: int) -> int:
    """Rows of a window that are read: what was asked for; else two seasons, or twice the horizon and at least 8; less
    where the rows are few."""
    least = least_context(season)
    most = _most_context(rows, horizon)
    if wanted is None:
        usual = 2 * season if season > 1 else max(8, min(2 * horizon, 24))
        return min(max(usual, least), max(least, rows // 2 - horizon), most)
    if checks.whole("context", wanted, low=least) > most:
        raise DataError(f"context: {wanted} rows are too many for {rows} rows and horizon {horizon}; at most {most}")
    return wanted


@dataclass(frozen=True)
class Job:
    """What one model is made of: a series that is known in full, the number of its rows that train, its season."""

    series: Series
    train: int
    season: int


def train_all(
    jobs: Sequence[Job],
    horizon: int,
    context: int | None,
    settings: Settings,
    power: float | None = None,
    calendar: tuple[str, ...] = (),
) -> list[Model]:
    """One model for each job, side by side on all threads.

    Every model depends on its own job alone, so the result is the same with any number of threads.
    """
    stop = Event()  # set on the way out, so that Ctrl-C does not wait for trainings that nobody wants any more
    asked = [
        (job, horizon, context_rows(context, len(job.series), horizon, job.season), settings, power, calendar, stop)
        for job in jobs
    ]
    workers = max(1, min(get_num_threads(), len(jobs)))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="elman")
    try:
        return [future.result() for future in [pool.submit(_train, *each) for each in asked]]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


# ------------------------------------------------------------------------------------------- training


def _train(
    job: Job,
    horizon: int,
    context: int,
    settings: Settings,
    power: float | None,
    calendar: tuple[str, ...],
    stop: Event,
) -> Model:
    """The plan with the smallest mean absolute error on the validation rows, values[train:]."""
    series, season, train = job.series, job.season, job.train
    inputs = Inputs.of([series.head(train)], calendar)
    shown = _beside(inputs, series, 0, 0)
    found: list[tuple[float, Model]] = []
    most = settings.updates * settings.batch_size  # windows that training can read even once
    for plan in _plans(series.values, season, power):
        z = powers.forward(series.values, plan.power)
        first = np.arange(context, len(z) - horizon + 1)  # the first row that each window forecasts
        first = first[:: -max(1, -(-len(first) // most))][::-1]
        x, base, scale = windows(z, first, plan, context, season, horizon, settings.lags, shown)
        truth = sliding_window_view(z, horizon)[first]
        target = ((truth - base) / scale).astype(np.float32)
        trains = slice(0, int(np.searchsorted(first, train - horizon, "right")))
        validates = slice(int(np.searchsorted(first, train)), None)
        networks = tuple(
            _fit(x[trains], target[trains], x[validates], target[validates], settings, settings.seed + k, stop)
            for k in range(settings.members)
        )
        answer = np.mean([network.predict(x[validates]) for network in networks], axis=0, dtype=np.float64)
        size = float((answer**2).sum())
        shrink = float(np.clip((answer * target[validates]).sum() / size, 0.0, 1.0)) if size > 0.0 else 0.0
        tried = powers.back(base[validates] + shrink * scale[validates] * answer, plan.power)
        error = float(np.abs(tried - powers.back(truth[validates], plan.power)).mean())
        lags = steps_and_lags(context, plan, season, settings.lags)[1]
        found.append((error, Model(plan, context, season, horizon, shrink, lags, networks, inputs)))
    return min(found, key=lambda each: each[0])[1]


def _beside(inputs: Inputs, series: Series, ahead: int, horizon: int) -> CovariateWindows | None:
    """What is known beside every row of a series and `horizon` rows on, of which `ahead` must be known; where later
    ones are not, the last one that is stands."""
    if not inputs:
        return None
    reach = inputs.reach(series, ahead, horizon)
    future = inputs.future_of(series, reach)
    future = np.concatenate([future, np.repeat(future[-1:], horizon - reach, axis=0)])
    static = inputs.static_of(series)
    return CovariateWindows(inputs.past_of(series), future, static, np.zeros((len(series), 0)))


def _fit(
    x: np.ndarray, y: np.ndarray, xv: np.ndarray, yv: np.ndarray, settings: Settings, seed: int, stop: Event
) -> Network:
    """One network, trained until the validation windows stop improving; CancelledError once `stop` is set."""

    def go_on(_: Trainer) -> None:
        if stop.is_set():
            raise CancelledError

    network = Network(
        x.shape[2], settings.hidden_size, y.shape[1], cell=settings.cell, output="last", skip=True, seed=seed
    )
    for name in ("head.weight", "skip.weight"):
        network.parameters[name][...] = 0.0
    epoch = -(-len(x) // settings.batch_size)  # updates
    trainer = Trainer(
        network,
        loss="mae",
        optimizer=AdamW(settings.learning_rate, weight_decay=settings.weight_decay),
        batch_size=settings.batch_size,
        clip_norm=1.0,
        seed=seed,
    )
    with kept_simple(network):
        trainer.fit(
            x,
            y,
            epochs=max(1, settings.updates // epoch),
            validation=(xv, yv),
            patience=max(3, settings.patience // epoch),
            progress=False,
            callback=go_on,
        )
    return network


def _plans(values: np.ndarray, season: int, power: float | None) -> list[Plan]:
    bases = ("season", "last") if season > 1 else ("last",)
    if values.min() <= 0.0:
        return [Plan(base, 1.0) for base in bases]
    return [Plan(base, each) for base in bases for each in ((1.0, 0.0) if power is None else (power,))]


# -------------------------------------------------------------------------------------------- windows


def least_context(season: int) -> int:
    """One difference over a season, or over one row and another to scale it by."""
    return season + 1 if season > 1 else 3


def _most_context(rows: int, horizon: int) -> int:
    """What leaves enough windows that end within the training rows."""
    return cut(rows, horizon) - horizon - WINDOWS + 1


def steps_and_lags(context: int, plan: Plan, season: int, lags: int) -> tuple[int, int]:
    """How many steps a window has, and how many rows stand side by side in each."""
    rows = context - (season if plan.base == "season" else 1)
    lags = max(1, min(lags, rows // 2))
    return rows - lags + 1, lags


def windows(
    z: np.ndarray,
    first: np.ndarray,
    plan: Plan,
    context: int,
    season: int,
    horizon: int,
    lags: int,
    shown: CovariateWindows | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the network reads and what its answer is added to, for windows whose forecast begins at rows `first` (n,).

    shown   what is known beside all rows of z
    Returns x (n, T, F) float32, base (n, h) and scale (n, 1): the forecast is base + scale * answer. Without covariates
    F is FEATURES * lags, and x a view of overlapping steps.
    """
    lag = season if plan.base == "season" else 1
    base = z[first[:, None] - lag + np.arange(horizon) % lag]
    read = sliding_window_view(z, context)[first - context]
    change = read[:, lag:] - read[:, :-lag]
    floor = max(FLAT * float(np.abs(np.diff(z)).mean()), float(least_unit(np.abs(z).max())))
    spread = np.maximum(read.std(axis=1, keepdims=True), floor)
    size = np.maximum(np.abs(change).mean(axis=1, keepdims=True), floor)
    # within a season, a row's own step says little about how far h rows lead: there the spread is the unit
    scale = spread if lag < season else size
    level = read[:, -season:].mean(axis=1, keepdims=True) if season > 1 else read[:, -1:]
    rows = np.stack([(read[:, lag:] - level) / spread, change / scale], axis=2).astype(np.float32)
    steps, lags = steps_and_lags(context, plan, season, lags)
    # rows (n, c - lag, FEATURES) are contiguous, so `lags` of them one after the other are the features of a step
    x = as_strided(rows, (len(rows), steps, FEATURES * lags), rows.strides, writeable=False)
    if shown is None:
        return x, base, scale
    at = first[:, None] - context + np.arange(context + horizon)
    own = CovariateWindows(
        shown.past[at[:, :context]],
        shown.future[at],
        np.broadcast_to(shown.static, (len(first), len(shown.static))),
        shown.unknown[at[:, :context]],
    )
    return np.concatenate([x, covariate_features(lag + lags + np.arange(steps), lags, lag, own)], axis=2), base, scale
