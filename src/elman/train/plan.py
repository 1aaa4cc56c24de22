"""Plans updates: which rows, and which steps of them, each takes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.requests import Batch, Records, Windows
from elman.train.data import FitData

__all__ = ["EpochPlan", "as_window", "plan_epoch"]


class EpochPlan(NamedTuple):
    """The U updates of an epoch, in order, or of a batch that passes by in it."""

    rows: np.ndarray  # int64 (R,), of all updates one after the other
    starts: np.ndarray  # int64 (U + 1,): update u takes rows[starts[u]:starts[u + 1]]
    sizes: np.ndarray  # float64 (U,): the sum of the weights of its steps, what it counts in the epoch's mean
    window: int = 0  # steps of an update; 0: whole sequences
    steps: np.ndarray | None = None  # int64 (U,): where its window begins; None: whole sequences
    passing: bool = False  # as in `Records`

    def __len__(self) -> int:
        return len(self.sizes)

    def records(self, begin: int, end: int, rates: np.ndarray, carry: list[np.ndarray]) -> Records:
        """Returns the records of the updates from `begin` to before `end`."""
        cut = self.starts[begin : end + 1]
        windows = None if self.steps is None else Windows(self.window, self.steps[begin:end], carry)
        return Records(self.rows[cut[0] : cut[-1]], cut - cut[0], rates, windows, self.passing)

    def last(self) -> tuple[np.ndarray, tuple[int, int] | None]:
        """Returns the rows of the last update, and its window (from, to before) if it has one."""
        begin = None if self.steps is None else int(self.steps[-1])
        return self.rows[self.starts[-2] :], None if begin is None else (begin, begin + self.window)


def plan_epoch(data: FitData, number: int, batch_size: int, seed: int) -> EpochPlan:
    """Returns the updates of epoch `number`, counted from 1: a function of these arguments alone."""
    n = len(data.rows)
    order = data.rows[np.random.default_rng([seed, number]).permutation(n)] if data.shuffle else data.rows
    if data.window is not None:
        return _in_windows(order, batch_size, data.batch, data.window)
    starts = np.append(np.arange(0, n, batch_size), n)
    return EpochPlan(order, starts, np.add.reduceat(data.weights[order], starts[:-1]))


def as_window(layout: Layout, loss: Loss, window: Any) -> int | None:
    """Returns `window=` of `Trainer.fit`, checked; raises ValueError for a network whose sequences cannot be cut."""
    if window is None:
        return None
    what = layout.whole or ("outputs at its last step alone" if layout.last else None)
    if what or layout.inputs or loss.ragged:
        what = what or "other inputs or targets"
        raise ValueError(f"window: expected None for a network with {what}, got {checks.shown(window)}")
    return checks.count("window", window)


def _in_windows(order: np.ndarray, batch_size: int, batch: Batch, window: int) -> EpochPlan:
    """Returns the updates of an epoch in windows: `batch_size` sequences pass through all of their windows together,
    then the next ones; a sequence that has ended takes no part in further windows."""
    n, steps = len(order), batch.x.shape[1]
    if batch.lengths is None and batch.weight is None:  # at once, since a long text has very many windows
        begins = np.arange(0, steps, window)
        groups = [order[first : first + batch_size] for first in range(0, n, batch_size)]
        rows = np.concatenate([np.tile(group, len(begins)) for group in groups])
        counts = np.repeat([len(group) for group in groups], len(begins))
        sizes = counts * np.tile(np.minimum(window, steps - begins), len(groups)).astype(np.float64)
        return EpochPlan(rows, np.append(0, np.cumsum(counts)), sizes, window, np.tile(begins, len(groups)))
    return _in_windows_of_each(order, batch_size, batch, window)


def _in_windows_of_each(order: np.ndarray, batch_size: int, batch: Batch, window: int) -> EpochPlan:
    """As `_in_windows`, where rows have lengths or steps have weights."""
    n, steps = len(order), batch.x.shape[1]
    lengths = np.full(len(batch.x), steps) if batch.lengths is None else batch.lengths
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
    return EpochPlan(np.concatenate(rows), starts, np.array(sizes), window, np.array(begins, np.int64))
