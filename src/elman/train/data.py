"""Splits the data of a fit into rows for training and for validation, and weighs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.requests import Batch

__all__ = ["FitData", "row_weights", "split"]


class FitData(NamedTuple):
    """The data of one call of `Trainer.fit`, and how an epoch passes over them."""

    batch: Batch  # n rows to train on
    held_out: Batch | None  # to validate on
    weights: np.ndarray  # (n,) as from `row_weights`
    shuffle: bool
    window: int | None  # steps of an update; None: whole sequences


def split(batch: Batch, validation: Any, checked: Callable[..., Batch]) -> tuple[Batch, Batch | None]:
    """Returns the rows to train on and those to validate on, as slices of the batch, never copies.

    validation  as for `Trainer.fit`
    checked     makes a Batch of x, y and the other arguments of `Network.loss`
    """
    if validation is None:
        return batch, None
    if isinstance(validation, tuple | list) and len(validation) == 2:
        return batch, checked(*validation)
    if isinstance(validation, Mapping):
        known = ("x", "y", "lengths", "sample_weight", "state")
        for key in validation:
            checks.choice("validation", key, known)
        if "x" not in validation or "y" not in validation:
            raise ValueError(f"validation: expected x and y, got {', '.join(validation) or 'nothing'}")
        return batch, checked(**validation)
    if isinstance(validation, tuple | list | np.ndarray):
        raise TypeError(f"validation: expected (x, y), a mapping or a fraction, got {checks.shown(validation)}")
    fraction, n = checks.number("validation", validation, low=0.0, high=1.0, open_low=True), len(batch.x)
    kept = n - max(1, round(n * fraction))
    if kept < 1:
        raise ValueError(f"validation: expected a fraction that leaves rows to train on, got {fraction} of {n} rows")
    return batch.take(slice(0, kept)), batch.take(slice(kept, n))


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
