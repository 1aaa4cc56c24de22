"""Finds out why a training stopped: computes one update again, up to the first value out of bounds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from elman.core.losses import Custom
from elman.core.optim import SGD
from elman.core.parameters import Parameters
from elman.core.requests import Batch, Records
from elman.network import Network
from elman.train.doctor.advice import advice
from elman.train.doctor.batches import fitting_rows, widened, windowed
from elman.train.doctor.extremes import extreme, extreme_of_data, size, weights_beyond
from elman.train.doctor.place import first_beyond
from elman.train.doctor.replay import Replay
from elman.train.doctor.report import Report
from elman.train.state import TrainingState

__all__ = ["diagnose"]

LARGE = 1e4  # the bound in a training whose loss exploded, all values finite still
RECENT = 8  # updates before, whose losses and norms are reported


def diagnose(
    state: TrainingState,
    batch: Batch,
    rows: np.ndarray,
    *,
    epoch: int | None,
    loss: float,
    norm: float,
    window: tuple[int, int] | None = None,
    exploded: bool = False,
) -> Report:
    """Reports what happened in the update on some rows of a batch, or on a window of their steps (from, to before).

    state     the training before the update; with `exploded`, after it
    epoch     counted from 1; None outside of epochs
    loss, norm   what the update found, the norm that of the gradient
    exploded  whether all values are finite, but the loss is far above an untrained network's

    Of many rows only some are replayed: those whose loss or gradient is not finite, found by bisection.
    """
    network, layout, history = state.network, state.network.layout, state.history
    theta = network.theta.copy()
    bound = LARGE if exploded else math.sqrt(float(np.finfo(theta.dtype).max))
    done = len(history.update_loss)
    before = slice(max(0, done - RECENT), done)
    place, in_float64, names = None, None, ()
    start = 0 if window is None else window[0]
    with np.errstate(all="ignore"):  # overflows are what is looked for
        batch = batch if window is None else windowed(layout, theta, batch, rows, *window)
        own = _narrowed(state, theta, batch, rows)
        if own.size:
            # with a user's own loss, draws depend on a row's place in the update, not in the data
            drawn = np.flatnonzero(np.isin(rows, own)) if isinstance(state.loss, Custom) else own
            key = (state.seed, state.updates, drawn) if layout.draws else None
            replay = Replay(layout, theta, batch.take(own), key)
            dy = replay.derivative(state.loss)[1]
            flat = replay.gradient(dy, state.truncate, state.activity_penalty)
            names = tuple(name for name, array in Parameters(layout, flat).items() if not np.isfinite(array).all())
            place = first_beyond(replay.forward(), bound, "forward", own)
            if place is None:
                back = replay.backward(dy, state.truncate, state.activity_penalty)
                place = first_beyond(back, bound, "backward", own)
            if place is not None and place.step is not None:
                place = place._replace(step=place.step + start)
        if theta.dtype == np.float32 and np.isfinite(theta).all() and not exploded:
            in_float64 = _attempt(state, theta.astype(np.float64), widened(batch.take(rows)), np.arange(len(rows)))
    batch = batch.take(rows)
    weights = weights_beyond(Parameters(layout, theta), math.sqrt(float(np.finfo(theta.dtype).max)))
    largest = max((extreme(name, array) for name, array in Parameters(layout, theta).items()), key=size)
    x = None if layout.integer_input else extreme_of_data("x", batch.x, batch.lengths, rows, start)
    y = batch.y
    targets = None if y is None or y.dtype.kind != "f" else extreme_of_data("y", y, batch.lengths, rows, start)
    rate = float(history.update_learning_rate[-1]) if done else state.optimizer.learning_rate
    report = Report(
        update=state.updates + (0 if exploded else 1),
        epoch=epoch,
        loss=loss,
        gradient_norm=norm,
        exploded=exploded,
        learning_rate=rate,
        rows=tuple(map(int, rows)),
        replayed=tuple(map(int, own)),
        place=place,
        not_finite=names,
        weights=weights,
        largest_weight=largest,
        largest_x=x,
        largest_y=targets,
        in_float64=in_float64,
        recent_losses=tuple(map(float, history.update_loss[before])),
        recent_norms=tuple(map(float, history.gradient_norm[before])),
        advice=(),
    )
    return replace(report, advice=advice(report, state.clip_norm))


def _attempt(state: TrainingState, theta: np.ndarray, batch: Batch, rows: np.ndarray) -> tuple[float, float]:
    """Returns loss and gradient norm of the update on these rows, at weights theta, in theta's dtype."""
    trial = state._replace(
        network=Network.from_theta(state.network.layout, theta),  # a copy, so that the weights stay
        optimizer=SGD(0.0),
        slots=(),
        clip_norm=None,
        constraints=state.constraints if theta.dtype == state.network.dtype else None,
    )
    losses, norms, _ = trial.apply(batch, Records(rows, np.array([0, len(rows)]), np.zeros(1)))
    return float(losses[0]), float(norms[0])


def _narrowed(state: TrainingState, theta: np.ndarray, batch: Batch, rows: np.ndarray) -> np.ndarray:
    """Returns the rows for the replay: all where they fit; else some that are not finite, found by bisection."""
    fitting = fitting_rows(state.network.layout, batch.x.shape[1])
    while len(rows) > fitting > 0:
        for half in np.array_split(rows, 2):
            if not all(map(math.isfinite, _attempt(state, theta, batch, half))):
                rows = half
                break
        else:
            rows = rows[:fitting]
    return rows if fitting else rows[:0]
