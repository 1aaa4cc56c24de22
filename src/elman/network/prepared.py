"""Calls of a network prepared beforehand, with all bound that does not change from one to the next.

Loops of a user's own call a network once a step, and a small one computes in less time than Python takes to check the
arguments. So what came goes to the engine as it is (`requests.Prepared`), which checks it where it reads it; a call
that it declines goes the long way, where the errors are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core import interrupts
from elman.core.layers import Layout
from elman.core.losses import Loss, as_loss
from elman.core.parameters import Parameters
from elman.core.requests import Engine, Objective, Prepared, UpdateRule
from elman.engines.select import for_loss, reference, select
from elman.network import arguments
from elman.network.weights import Training, Weights

__all__ = ["ByLoss", "Log", "Updates"]

MOST_LOSSES = 16  # whose calls are kept; a loop has one or two


class Declining:
    """Declines every call, for an engine that prepares none."""

    def predict(self, *_: object) -> None:
        return None

    loss_and_grad = update = step = forward = backward = predict


class ByLoss(dict[str | Loss | None, Prepared]):
    """The prepared calls of a network by loss, made when first asked for; None: predictions alone."""

    def __init__(self, engine: Engine, layout: Layout, weights: Weights) -> None:
        super().__init__()
        self.engine, self.layout, self.weights = engine, layout, weights

    def __missing__(self, loss: str | Loss | None) -> Prepared:
        if len(self) >= MOST_LOSSES:
            self.clear()
        described = None if loss is None else as_loss(loss)
        engine = self.engine if described is None else for_loss(self.engine, described)
        objective = None if described is None else Objective(described)
        self[loss] = engine.prepare(self.layout, self.weights, objective) or Declining()
        return self[loss]


class Log:
    """Counts updates and, with `keeps`, has the loss, the norm and the learning rate of each."""

    def __init__(self, keeps: bool = True) -> None:
        self.done = np.zeros(1, np.int64)
        self.figures = np.empty((3, 0)) if keeps else None  # with room for more

    @property
    def count(self) -> int:
        return int(self.done[0])

    @property
    def recorded(self) -> np.ndarray:
        """Losses, norms and learning rates (3, U) of all updates, in one array."""
        return np.empty((3, 0)) if self.figures is None else self.figures[:, : self.count]

    def reserve(self, more: int) -> None:
        """Sees that so many more find room."""
        count = self.count
        if self.figures is not None and count + more > self.figures.shape[1]:
            larger = np.empty((3, 2 * (count + more)))
            larger[:, :count] = self.figures[:, :count]
            self.figures = larger

    def record(self, losses: np.ndarray, norms: np.ndarray, rates: np.ndarray) -> None:
        begin, more = self.count, len(rates)
        self.reserve(more)
        if self.figures is not None:
            self.figures[:, begin : begin + more] = losses, norms, rates
        self.done += more


class Updates:
    """Updates of a network's weights by one rule; what the optimiser remembers is in `slots`, each (P,).

    objective  how the loss and the gradient of data are computed; None: `prepared.update` declines
    """

    __slots__ = ("layout", "prepared", "rule", "slots", "weights")

    def __init__(
        self,
        layout: Layout,
        weights: Weights,
        rule: UpdateRule,
        slots: Sequence[np.ndarray],
        objective: Objective | None = None,
    ) -> None:
        self.layout, self.weights, self.rule, self.slots = layout, weights, rule, slots
        self.prepared: Prepared = select(layout).prepare(layout, weights, objective, rule, slots) or Declining()

    def step(
        self, gradients: Mapping[str, ArrayLike] | ArrayLike, rate: float, log: Log, loss: float = math.nan
    ) -> float:
        """Makes an update with gradients by name (a missing one is 0) or as one vector (P,); returns their norm before
        clipping by norm. `loss` is logged with it.

        Raises ValueError or TypeError for gradients that do not fit or are not finite, and changes nothing.
        """
        given: Any = gradients
        if type(given) is Parameters and given.layout is self.layout:
            given = given.flat
        norm = self.prepared.step(given, rate, log.done, log.figures, loss, False)
        return self._step_checked(gradients, rate, log, loss) if norm is None else norm

    def _step_checked(self, gradients: Any, rate: float, log: Log, loss: float) -> float:
        gradient = arguments.as_gradient(self.layout, self.weights.theta.dtype, gradients)
        with interrupts.held(), Training(self.weights), np.errstate(over="ignore", invalid="ignore"):
            log.reserve(1)
            norm = self.prepared.step(gradient, rate, log.done, log.figures, loss, True)
            if norm is not None:
                return norm
            theta, done = self.weights.theta, log.count
            engine = reference()  # which leaves rows of tables as they are whose gradient is 0
            norm, made = engine.apply(self.layout, theta, gradient, 0.0, self.rule, self.slots, done, rate)
            if not made:
                raise ValueError(f"gradients: expected a finite norm, got {norm}; the weights are as they were")
            log.record(np.array([loss]), np.array([norm]), np.array([rate]))
        return norm
