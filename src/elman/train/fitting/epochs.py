"""Runs the epochs of a fit: updates in blocks, and between blocks progress, checkpoints and Ctrl-C."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elman.core.requests import Batch, Records
from elman.network import arguments
from elman.train.checkpoint import CheckpointWriter
from elman.train.data import FitData
from elman.train.errors import failure
from elman.train.fitting.explosion import has_exploded
from elman.train.history import Epoch
from elman.train.plan import plan_epoch
from elman.train.progress import Reporter
from elman.train.state import Position, TrainingState

__all__ = ["EpochRunner", "end_epoch", "refuse_explosion"]

BLOCK_SECONDS = 0.05  # a block of updates takes about as long, so that Ctrl-C and the progress line are answered


@dataclass
class EpochRunner:
    """Runs the epochs of one call of `Trainer.fit`, one at a time.

    state     returns the training as it is now
    run       runs and records a block of updates of an epoch; returns their losses
    position  where the fit is; changed
    writer    of checkpoints, if any
    """

    data: FitData
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
        state, position, batch = self.state(), self.position, self.data.batch
        network, number = state.network, state.epochs + 1
        plan = plan_epoch(self.data, number, state.batch_size, state.seed)
        carry = position.carry or []
        if plan.window and not carry:
            carry = [np.zeros((len(batch.x), slot.size), network.dtype) for slot in network.layout.states]
        total, done = len(plan), position.done
        losses, rates = np.empty(total), np.empty(total)
        losses[:done] = state.history.update_loss[len(state.history.update_loss) - done :]
        self.report.updates(number, done, total)
        while done < total:
            block_began = time.perf_counter()
            count = min(self.block, total - done)
            if self.writer is not None:
                count = min(count, self.writer.updates_left(state.updates))
            block = slice(done, done + count)
            rates[block] = state.rates(count)
            losses[block] = self.run(batch, plan.records(done, done + count, rates[block], carry), number)
            state, done = self.state(), done + count
            seconds = time.perf_counter() - block_began
            self.block = max(1, min(2 * self.block, int(count * BLOCK_SECONDS / max(seconds, 1e-9))))
            self.report.updates(number, done, total)
            if self.writer is not None and done < total:
                position.done, position.seconds = done, time.perf_counter() - began
                position.carry = carry or None
                self.writer.in_epoch(state, position)
        refuse_explosion(state, batch, losses, *plan.last())
        mean = float(losses @ plan.sizes / (plan.sizes.sum() or 1.0))
        return end_epoch(state, position, self.report, self.data.held_out, mean, began)


def refuse_explosion(
    state: TrainingState, batch: Batch, losses: np.ndarray, rows: np.ndarray, window: tuple[int, int] | None
) -> None:
    """Raises TrainingError where the losses of the epoch that has just ended exploded.

    rows, window  of its last update
    """
    if has_exploded(state, batch, losses):
        loss, norm = float(losses[-1]), float(state.history.gradient_norm[-1])
        number = state.epochs + 1
        raise failure(state, batch, rows, epoch=number, loss=loss, norm=norm, window=window, exploded=True)


def end_epoch(
    state: TrainingState, position: Position, report: Reporter, held_out: Batch | None, mean: float, began: float
) -> Epoch:
    """Validates, records, reports and returns the epoch that has just ended, and moves the position to the next.

    mean   its loss
    began  the time at which it began, less the seconds that it took before the fit went on
    """
    position.done, position.seconds, position.carry = 0, 0.0, None
    validation_loss = _validation_loss(state, held_out)
    rate = float(state.history.update_learning_rate[-1])
    epoch = Epoch(mean, validation_loss, time.perf_counter() - began, rate, state.updates)
    state.schedule.observe(mean if held_out is None else validation_loss)
    number = state.epochs + 1
    state.history.record_epoch(epoch)
    report.epoch(number, mean, validation_loss)
    return epoch


def _validation_loss(state: TrainingState, held_out: Batch | None) -> float:
    """Returns the loss on the validation data; NaN without them."""
    if held_out is None:
        return math.nan
    loss = state.loss_of(held_out, judged=True)
    if math.isnan(loss):
        arguments.check_unchanged(state.network.layout, held_out, state.loss)
    return loss
