"""The state of a training between two updates: everything that the next one depends on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.core import schedules
from elman.core.losses import Loss
from elman.core.optim import Optimizer
from elman.core.requests import Batch, Constraints, Objective, Records, Updater, UpdateRule
from elman.core.schedules import Schedule
from elman.engines.select import select
from elman.network import Network, arguments
from elman.network.prepared import Updates
from elman.train.history import History

__all__ = ["Position", "TrainingState"]


class TrainingState(NamedTuple):
    """A training between two updates, as its Trainer hands it out to checkpoints and to the doctor.

    The fields are those of `Trainer`. The network, the slots and the history are the training's own, not copies.
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    clip_norm: float | None
    clip_value: float | None
    batch_size: int
    shard_size: int
    truncate: int | None
    recompute: bool | int
    activity_penalty: float
    seed: int
    constraints: Constraints | None  # of theta: rates of parameter groups, frozen parameters, bounds
    slots: Sequence[np.ndarray]  # the optimiser's vectors, each (P,)
    updates: int  # done
    history: History

    @property
    def epochs(self) -> int:
        """Whole epochs done."""
        return len(self.history)

    @property
    def rule(self) -> UpdateRule:
        """How a gradient changes theta."""
        return UpdateRule(self.optimizer, self.clip_norm, self.clip_value, self.constraints)

    def rates(self, count: int) -> np.ndarray:
        """Returns the learning rates (count,) of the next updates."""
        return self.optimizer.learning_rate * schedules.factors(self.schedule, self.updates, count)

    @property
    def rate(self) -> float:
        """The learning rate of the next update."""
        return float(self.rates(1)[0])

    def prepared(self) -> tuple[Updates, float | None]:
        """Returns what all updates of these settings share, and their learning rate where it is one."""
        # what else decides an update depends on its data, or is no part of the engine
        bound = self.recompute is not True and self.loss.compiled and not self.loss.ragged
        objective = self.objective(1) if bound else None
        updates = Updates(self.network.layout, self.network.weights, self.rule, self.slots, objective)
        return updates, self.rate if type(self.schedule) is schedules.Constant else None

    def apply(
        self, batch: Batch, records: Records, executor: Updater | None = None
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Applies a block of updates to theta and the slots; returns their losses, gradient norms, and how many were
        applied: all, or those before the first that found a loss or norm that is not finite."""
        layout, theta = self.network.layout, self.network.theta
        updater = executor or select(layout, self.loss)
        return updater.update(
            layout, theta, batch, self.objective(batch.x.shape[1]), self.rule, self.slots, self.updates, records
        )

    def objective(self, steps: int) -> Objective:
        """Returns how the value and the gradient of a batch of so many steps are computed."""
        layout = self.network.layout
        segment = arguments.segment(layout, self.loss, self.recompute, steps)
        seed = self.seed if layout.draws else None
        return Objective(self.loss, self.activity_penalty, self.truncate, segment, self.shard_size, seed)

    def loss_of(self, batch: Batch, theta: np.ndarray | None = None, *, judged: bool = False) -> float:
        """Returns the loss on a batch at the network's weights, or at theta, without dropout and noise; with `judged`
        also without what else of the loss is for training alone."""
        layout, loss = self.network.layout, self.loss.judged if judged else self.loss
        theta = self.network.theta if theta is None else theta
        return select(layout, loss).loss(layout, theta, batch, loss, self.shard_size)


@dataclass
class Position:
    """How far a fit is, besides the state of its training."""

    first: int  # whole epochs done before the fit began
    done: int = 0  # updates done of the epoch at hand
    seconds: float = 0.0  # spent on them
    best: float = math.inf  # the fit's lowest validation loss, or training loss without validation, of an epoch
    best_theta: np.ndarray | None = None  # kept where early stopping wants it
    waited: int = 0  # epochs since then
    stopped: bool = False  # ended before its epochs ran out
    carry: list[np.ndarray] | None = None  # in windows, the states that the epoch's next update goes on from

    def observe(self, loss: float, theta: np.ndarray | None) -> bool:
        """Records an epoch's loss and returns whether it is the lowest so far; theta, if given, is then copied."""
        if not loss < self.best:
            self.waited += 1
            return False
        self.waited, self.best = 0, loss
        self.best_theta = None if theta is None else theta.copy()
        return True
