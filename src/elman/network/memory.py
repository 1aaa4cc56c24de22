"""Steps of optimisers on a network from gradients that a user computed, and what optimisers remember between them.

An optimiser is frozen numbers, so its memory is the network's: one for each kind of optimiser that took a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.layers import Layout
from elman.core.optim import OPTIMIZERS, Optimizer
from elman.core.requests import UpdateRule
from elman.network import arguments
from elman.network.arguments.values import check_finite
from elman.network.constraints import make_constraints
from elman.network.prepared import Log, Updates
from elman.network.weights import Weights

__all__ = ["Memory"]

COUNT = "updates"  # the name that the number of steps has beside those of the slots
SLOTS = {kind: one.slots for kind, one in OPTIMIZERS.items()} | {"sgd": ("velocity",)}  # at most


class Kept(NamedTuple):
    """What one kind of optimiser remembers, and its last step's numbers, bound."""

    slots: dict[str, np.ndarray]  # each (P,)
    log: Log
    optimizer: Optimizer | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    updates: Updates | None = None


class Memory:
    """What optimisers remember of a network's weights (P,)."""

    def __init__(self, layout: Layout, weights: Weights) -> None:
        self.layout, self.weights = layout, weights
        self.kept: dict[str, Kept] = {}

    def step(self, optimizer: Optimizer, gradients: Any, clip_norm: float | None, clip_value: float | None) -> float:
        """Takes one step; see `elman.optim.Adam.step`."""
        own = self.kept.get(optimizer.kind)
        if own is None or own.optimizer is not optimizer or own[3:5] != (clip_norm, clip_value):
            own = self._bound(optimizer, clip_norm, clip_value)
        return own.updates.step(gradients, optimizer.learning_rate, own.log)  # type: ignore[union-attr]

    def _bound(self, optimizer: Optimizer, clip_norm: float | None, clip_value: float | None) -> Kept:
        """Binds an optimiser's numbers to the memory of its kind, which is zero at first."""
        for name, value in (("clip_norm", clip_norm), ("clip_value", clip_value)):
            if value is not None:
                checks.number(name, value, low=0.0, open_low=True)
        known = self.kept.get(optimizer.kind)
        theta = self.weights.theta
        slots = {} if known is None else known.slots
        slots |= {name: np.zeros_like(theta) for name in optimizer.slots if name not in slots}
        rule = UpdateRule(optimizer, clip_norm, clip_value, make_constraints(self.layout, theta.dtype, optimizer))
        updates = Updates(self.layout, self.weights, rule, [slots[name] for name in optimizer.slots])
        log = Log(keeps=False) if known is None else known.log
        own = self.kept[optimizer.kind] = Kept(slots, log, optimizer, clip_norm, clip_value, updates)
        return own

    def state(self) -> dict[str, dict[str, np.ndarray]]:
        """Returns copies: kind -> the number of steps, an array without axes, and each slot (P,) by its name."""
        return {
            kind: {COUNT: own.log.done[0].copy()} | {name: slot.copy() for name, slot in own.slots.items()}
            for kind, own in self.kept.items()
        }

    def restore(self, state: Any) -> None:
        """Goes on from what `state` gave; ValueError or TypeError, and nothing has changed, for anything else."""
        kept: dict[str, Kept] = {}
        for kind, given in _mapping("optimizer_state", state).items():
            place = f"optimizer_state[{kind!r}]"
            if kind not in SLOTS:
                raise ValueError(f"optimizer_state: expected names among {', '.join(SLOTS)}, got {checks.shown(kind)}")
            named, known = _mapping(place, given), (COUNT, *SLOTS[kind])
            if not {COUNT, *OPTIMIZERS[kind].slots} <= {*named} <= {*known}:
                raise ValueError(f"{place}: expected {', '.join(known)}, got {', '.join(map(str, named))}")
            log = Log(keeps=False)
            log.done[0] = checks.whole(f"{place}[{COUNT!r}]", named[COUNT], low=0, high=2**62)
            others = {name: value for name, value in named.items() if name != COUNT}
            slots = {name: self._vector(f"{place}[{name!r}]", value) for name, value in others.items()}
            kept[kind] = Kept(slots, log)
        self.kept = kept

    def _vector(self, name: str, value: Any) -> np.ndarray:
        array = arguments.as_real(name, value, self.weights.theta.dtype)
        arguments.check_width(name, array.shape, [(self.layout.size,)])
        check_finite(name, array, None, True, steps=False)
        return np.array(array)


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: expected a mapping, got {checks.shown(value)}")
    return value
