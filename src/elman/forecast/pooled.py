"""One model for many series: windows of all of them train the same networks, each window in a unit of its own.

A step of the network is one short season (a day of hours) of the window, less the window's level over its spread;
beside it stand, where there is a longer season too (a week), the rows that followed one long season before. The answer
is the difference from a `base` that needs no network, a season before, in the same unit; head and skip begin at zero,
so training starts from the base. Series that are above zero may be taken in logarithms (`power.py`). Covariates stand
beside the values as `covariates.beside` lays them out; values that are masked are shown as such and not learned.

Which season is the base, and whether logarithms are taken, is tried on small networks: trained without the last
`horizon` rows of every series, scored on these. What wins is trained in full on all rows that are known, for a number
of updates that the data does not decide, so nothing later than the cut is ever looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event, Lock
from typing import Any, NamedTuple

import numpy as np

from elman.core.losses import Custom, Pinball
from elman.core.optim import AdamW
from elman.core.schedules import Cosine
from elman.engines.config import get_num_threads
from elman.forecast import power as powers
from elman.forecast.baselines import seasonal_naive
from elman.forecast.failed import kept_simple
from elman.forecast.metrics import mase_scale, measure
from elman.forecast.view import View, WindowPool
from elman.network import Network
from elman.series.errors import DataError
from elman.series.inputs import Inputs
from elman.series.limits import SMALLEST
from elman.series.series import Series
from elman.train.training import Trainer

__all__ = [
    "EFFORTS",
    "Effort",
    "PooledModel",
    "effort_of",
    "train_pooled",
    "views",
]

NEAR_ZERO = 1e-6  # of a series' least value: what a forecast counts as, at least, where its unit depends on it
LEAST = 0.05  # of a window's unit: the least distance of a quantile from the median
AT_ONCE = 4096  # series that are forecast at a time
BLOCK, BLOCK_BYTES = 256, 2**22  # updates whose windows are made at a time: memory stays small, and in the cache
Kind = tuple[Any, type["PooledModel"]]
Tell = Callable[[float], None]  # is told which share of the work is done


class Effort(NamedTuple):
    """How much is trained: the networks of the ensemble, the units and updates of each, and the same of a trial."""

    members: int
    hidden_size: int
    updates: int
    trial_updates: int
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    cell: str = "gru"


_FEW = Effort(5, 16, 500, 300, 16, 5e-3, 0.5, "tanh")
_SOME = Effort(3, 32, 1000, 300, 32, 3e-3, 0.1)
EFFORTS: dict[str, dict[int, Effort]] = {  # by the rows of all series, from which each is worth its while
    "fast": {0: _FEW._replace(members=2), 2000: _SOME._replace(members=1), 30_000: Effort(1, 32, 1000, 0)},
    "normal": {0: _FEW, 2000: _SOME, 30_000: Effort(2, 64, 4000, 500)},
    "best": {0: _FEW._replace(members=15), 2000: _SOME._replace(members=10), 30_000: Effort(4, 128, 16000, 1000)},
}


def effort_of(word: str, rows: int) -> Effort:
    """What an effort means for so many rows in all: networks grow with them, for large ones know few rows by heart."""
    return next(effort for least, effort in reversed(EFFORTS[word].items()) if rows >= least)


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
    def inputs(self) -> Inputs:
        """What is known beside the values."""
        return self.view.inputs

    @property
    def season(self) -> int | tuple[int, ...]:
        """Rows in a season, or in each of several."""
        short, *longer = self.view.seasons
        return self.view.seasons if longer else short

    def predict(self, series: Sequence[Series], ahead: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The `ahead` rows that follow each of N series, (N, ahead), and how large an error is usual there, below and
        above, (N, ahead, 2): what one unit of the answer is. None: the horizon. Rows past the horizon are forecast from
        forecasts."""
        ahead = self.horizon if ahead is None else ahead
        known = list(series)
        found: list[tuple[np.ndarray, np.ndarray]] = []
        for done in range(0, ahead, self.horizon):
            if done:
                known = [each.with_forecasts(values) for each, values in zip(known, found[-1][0], strict=True)]
            rows = min(self.horizon, ahead - done)
            parts = [self._predict(known[i : i + AT_ONCE], rows) for i in range(0, len(known), AT_ONCE)]
            forecasts, units = zip(*parts, strict=True)
            found.append((np.concatenate(forecasts), np.concatenate(units)))
        forecasts, units = zip(*found, strict=True)
        return np.concatenate(forecasts, axis=1), np.concatenate(units, axis=1)

    def _predict(self, series: Sequence[Series], rows: int) -> tuple[np.ndarray, np.ndarray]:
        view, pool = self.view, WindowPool(series, self.view)
        x, base, unit = view.windows(*pool.last(rows))
        answers = np.median([network.predict(x) for network in self.networks], axis=0).astype(np.float64)
        answers = np.sort(answers.reshape(len(x), view.horizon, -1), axis=2)[:, :rows]  # so quantiles never cross
        z = base[:, :rows, None] + unit[:, :, None] * answers
        lifted = pool.lifted[:, None]
        found = np.where(lifted[:, :, None], powers.back(z, view.power), powers.back(z, 1.0))
        lowest = np.array([each.values.min() for each in series])
        found = np.where(lowest[:, None, None] >= 0.0, np.maximum(found, 0.0), found)
        forecast = found[:, :, answers.shape[2] // 2]
        near = np.maximum(forecast, NEAR_ZERO * np.maximum(lowest, 0.0)[:, None])
        one = np.maximum(np.where(lifted, unit * powers.slope(near, view.power), unit), SMALLEST)
        if view.head == "median":
            return forecast, np.repeat(one[:, :, None], 2, axis=2)
        sides = np.stack([forecast - found[:, :, 0], found[:, :, -1] - forecast], axis=2)
        return forecast, np.maximum(sides, LEAST * one[:, :, None])

    def check_history(self, series: Series) -> None:
        """`DataError` for a series that is too short to forecast from."""
        if len(series) < self.view.context:
            raise DataError(f"history: expected at least {self.view.context} rows to forecast from, got {len(series)}")


def views(series: Sequence[Series], seasons: Sequence[int], power: float | None, usual: View) -> list[View]:
    """The views to be tried, like `usual` but for base and power; the first is what most series want.

    power   None: logarithms or none
    """
    above = any(each.values.min() > 0.0 for each in series)
    tried = (power,) if power is not None and above else (0.0, 1.0) if above else (1.0,)
    return [replace(usual, lag=lag, power=each) for each in tried for lag in seasons]


def train_pooled(
    series: Sequence[Series],
    views: Sequence[View],
    effort: Effort,
    seed: int,
    start: Sequence[Network] | None = None,
    kind: Kind | None = None,
    tell: Tell | None = None,
) -> PooledModel:
    """The model of N series; those shorter than context + horizon are not learned from. Of several views the one is
    kept whose trial is best.

    start   networks to go on from
    kind    what trains one network, and the class of the model
    tell    is called with the share of all updates that is done
    The same seed gives the same bits with any number of threads.
    """
    fit, model = kind or (_fit, PooledModel)
    stop = Event()  # set on the way out, so that Ctrl-C does not wait for trainings that nobody wants any more
    pool = ThreadPoolExecutor(max(1, get_num_threads()), thread_name_prefix="elman")

    done = _Count(tell, effort.members * effort.updates + len(views) * effort.trial_updates * (len(views) > 1))

    def train(data: WindowPool, view: View, effort: Effort, seed: int, network: Network | None) -> Any:
        return pool.submit(fit, data, view, effort, seed, stop, network, done)

    def choose() -> View:
        horizon = views[0].horizon
        long = [each for each in series if len(each) >= views[0].context + 2 * horizon]
        if len(views) == 1 or not effort.trial_updates or not long:
            return views[0]
        known, truth = [each.head(len(each) - horizon) for each in long], [each.observed[-horizon:] for each in long]
        trial = effort._replace(hidden_size=min(32, effort.hidden_size), updates=effort.trial_updates)
        jobs = [train(WindowPool(known, view), view, trial, seed, None) for view in views]
        models = [model(view, (job.result(),)) for view, job in zip(views, jobs, strict=True)]
        return min(models, key=lambda each: _error(each, known, truth)).view

    try:
        view = choose()
        first = [None] * effort.members if start is None else [Network.from_theta(n.layout, n.theta) for n in start]
        data = WindowPool(series, view)
        jobs = [train(data, view, effort, seed + k, network) for k, network in enumerate(first)]
        return model(view, tuple(job.result() for job in jobs))
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


# ------------------------------------------------------------------------------------------- training


class _Count:
    """Updates that are done, of several networks at a time."""

    def __init__(self, tell: Tell | None, total: int) -> None:
        self._tell, self._total, self._done, self._lock = tell, total, 0, Lock()

    def add(self, updates: int) -> None:
        if self._tell is not None:
            with self._lock:
                self._done += updates
                self._tell(min(1.0, self._done / self._total))


def _fit(
    pool: WindowPool, view: View, effort: Effort, seed: int, stop: Event, network: Network | None, count: _Count
) -> Network:
    """One network, or `network` trained on; CancelledError once `stop` is set."""
    if network is None:
        network = Network(
            view.features,
            effort.hidden_size,
            view.outputs,
            cell=effort.cell,
            output="last",
            skip=view.skip > 0,
            seed=seed,
        )
        for name in ("head.weight", "skip.weight")[: 1 + (view.skip > 0)]:
            network.parameters[name][...] = 0.0
    trainer = Trainer(
        network,
        loss=_known(view) if view.masked else "mae" if view.head == "median" else Pinball(view.quantiles),
        optimizer=AdamW(effort.learning_rate, weight_decay=effort.weight_decay),
        schedule=Cosine(effort.updates),
        batch_size=effort.batch_size,
        clip_norm=1.0,
        seed=seed,
    )
    rng = np.random.default_rng(seed)
    row = view.features * (view.context // view.step) + view.outputs
    update = 4 * effort.batch_size * row  # bytes of its windows
    block = max(1, min(BLOCK, BLOCK_BYTES // update))
    with kept_simple(network):
        for done in range(0, effort.updates, block):
            if stop.is_set():
                raise CancelledError
            updates = min(block, effort.updates - done)
            x, y = pool.draw(updates * effort.batch_size, rng)
            trainer.fit(x, y, epochs=1, shuffle=False, progress=False)
            count.add(updates)
    return network


def _known(view: View) -> Custom:
    """Twice the pinball loss of targets y[:, :h] that are known, y[:, h:]: the absolute error for the median alone."""
    q = np.array(view.quantiles)

    def function(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        y, known = np.split(y, 2, axis=1)
        e = y[:, :, None] - y_hat.reshape(*y.shape, len(q))
        scale = (2.0 / y_hat.shape[1]) * (known * weight[:, None])[:, :, None]
        slope = scale * np.where(e > 0.0, -q, np.where(e < 0.0, 1.0 - q, 0.0))
        return float((scale * np.maximum(q * e, (q - 1.0) * e)).sum()), slope.reshape(y_hat.shape)

    return Custom("pinball of known values", function, outputs=view.outputs, targets=2 * view.horizon)


def _error(model: PooledModel, known: Sequence[Series], truth: Sequence[np.ndarray]) -> float:
    """Mean sMAPE and mean MASE of the series, each over the seasonal naive's; half the sum. Either alone is blind:
    sMAPE to what matters in series far from zero, MASE to those that drift away from their past."""
    season = model.view.seasons[0]
    ours = np.empty((2, len(known)))
    theirs = np.empty_like(ours)
    for i, (each, y, forecast) in enumerate(zip(known, truth, model.predict(known)[0], strict=True)):
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
