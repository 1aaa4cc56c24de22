"""Runs the epochs of a fit: updates in blocks, and between blocks progress, checkpoints and Ctrl-C."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from elman.core.requests import Batch, Records
from elman.network import arguments
from elman.train.checkpoint import CheckpointWriter
from elman.train.data import FitData
from elman.train.errors import failure
from elman.train.fitting.advice import warn_of_scale
from elman.train.fitting.explosion import has_exploded
from elman.train.fitting.iterables import FitBatches
from elman.train.history import Epoch
from elman.train.plan import EpochPlan, plan_epoch
from elman.train.progress import Reporter
from elman.train.state import Position, TrainingState

__all__ = ["EpochRunner"]

BLOCK_SECONDS = 0.05  # a block of updates takes about as long, so that Ctrl-C and the progress line are answered


@dataclass
class EpochRunner:
    """Runs the epochs of one call of `Trainer.fit`, one at a time.

    state     returns the training as it is now
    run       runs and records a block of updates of an epoch; returns their losses
    position  where the fit is; changed
    writer    of checkpoints, if any

    Where a fit goes on within an epoch, the updates that were done are passed over: an iterable must give its batches
    again.
    """

    data: FitData | FitBatches
    state: Callable[[], TrainingState]
    run: Callable[[Batch, Records, int], np.ndarray]
    position: Position
    writer: CheckpointWriter | None
    report: Reporter
    block: int = 1  # updates in one call of the engine; never part of the result

    def epoch(self) -> Epoch:
        """Runs one epoch from the position on, moves the position to the start of the next, and records and returns
        it."""
        began = time.perf_counter() - self.position.seconds
        state, position = self.state(), self.position
        number, done = state.epochs + 1, position.done
        losses = state.history.update_loss[len(state.history.update_loss) - done :].tolist()
        carry, sizes = position.carry or [], list[np.ndarray]()
        batch = plan = None
        passed = 0  # updates of the batches that came
        for batch, plan in self._pieces(state, number):
            sizes.append(plan.sizes)
            first, passed = passed, passed + len(plan)
            total = self._total(passed)
            if plan.window and not carry:
                carry = [
                    np.zeros((len(batch.x), slot.size), state.network.dtype) for slot in state.network.layout.states
                ]
            self.report.updates(number, done, total)
            while done < passed:
                block_began = time.perf_counter()
                count = min(self.block, passed - done)
                if self.writer is not None:
                    count = min(count, self.writer.updates_left(state.updates))
                records = plan.records(done - first, done - first + count, state.rates(count), carry)
                losses += self.run(batch, records, number).tolist()
                state, done = self.state(), done + count
                seconds = time.perf_counter() - block_began
                self.block = max(1, min(2 * self.block, int(count * BLOCK_SECONDS / max(seconds, 1e-9))))
                self.report.updates(number, done, total)
                if self.writer is not None and done < total:
                    position.done, position.seconds = done, time.perf_counter() - began
                    position.carry = carry or None
                    self.writer.in_epoch(state, position)
        if batch is None or plan is None or passed < done:
            raise ValueError(f"x: expected at least {done or 1} batches in epoch {number}, got {passed}")
        if isinstance(self.data, FitBatches):
            self.data = self.data._replace(length=passed)
        _refuse_explosion(state, batch, np.array(losses), *plan.last())
        weights = np.concatenate(sizes)
        return self._end(state, float(losses @ weights / (weights.sum() or 1.0)), began)

    def _pieces(self, state: TrainingState, number: int) -> Iterator[tuple[Batch, EpochPlan]]:
        """Yields the batches of an epoch, one or many, each with the updates on it."""
        if isinstance(self.data, FitData):
            yield self.data.batch, plan_epoch(self.data, number, state.batch_size, state.seed)
            return
        for i, (batch, plan) in enumerate(self.data.pieces(number)):
            if i == 0 and self.state().updates == 0:
                warn_of_scale(state.network, state.loss, batch)
            yield batch, plan

    def _total(self, passed: int) -> int:
        """Returns how many updates an epoch has, one more than so many where that is not known."""
        return passed if isinstance(self.data, FitData) else self.data.length or passed + 1

    def _end(self, state: TrainingState, mean: float, began: float) -> Epoch:
        """Validates, records, reports and returns the epoch that has just ended, and moves the position to the next.

        mean   its loss
        began  the time at which it began, less the seconds that it took before the fit went on
        """
        self.position.done, self.position.seconds, self.position.carry = 0, 0.0, None
        held_out = self.data.held_out
        validation_loss = _validation_loss(state, held_out)
        rate = float(state.history.update_learning_rate[-1])
        epoch = Epoch(mean, validation_loss, time.perf_counter() - began, rate, state.updates)
        state.schedule.observe(mean if held_out is None else validation_loss)
        number = state.epochs + 1
        state.history.record_epoch(epoch)
        self.report.epoch(number, mean, validation_loss)
        return epoch


def _refuse_explosion(
    state: TrainingState, batch: Batch, losses: np.ndarray, rows: np.ndarray, window: tuple[int, int] | None
) -> None:
    """Raises TrainingError where the losses of the epoch that has just ended exploded.

    rows, window  of its last update
    """
    if has_exploded(state, batch, losses):
        loss, norm = float(losses[-1]), float(state.history.gradient_norm[-1])
        number = state.epochs + 1
        raise failure(state, batch, rows, epoch=number, loss=loss, norm=norm, window=window, exploded=True)


def _validation_loss(state: TrainingState, held_out: Batch | None) -> float:
    """Returns the loss on the validation data; NaN without them."""
    if held_out is None:
        return math.nan
    loss = state.loss_of(held_out, judged=True)
    if math.isnan(loss):
        arguments.check_unchanged(state.network.layout, held_out, state.loss)
    return loss
