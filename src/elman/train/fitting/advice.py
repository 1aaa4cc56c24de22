"""Warns of data that no network learns well from: targets far from unit scale, held-out rows unlike the others."""

from __future__ import annotations

import warnings

import numpy as np

from elman.core.layers import INPUT, Layout
from elman.core.losses import LOSSES, Loss
from elman.core.requests import Batch
from elman.network import Network

__all__ = ["TrainingWarning", "warn_of_scale", "warn_of_split"]

# The root mean square of targets that need no word: outside, a network whose outputs begin near 0 spends its training
# on getting there, or never leaves the noise of its own beginning.
LEAST, MOST = 0.01, 30.0
LOOKED_AT = 4096  # rows
AT_ONCE = 1 << 22  # targets
FEWEST = 10  # held-out targets whose range says anything
BEYOND = 0.5  # a larger part of the held-out targets outside of the range of the others is told
LEVEL = 4  # of the stack, counted from here: where the user called `fit`


class TrainingWarning(UserWarning):
    """A training runs, but on data from which it is unlikely to learn what was meant."""


def warn_of_scale(network: Network, loss: Loss, batch: Batch) -> None:
    """Warns where targets are far from the scale at which networks begin, unless the head's bias is of their size."""
    if loss.kind not in LOSSES or loss.classes or loss.ragged or loss.low is not None:
        return
    targets = _targets(network.layout, loss, batch, np.arange(0, len(batch.x), 1 + len(batch.x) // LOOKED_AT))
    size = float(np.sqrt(np.square(targets, dtype=np.float64).mean())) if targets.size else 0.0
    bias = network.parameters.get("head.bias")
    begun = bias is not None and float(np.abs(bias).max()) > size / 10
    if size == 0.0 or LEAST <= size <= MOST or (size > MOST and begun):
        return
    center, spread = float(targets.mean(dtype=np.float64)), float(targets.std(dtype=np.float64))
    sign = "-" if center >= 0 else "+"
    remedy = f"(y {sign} {abs(center):.3g}) / {spread:.3g}" if spread > 0 else f"y / {size:.3g}"
    warnings.warn(
        f"y: expected targets of a size near 1, got a root mean square of {size:.3g}: outputs begin near 0, and the "
        f"loss may hardly change. Train on {remedy}, and turn predictions back",
        TrainingWarning,
        stacklevel=LEVEL,
    )


def warn_of_split(layout: Layout, loss: Loss, batch: Batch, rows: np.ndarray, held_out: Batch, note: str) -> None:
    """Warns where held-out rows hold classes that the others lack, or targets of another range.

    rows  of the batch, those that train
    note  which rows were held out
    """
    if loss.ragged:
        return
    remedy = "Hold out rows that are like the others: validation=(x, y)"
    if loss.classes:
        trained, tested = (
            _classes(layout, loss, batch, rows),
            _classes(layout, loss, held_out, np.arange(len(held_out.x))),
        )
        missing = np.flatnonzero(tested & ~trained) if trained.any() else np.zeros(0, np.int64)
        if missing.size:
            names = ", ".join(map(str, missing[:12].tolist())) + (", ..." if missing.size > 12 else "")
            warnings.warn(
                f"validation: expected classes that training has too, got {names} in the held-out rows alone ({note}). "
                f"{remedy}",
                TrainingWarning,
                stacklevel=LEVEL,
            )
        return
    trained, tested = _targets(layout, loss, batch, rows), _targets(layout, loss, held_out, np.arange(len(held_out.x)))
    if not trained.size or not tested.size:
        return
    low, high = trained.min(axis=0), trained.max(axis=0)
    beyond = float(((tested < low) | (tested > high)).mean())
    if len(tested) >= FEWEST and beyond > BEYOND:
        warnings.warn(
            f"validation: expected targets of the range of training, got {beyond:.0%} of the held-out ones beyond it "
            f"({note}). {remedy}",
            TrainingWarning,
            stacklevel=LEVEL,
        )


def _classes(layout: Layout, loss: Loss, batch: Batch, rows: np.ndarray) -> np.ndarray:
    """Returns which classes the targets of some rows hold, flags (O,); a long row is looked at piece by piece."""
    found = np.zeros(layout.output_size, bool)
    assert batch.y is not None
    steps = 1 if layout.time is None else batch.y.shape[1]
    width, count = AT_ONCE if layout.time == INPUT else steps, max(1, AT_ONCE // steps)
    for first in range(0, len(rows), count):
        part = batch.take(slice(rows[first], rows[first] + 1) if count == 1 else rows[first : first + count])
        every = np.arange(len(part.x))
        if layout.time is None or steps <= width:
            found[_targets(layout, loss, part, every)] = True
            continue
        for begin in range(0, steps, width):
            x, y, weight = (None if a is None else a[:, begin : begin + width] for a in (part.x, part.y, part.weight))
            lengths = np.clip(part.lengths_of(INPUT) - begin, 0, width)
            piece = part._replace(x=x, y=y, weight=weight, lengths=lengths)
            found[_targets(layout, loss, piece, every)] = True
    return found


def _targets(layout: Layout, loss: Loss, batch: Batch, rows: np.ndarray) -> np.ndarray:
    """Returns the targets of all valid steps of some rows that count: (N, O), or classes (N,)."""
    assert batch.y is not None
    y = batch.y[rows]
    weight = None if batch.weight is None else batch.weight[rows] > 0
    if layout.time is None:
        return y if weight is None else y[weight]
    valid = np.arange(y.shape[1]) < batch.lengths_of(layout.time)[rows][:, None]
    return y[valid if weight is None else valid & weight]
