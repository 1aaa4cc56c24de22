"""CustomLossEngine: a loss that the compiled core lacks, a user's own for one, evaluated between the way forward and
the way back of any engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.requests import Batch, Engine, Key, Objective, Records, UpdateRule
from elman.engines.reference import losses
from elman.engines.reference.engine import hidden_entries, ragged_lengths
from elman.engines.reference.tree import tree_sum
from elman.engines.reference.updates.update import run_updates

__all__ = ["CustomLossEngine"]

SHARDS = 64  # that are computed together: a power of two, so that their sum is a subtree of all shards' sum


class CustomLossEngine:
    """Answers the calls of `Engine` for losses that `inner` does not have; the network itself runs on `inner`."""

    def __init__(self, inner: Engine) -> None:
        self.inner, self.name = inner, inner.name
        self.predict, self.forward, self.backward = inner.predict, inner.forward, inner.backward
        self.hidden, self.stepper, self.decode = inner.hidden, inner.stepper, inner.decode
        self.part, self.add, self.apply = inner.part, inner.add, inner.apply

    def loss(self, layout: Layout, theta: np.ndarray, batch: Batch, loss: Loss, shard_size: int) -> float:
        rows = np.arange(len(batch.x))
        norm = _normaliser(layout, batch, loss, rows)
        values: list[float] = []
        for part in _parts(batch, rows, shard_size):
            y_hat, _ = self.inner.predict(layout, theta, batch.take(part))
            values += (value for _, value, _ in _shards(layout, batch, loss, part, y_hat, norm, shard_size))
        return tree_sum(values)

    def loss_and_grad(
        self, layout: Layout, theta: np.ndarray, batch: Batch, objective: Objective, number: int = 0
    ) -> tuple[float, np.ndarray]:
        return self._value_and_gradient(layout, theta, objective, batch, np.arange(len(batch.x)), number)

    def update(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        objective: Objective,
        rule: UpdateRule,
        slots: Sequence[np.ndarray],
        step: int,
        records: Records,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        value_and_gradient = partial(self._value_and_gradient, layout, theta, objective)
        return run_updates(value_and_gradient, layout, theta, batch, rule, slots, step, records)

    def prepare(self, *_: Any, **__: Any) -> None:
        return None

    def _value_and_gradient(
        self,
        layout: Layout,
        theta: np.ndarray,
        objective: Objective,
        batch: Batch,
        rows: np.ndarray,
        number: int,
        carry: Sequence[np.ndarray] | None = None,
    ) -> tuple[float, np.ndarray]:
        """Returns loss and gradient of some rows, added along the tree over their shards; see `ValueAndGradient`.

        Dropout, zoneout and noise draw by a row's place in `rows`, not by its index in the batch.
        """
        loss, activity, shard_size = objective.loss, objective.activity_penalty, objective.shard_size
        key = None if objective.seed is None else Key(objective.seed, number)
        norm = _normaliser(layout, batch, loss, rows)
        entries = hidden_entries(layout, batch, rows) if activity else 0
        values: list[float] = []
        gradients: list[np.ndarray] = []
        for part in [rows] if key else _parts(batch, rows, shard_size):
            y_hat, final, tape = self.inner.forward(layout, theta, batch.take(part), shard_size, key)
            for array, end in zip(carry or (), final, strict=carry is not None):
                array[part] = end
            hidden = self.inner.hidden(tape) if activity else []
            dy = np.empty_like(y_hat)
            for shard, value, slope in _shards(layout, batch, loss, part, y_hat, norm, shard_size):
                values.append(value + losses.activity([h[shard] for h in hidden], activity, entries)[0])
                dy[shard] = slope
            dhidden = losses.activity(hidden, activity, entries)[1] if activity else None
            gradients.append(self.inner.backward(layout, theta, tape, dy, dhidden, None, objective.truncate)[0])
        return tree_sum(values), tree_sum(gradients)


def _longest_first(batch: Batch, rows: np.ndarray) -> np.ndarray:
    """Returns places in `rows`, in the order in which shards are cut: longest first."""
    return np.arange(len(rows)) if batch.lengths is None else np.argsort(-batch.lengths[rows], kind="stable")


def _parts(batch: Batch, rows: np.ndarray, shard_size: int) -> list[np.ndarray]:
    """Returns the rows, longest first, in parts of SHARDS shards: so many of them are on one tape."""
    ordered, size = rows[_longest_first(batch, rows)], SHARDS * shard_size
    return [ordered[i : i + size] for i in range(0, len(rows), size)]


def _shards(
    layout: Layout, batch: Batch, loss: Loss, part: np.ndarray, y_hat: np.ndarray, norm: float, shard_size: int
) -> Iterator[tuple[np.ndarray, float, np.ndarray]]:
    """Yields for each shard its places among the rows, its part of the loss, and the gradient of that by y_hat."""
    y, weight = _masked(layout, batch, loss, part)
    lengths, order = ragged_lengths(layout, batch, loss, part), _longest_first(batch, part)
    for i in range(0, len(part), shard_size):
        shard = order[i : i + shard_size]
        own = (each[shard] for each in lengths)
        yield shard, *losses.value_and_derivative(loss, y_hat[shard], y[shard], weight[shard], norm, *own)


def _normaliser(layout: Layout, batch: Batch, loss: Loss, rows: np.ndarray) -> float:
    """Returns what the loss of some rows is divided by."""
    return losses.normaliser(loss, layout.output_size, _masked(layout, batch, loss, rows)[1])


def _masked(layout: Layout, batch: Batch, loss: Loss, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns copies of targets and weights (n, [T]) of some rows, 0 past their lengths."""
    assert batch.y is not None
    y = batch.y[rows]
    by_row = layout.time is None or loss.ragged
    lead = y.shape[: 1 if by_row else 2]
    weight = np.ones(lead, np.float64) if batch.weight is None else batch.weight[rows]
    if loss.ragged:
        assert batch.y_lengths is not None
        y[np.arange(y.shape[1]) >= batch.y_lengths[rows][:, None]] = 0
    elif layout.time is not None:
        past = np.arange(lead[1]) >= batch.lengths_of(layout.time)[rows][:, None]
        y[past] = weight[past] = 0
    return y, weight
