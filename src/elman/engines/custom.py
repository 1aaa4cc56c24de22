"""A loss that the compiled core lacks, a user's own for one: the network runs on any engine, and between its way
forward and its way back the loss is evaluated.

What surrounds the gradient (windows, clipping, constraints, the optimiser) is the reference engine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.requests import Batch, Engine, Key
from elman.engines.reference import losses
from elman.engines.reference.engine import ReferenceEngine, hidden_entries, ragged_lengths
from elman.engines.reference.tree import tree_sum

__all__ = ["CustomLossEngine"]

SHARDS = 64  # taken together: a power of two, so that their sum is a subtree of all shards' sum


class CustomLossEngine(ReferenceEngine):
    """Losses, gradients and updates of networks that run on `inner`, where `inner` does not have the loss."""

    def __init__(self, inner: Engine) -> None:
        self.inner, self.name = inner, inner.name

    def update(
        self, layout: Any, theta: Any, batch: Any, loss: Any, optimizer: Any, slots: Any, *others: Any, **named: Any
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """A block of updates; where the loss raises an error, none of them was made."""
        before = [array.copy() for array in (theta, *slots)]
        try:
            return super().update(layout, theta, batch, loss, optimizer, slots, *others, **named)
        except BaseException:
            for array, values in zip((theta, *slots), before, strict=True):
                array[...] = values
            raise

    def _sum(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        loss: Loss,
        rows: np.ndarray,
        truncate: int | None,
        shard_size: int,
        key: tuple[int, int] | None,
        with_gradient: bool,
        carry: Sequence[np.ndarray] | None = None,
        activity: float = 0.0,
    ) -> tuple[float, np.ndarray]:
        """Loss and gradient of some rows, added along the tree; without gradient that part is theta itself.

        What is drawn goes by a row's place in `rows`.
        """
        norm = losses.normaliser(loss, layout.output_size, _masked(layout, batch, loss, rows)[1])
        entries = hidden_entries(layout, batch, rows) if activity else 0
        values: list[float] = []
        gradients: list[np.ndarray] = []
        for part in [rows] if key else _parts(batch, rows, shard_size):
            if with_gradient:
                drawn = Key(*key) if key else None
                y_hat, final, tape = self.inner.forward(layout, theta, batch.take(part), shard_size, drawn)
            else:
                (y_hat, final), tape = self.inner.predict(layout, theta, batch.take(part)), None
            for array, end in zip(carry or (), final, strict=carry is not None):
                array[part] = end
            hidden = self.inner.hidden(tape) if activity else []
            y, weight = _masked(layout, batch, loss, part)
            lengths = ragged_lengths(layout, batch, loss, part)
            dy, order = np.empty_like(y_hat), _longest_first(batch, part)
            for i in range(0, len(part), shard_size):
                shard = order[i : i + shard_size]
                own = (each[shard] for each in lengths)
                value, dy[shard] = losses.value_and_derivative(loss, y_hat[shard], y[shard], weight[shard], norm, *own)
                values.append(value)
                if activity:
                    values[-1] += losses.activity([h[shard] for h in hidden], activity, entries)[0]
            if with_gradient:
                dhidden = losses.activity(hidden, activity, entries)[1] if activity else None
                gradients.append(self.inner.backward(layout, theta, tape, dy, dhidden, None, truncate)[0])
        return tree_sum(values), tree_sum(gradients) if with_gradient else theta


def _longest_first(batch: Batch, rows: np.ndarray) -> np.ndarray:
    """Places in `rows`, in the order in which shards are cut."""
    return np.arange(len(rows)) if batch.lengths is None else np.argsort(-batch.lengths[rows], kind="stable")


def _parts(batch: Batch, rows: np.ndarray, shard_size: int) -> list[np.ndarray]:
    """The rows in that order, SHARDS shards at a time: no more of them are kept on the tape."""
    ordered, size = rows[_longest_first(batch, rows)], SHARDS * shard_size
    return [ordered[i : i + size] for i in range(0, len(rows), size)]


def _masked(layout: Layout, batch: Batch, loss: Loss, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets and weights (n, [T]) of some rows: copies, 0 past the lengths."""
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
