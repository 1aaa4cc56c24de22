"""ReferenceEngine: whole batches and blocks of updates on the reference, shard by shard.

The calls are those of `elman.core.requests.Engine`, word for word in docs/architecture.md; arguments arrive checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from . import losses, network
from .random import Draws
from .tree import tree_sum
from .update import run_updates

__all__ = ["ReferenceEngine"]

PREDICT_ROWS = 256  # rows taken together where nothing is summed over rows


class ReferenceEngine:
    """The specification as an engine: slow, readable, and what the compiled engine is compared with."""

    name = "reference"

    def predict(self, layout: Any, theta: np.ndarray, batch: Any) -> tuple[np.ndarray, list[np.ndarray]]:
        y, state, _ = self.forward(layout, theta, batch, PREDICT_ROWS)
        return y, state

    def forward(
        self, layout: Any, theta: np.ndarray, batch: Any, shard_size: int, key: Any = None
    ) -> tuple[np.ndarray, list[np.ndarray], Any]:
        n, steps = batch.x.shape[:2]
        shape = (n, layout.output_size) if layout.last else (n, steps, layout.output_size)
        y = np.zeros(shape, theta.dtype)
        final = [np.zeros((n, slot.size), theta.dtype) for slot in layout.states]
        shards: list[tuple[np.ndarray, network.Tape]] = []
        for rows in _shards(np.arange(n), _lengths(batch), shard_size):
            y[rows], ends, tape = _forward(layout, theta, batch, rows, key)
            for array, end in zip(final, ends, strict=True):
                array[rows] = end
            shards.append((rows, tape))
        return y, final, (layout, n, steps, shards)

    def hidden(self, tape: Any) -> list[np.ndarray]:
        layout, n, steps, shards = tape
        parts = [(rows, network.hidden(layout, shard)) for rows, shard in shards]
        found = [np.zeros((n, steps, h.shape[2]), h.dtype) for h in parts[0][1]]
        for rows, outputs in parts:
            for array, h in zip(found, outputs, strict=True):
                array[rows] = h
        return found

    def backward(
        self,
        layout: Any,
        theta: np.ndarray,
        tape: Any,
        dy: np.ndarray | None,
        dhidden: Sequence[np.ndarray | None] | None,
        dstate: Sequence[np.ndarray] | None,
        truncate: int | None,
    ) -> tuple[np.ndarray, np.ndarray | None, list[np.ndarray]]:
        _, n, steps, shards = tape
        if dy is None:
            dy = np.zeros((n, layout.output_size) if layout.last else (n, steps, layout.output_size), theta.dtype)
        arriving = _zeros(layout, n, theta.dtype) if dstate is None else dstate
        layers = sum(part.layer.kind == "recurrent" for part in layout.parts)
        above = [None] * layers if dhidden is None else dhidden
        dx = None if layout.integer_input else np.zeros((n, steps, layout.input_size), theta.dtype)
        dstate0 = _zeros(layout, n, theta.dtype)
        gradients: list[np.ndarray] = []
        for rows, shard in shards:
            dh = [None if d is None else d[rows] for d in above]
            gradient, part_dx, before = network.backward(
                layout, theta, shard, dy[rows], dh, [d[rows] for d in arriving], truncate
            )
            gradients.append(gradient)
            if dx is not None:
                dx[rows] = part_dx
            for array, values in zip(dstate0, before, strict=True):
                array[rows] = values
        return tree_sum(gradients), dx, dstate0

    def loss(self, layout: Any, theta: np.ndarray, batch: Any, loss: Any, shard_size: int) -> float:
        rows = np.arange(len(batch.x))
        return tree_sum([shard.value for shard in _evaluated(layout, theta, batch, loss, shard_size, rows, None)])

    def loss_and_grad(
        self, layout: Any, theta: np.ndarray, batch: Any, objective: Any, number: int = 0
    ) -> tuple[float, np.ndarray]:
        return self._value_and_gradient(layout, theta, objective, batch, np.arange(len(batch.x)), number)

    def update(
        self,
        layout: Any,
        theta: np.ndarray,
        batch: Any,
        objective: Any,
        rule: Any,
        slots: Sequence[np.ndarray],
        step: int,
        records: Any,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        value_and_gradient = partial(self._value_and_gradient, layout, theta, objective)
        return run_updates(value_and_gradient, theta, batch, rule, slots, step, records)

    def stepper(self, layout: Any, theta: np.ndarray, batch_size: int) -> ReferenceStepper:
        return ReferenceStepper(layout, theta.copy(), batch_size)

    def _value_and_gradient(
        self,
        layout: Any,
        theta: np.ndarray,
        objective: Any,  # whose `recompute` saves no memory here: the specification keeps its tape whole
        batch: Any,
        rows: np.ndarray,
        number: int,
        carry: Sequence[np.ndarray] | None = None,
    ) -> tuple[float, np.ndarray]:
        """Returns loss and gradient of some rows, added along the tree over their shards; see `ValueAndGradient`."""
        key = None if objective.seed is None else (objective.seed, number)
        steps = int(_lengths(batch)[rows].sum())
        values: list[float] = []
        gradients: list[np.ndarray] = []
        for shard in _evaluated(layout, theta, batch, objective.loss, objective.shard_size, rows, key):
            for array, end in zip(carry or (), shard.final, strict=carry is not None):
                array[shard.rows] = end
            hidden = network.hidden(layout, shard.tape)
            penalty, dhidden = losses.activity(hidden, objective.activity_penalty, steps)
            zeros = _zeros(layout, len(shard.rows), theta.dtype)
            values.append(shard.value + penalty)
            gradients.append(
                network.backward(layout, theta, shard.tape, shard.dy, dhidden, zeros, objective.truncate)[0]
            )
        return tree_sum(values), tree_sum(gradients)


class ReferenceStepper:
    """Takes one step at a time on a snapshot of the weights; `try_step` always declines."""

    def __init__(self, layout: Any, theta: np.ndarray, batch_size: int) -> None:
        self._layout, self._theta = layout, theta
        self._lengths = np.ones(batch_size, np.int64)
        self._state = _zeros(layout, batch_size, theta.dtype)

    def step(self, x: np.ndarray, out: np.ndarray) -> None:
        y, self._state, _ = network.forward(self._layout, self._theta, x[:, None], self._lengths, self._state)
        out[...] = y if self._layout.last else y[:, 0]

    def try_step(self, x: object, out: object, /) -> bool:
        return False

    @property
    def state(self) -> list[np.ndarray]:
        return [array.copy() for array in self._state]

    @state.setter
    def state(self, arrays: list[np.ndarray]) -> None:
        self._state = [array.copy() for array in arrays]


def _shards(rows: np.ndarray, lengths: np.ndarray, size: int) -> list[np.ndarray]:
    """Returns the rows ordered by length, longest first (stable), cut into shards."""
    ordered = rows[np.argsort(-lengths[rows], kind="stable")]
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]


def _lengths(batch: Any) -> np.ndarray:
    n, steps = batch.x.shape[:2]
    return np.full(n, steps, np.int64) if batch.lengths is None else batch.lengths


def _forward(
    layout: Any, theta: np.ndarray, batch: Any, rows: np.ndarray, key: Any
) -> tuple[np.ndarray, list[np.ndarray], network.Tape]:
    state = None if batch.state is None else [s[rows] for s in batch.state]
    draws = None if key is None else Draws(key[0], key[1], rows)
    return network.forward(layout, theta, batch.x[rows], _lengths(batch)[rows], state, draws)


class Evaluated(NamedTuple):
    """One shard after its way forward: final states, tape, its part of the loss and the gradient of that by y."""

    rows: np.ndarray  # (b,), of the batch
    final: list[np.ndarray]  # one for each state, (b, size)
    tape: network.Tape
    value: float
    dy: np.ndarray  # (b, T, O) or (b, O)


def _evaluated(
    layout: Any, theta: np.ndarray, batch: Any, loss: Any, shard_size: int, rows: np.ndarray, key: Any
) -> Iterator[Evaluated]:
    """Yields the shards of some rows, each taken forward through the network and through the loss."""
    lengths = _lengths(batch)
    norm = losses.normaliser(loss, layout.output_size, _weight(layout, batch, rows, lengths[rows], theta.dtype))
    for shard in _shards(rows, lengths, shard_size):
        y_hat, final, tape = _forward(layout, theta, batch, shard, key)
        weight = _weight(layout, batch, shard, lengths[shard], theta.dtype)
        y = _valid_targets(layout, batch.y[shard], lengths[shard])
        yield Evaluated(shard, final, tape, *losses.value_and_derivative(loss, y_hat, y, weight, norm))


def _zeros(layout: Any, n: int, dtype: np.dtype[Any]) -> list[np.ndarray]:
    return [np.zeros((n, slot.size), dtype) for slot in layout.states]


def _weight(layout: Any, batch: Any, rows: np.ndarray, lengths: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Returns the weight of every step, (n, T) or (n,): as given, else 1; 0 past the lengths."""
    steps = batch.x.shape[1]
    weight = np.ones((len(rows),) if layout.last else (len(rows), steps), dtype)
    if batch.weight is not None:
        weight = batch.weight[rows]
    return weight if layout.last else np.where(np.arange(steps) < lengths[:, None], weight, dtype.type(0))


def _valid_targets(layout: Any, y: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns the targets with 0 past the lengths, where the caller's array may hold anything."""
    if layout.last:
        return y
    valid = np.arange(y.shape[1]) < lengths[:, None]
    return np.where(valid if y.ndim == 2 else valid[..., None], y, y.dtype.type(0))
