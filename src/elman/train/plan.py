"""Which rows, and which steps of them, the updates of one epoch take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.core.requests import Batch, Records, Windows

__all__ = ["Plan", "in_windows", "whole"]


class Plan(NamedTuple):
    """The U updates of an epoch, in order."""

    rows: np.ndarray  # int64 (R,), of all updates one after the other
    starts: np.ndarray  # int64 (U + 1,): update u takes rows[starts[u]:starts[u + 1]]
    sizes: np.ndarray  # float64 (U,): the sum of the weights of its steps, what it counts in the epoch's mean
    steps: np.ndarray | None = None  # int64 (U,): where its window begins; None: whole sequences

    def __len__(self) -> int:
        return len(self.sizes)

    def records(self, begin: int, end: int, rates: np.ndarray, window: int, carry: list[np.ndarray]) -> Records:
        """Of the updates from `begin` to before `end`."""
        cut = self.starts[begin : end + 1]
        windows = None if self.steps is None else Windows(window, self.steps[begin:end], carry)
        return Records(self.rows[cut[0] : cut[-1]], cut - cut[0], rates, windows)


def whole(order: np.ndarray, batch_size: int, weights: np.ndarray) -> Plan:
    """Whole sequences in this order; weights (n,): the sum over each row's steps."""
    starts = np.append(np.arange(0, len(order), batch_size), len(order))
    return Plan(order, starts, np.add.reduceat(weights[order], starts[:-1]))


def in_windows(order: np.ndarray, batch_size: int, batch: Batch, window: int) -> Plan:
    """`batch_size` sequences go through all of their windows, side by side, then the next ones; a sequence that has
    ended is left out."""
    n, steps = batch.x.shape[:2]
    lengths = np.full(n, steps) if batch.lengths is None else batch.lengths
    rows: list[np.ndarray] = []
    sizes: list[float] = []
    begins: list[int] = []
    for first in range(0, n, batch_size):
        group = order[first : first + batch_size]
        for t in range(0, int(lengths[group].max()), window):
            alive = group[lengths[group] > t]
            valid = np.arange(t, min(t + window, steps)) < lengths[alive, None]
            weight = 1.0 if batch.weight is None else batch.weight[alive, t : t + window]
            sizes.append(float(np.where(valid, weight, 0.0).sum(dtype=np.float64)))
            rows.append(alive)
            begins.append(t)
    starts = np.cumsum([0, *(len(alive) for alive in rows)])
    return Plan(np.concatenate(rows), starts, np.array(sizes), np.array(begins, np.int64))
