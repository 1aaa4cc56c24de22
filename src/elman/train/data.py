"""Splits the data of a fit into rows for training and for validation, and weighs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.requests import Batch

__all__ = ["FitData", "Split", "named_batch", "row_weights", "split"]

FIRST = 32  # steps that are compared before all of them
HELD_OUT = 0  # the number of the child of the seed that draws the rows to validate on


class FitData(NamedTuple):
    """The data of one call of `Trainer.fit`, and how an epoch passes over them."""

    batch: Batch  # n rows, of which some train
    rows: np.ndarray  # int64 (m,), those that train, rising
    held_out: Batch | None  # to validate on
    weights: np.ndarray  # (n,) as from `row_weights`
    shuffle: bool
    window: int | None  # steps of an update; None: whole sequences
    note: str = ""  # which rows are held out, for people
    former: Callable[[], FitData] | None = None  # as version 0.1.0 split them, where a checkpoint of it goes on


class Split(NamedTuple):
    """Rows to train on, and data to validate on."""

    batch: Batch
    rows: np.ndarray  # of the batch, those that train
    held_out: Batch | None
    note: str = ""  # which rows a fraction took, for people


def split(batch: Batch, validation: Any, checked: Callable[..., Batch], in_order: bool, seed: int) -> Split:
    """Splits the rows of a batch into those that train and those that validate. What trains is never copied.

    validation  as for `Trainer.fit`. A fraction takes rows that the seed draws; the last rows where order means
                something: `in_order`, and where x are windows of one series that overlap
    checked     makes a Batch of x, y and the other arguments of `Network.loss`
    """
    n = len(batch.x)
    if validation is None:
        return Split(batch, np.arange(n), None)
    if isinstance(validation, tuple | list) and len(validation) == 2:
        return Split(batch, np.arange(n), checked(*validation))
    if isinstance(validation, Mapping):
        return Split(batch, np.arange(n), checked(**named_batch("validation", validation)))
    if isinstance(validation, tuple | list | np.ndarray):
        raise TypeError(f"validation: expected (x, y), a mapping or a fraction, got {checks.shown(validation)}")
    fraction = checks.number("validation", validation, low=0.0, high=1.0, open_low=True)
    count = max(1, round(n * fraction))
    if count >= n:
        raise ValueError(f"validation: expected a fraction that leaves rows to train on, got {fraction} of {n} rows")
    overlapping = not in_order and _overlap(batch.x)
    if overlapping or in_order:
        why = "since rows are windows of one series that overlap" if overlapping else "since shuffle=False"
        first, last = batch.take(slice(0, n - count)), batch.take(slice(n - count, n))
        return Split(first, np.arange(n - count), last, f"the last {count} of {n} rows, {why}")
    drawn = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(HELD_OUT,))).permutation(n)
    held_out = batch.take(np.sort(drawn[:count]))
    return Split(batch, np.sort(drawn[count:]), held_out, f"{count} of {n} rows, drawn by the seed")


def named_batch(name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a mapping of x, y and other arguments of `Network.loss` whose names are checked."""
    for key in given:
        checks.choice(name, key, ("x", "y", "lengths", "sample_weight", "state"))
    if "x" not in given or "y" not in given:
        raise ValueError(f"{name}: expected x and y, got {', '.join(given) or 'nothing'}")
    return given


def _overlap(x: np.ndarray) -> bool:
    """Returns whether rows are overlapping windows of one series: each is the one before it, shifted by the same
    number of steps, at most half of them. Three pairs of rows are looked at."""
    n, steps = x.shape[:2]
    if n < 4 or steps < 4:
        return False
    pairs = [(x[i], x[i + 1]) for i in (0, n // 2 - 1, n - 2)]
    if any((row == row[:1]).all() for row, _ in pairs):
        return False
    row, after = pairs[0]
    furthest = min(steps - 1, steps // 2)
    same = np.ones(furthest, bool)  # as far as the first steps say: few shifts are left for the comparison of all
    for t in range(min(FIRST, steps - furthest)):
        same &= (row[1 + t : 1 + t + furthest] == after[t]).reshape(furthest, -1).all(axis=1)
    return any(
        all(np.array_equal(one[shift:], other[: steps - shift]) for one, other in pairs)
        for shift in (np.flatnonzero(same) + 1).tolist()
    )


def row_weights(layout: Layout, loss: Loss, batch: Batch) -> np.ndarray:
    """Returns the weight of each row in a mean of the loss (n,), so that an epoch's mean is over steps, not batches."""
    time = layout.time
    if time is None or loss.ragged:
        return np.ones(len(batch.x)) if batch.weight is None else batch.weight.astype(np.float64)
    lengths = batch.lengths_of(time)
    if batch.weight is None:
        return lengths.astype(np.float64)
    valid = np.arange(batch.steps_of(time)) < lengths[:, None]
    return np.where(valid, batch.weight, 0.0).sum(axis=1, dtype=np.float64)
