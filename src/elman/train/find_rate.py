"""Finds a learning rate: updates at rates that rise from very small to too large, and what their losses say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.core.requests import Batch, Records
from elman.network import arguments
from elman.network.arguments import Inputs
from elman.train.history import History
from elman.train.training import Trainer

__all__ = ["LearningRates", "find_learning_rate"]

ROWS = 1  # the number of the child of the seed that draws the rows of the updates
MOST = 100_000  # updates
BLOCK = 10  # updates between two looks at the loss
DIVERGED = 1.0  # times the fall of the loss, above its beginning: the rates beyond say nothing more
LEAST = 0.01  # part of the loss at the beginning: a smaller fall says nothing
KEEP = 0.9  # what an exponential mean of the losses keeps from update to update


class LearningRates(NamedTuple):
    """What a test of learning rates found, over U updates."""

    rates: np.ndarray  # (U,), rising
    losses: np.ndarray  # (U,), each before its update
    smoothed: np.ndarray  # (U,), their exponential mean, as if all batches had been equally hard
    suggestion: float | None  # the rate at which the smoothed loss falls fastest; None where it never falls


def find_learning_rate(
    trainer: Trainer,
    x: Inputs,
    y: ArrayLike,
    *,
    low: float = 1e-6,
    high: float = 1.0,
    updates: int = 100,
    lengths: Inputs | None = None,
    sample_weight: ArrayLike | None = None,
    state: Mapping[str, ArrayLike] | None = None,
) -> LearningRates:
    """Makes updates at learning rates that rise from `low` to `high`, and suggests one (Smith 2017).

    trainer  its network and its state are copied, and stay as they are; batches, optimiser, clipping and constraints
             are its own, its schedule is not used
    updates  at most so many, at rates in a geometric series; they end where the loss has risen far above its
             beginning, or is not finite
    x, y, lengths, sample_weight, state   as for `Trainer.fit`

    Begin a training at the suggestion, or a few times below; raise `updates` where losses are noisy. To plot the curve:
    smoothed losses over rates on a logarithmic axis.
    """
    if not isinstance(trainer, Trainer):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"trainer: expected an elman.Trainer, got {checks.shown(trainer)}")
    low = checks.number("low", low, low=0.0, open_low=True)
    if checks.number("high", high) <= low:
        raise ValueError(f"high: expected a rate above low={low}, got {checks.shown(high)}")
    rates = np.geomspace(low, high, checks.whole("updates", updates, low=10, high=MOST))
    layout, dtype = trainer.network.layout, trainer.network.dtype
    given: dict[str, Any] = {"lengths": lengths, "sample_weight": sample_weight, "state": state}
    batch = arguments.as_batch(layout, dtype, x, y, loss=trainer.loss, **given)[0]
    starts, rows = _rows(len(batch.x), trainer.batch_size, len(rates), trainer.seed)
    probe, resting = _Probe(trainer), _Probe(trainer)
    before, losses, smoothed = np.empty(0), np.empty(0), np.empty(0)
    for begin in range(0, len(rates), BLOCK):
        cut = starts[begin : begin + BLOCK + 1]
        block = Records(rows[cut[0] : cut[-1]], cut - cut[0], rates[begin : begin + BLOCK])
        losses = np.append(losses, probe.losses(batch, block))
        before = np.append(before, resting.losses(batch, block._replace(rates=np.zeros(len(block.rates)))))
        if not (losses.size and before.size):
            raise ValueError("x: expected data whose loss is finite, got one that is not at the first update")
        count = min(losses.size, before.size)
        smoothed = _smoothed(losses[:count], before[:count])
        if count < begin + len(block.rates) or _diverged(smoothed):
            break
    tested = rates[: smoothed.size]
    return LearningRates(tested, losses[: tested.size], smoothed, _suggestion(tested, smoothed))


class _Probe:
    """A copy of a training, updated at any rates."""

    def __init__(self, trainer: Trainer) -> None:
        slots = [slot.copy() for slot in trainer.slots]
        self.state = trainer.training_state._replace(network=trainer.network.copy(), slots=slots, history=History())

    def losses(self, batch: Batch, records: Records) -> np.ndarray:
        """Makes updates and returns their losses, of those before the first that is not finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            found, _, done = self.state.apply(batch, records)
        self.state = self.state._replace(updates=self.state.updates + done)
        return found[:done]


def _rows(n: int, size: int, updates: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns where each update's rows begin (U + 1,), and all rows: passes over the data in new orders."""
    size = min(size, n)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(ROWS,)))
    passes = -(-updates * size // n)
    rows = np.concatenate([rng.permutation(n) for _ in range(passes)])[: updates * size]
    return np.arange(0, updates * size + 1, size), rows


def _smoothed(losses: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Returns the exponential mean of the losses, each compared with what the same rows cost `before` any update,
    so that batches that are harder than others make no slope."""
    relative = losses / before if (before > 0).all() else losses - before
    weights = KEEP ** np.arange(len(losses))
    mean = np.convolve(relative, weights)[: len(losses)] / np.cumsum(weights)
    return mean * before.mean() if (before > 0).all() else mean + before.mean()


def _diverged(smoothed: np.ndarray) -> bool:
    """Returns whether the loss has left its beginning upward by several times the way that it had fallen."""
    first, lowest = smoothed[0], smoothed.min()
    return bool(smoothed[-1] > first + DIVERGED * (first - lowest) and smoothed[-1] > first + abs(first))


def _suggestion(rates: np.ndarray, smoothed: np.ndarray) -> float | None:
    """Returns the rate of the steepest fall, by the logarithm of the rate, before the lowest smoothed loss."""
    lowest = int(smoothed.argmin())
    if lowest < 2 or smoothed[0] - smoothed[lowest] < LEAST * abs(smoothed[0]):
        return None
    slopes = np.gradient(smoothed[: lowest + 1], np.log(rates[: lowest + 1]))
    return float(rates[int(slopes.argmin())])
