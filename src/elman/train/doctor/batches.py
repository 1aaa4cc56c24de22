"""Prepares batches for a replay: as many rows as fit, the steps of a window, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.core.layers import Layout
from elman.core.requests import Batch
from elman.engines.select import select

__all__ = ["fitting_rows", "widened", "windowed"]

NUMBERS = 1 << 26  # the most that a replay's tape holds: 256 MB of float32
FARTHEST, AT_ONCE = 1 << 13, 1 << 9  # steps before a window that its state is made of; of them at a time
STEPS = 1 << 15  # the most that a replay takes, over all layers: about ten seconds


def fitting_rows(layout: Layout, steps: int) -> int:
    """Returns how many rows of `steps` steps a replay may take; 0 where one row takes too much memory or time, or where
    layers read something else than the layer before them."""
    if not layout.chain:
        return 0
    recurrent = [part for part in layout.parts if part.states]
    scans = sum(len(part.states) for part in recurrent)
    width = sum(part.input_size + 8 * part.output_size for part in recurrent)  # an LSTM keeps 7 H and x
    return NUMBERS // (steps * width) if steps * scans <= STEPS else 0


def windowed(layout: Layout, theta: np.ndarray, batch: Batch, rows: np.ndarray, start: int, stop: int) -> Batch:
    """Returns the batch between two steps; `rows` are those that are longer than `start` steps.

    Their state at `start` is computed with theta from the steps before. The training computed it with the weights of
    earlier updates, so the two differ a little. Of a long text, only so many steps before count as a state remembers.
    """
    x, y, weight = (None if array is None else array[:, start:stop] for array in (batch.x, batch.y, batch.weight))
    lengths = None if batch.lengths is None else np.clip(batch.lengths - start, 1, stop - start)
    state = batch.state
    if start:
        begin = max(0, start - FARTHEST)
        final = None if batch.state is None or begin else [array[rows] for array in batch.state]
        for t in range(begin, start, AT_ONCE):
            part = Batch(batch.x[:, t : min(t + AT_ONCE, start)][rows], state=final)
            final = select(layout).predict(layout, theta, part)[1]
        assert final is not None
        state = [np.zeros((len(batch.x), slot.size), theta.dtype) for slot in layout.states]
        for array, values in zip(state, final, strict=True):
            array[rows] = values
    return batch._replace(x=x, y=y, lengths=lengths, weight=weight, state=state)


def widened(batch: Batch) -> Batch:
    """Returns the batch in float64; integers stay."""

    def wide(array: np.ndarray | None) -> Any:
        return array.astype(np.float64) if array is not None and array.dtype.kind == "f" else array

    state = None if batch.state is None else [wide(array) for array in batch.state]
    named = {name: one._replace(values=wide(one.values)) for name, one in (batch.named or {}).items()}
    numbers = {name: wide(getattr(batch, name)) for name in ("x", "y", "weight")}
    return batch._replace(**numbers, state=state, named=named or None)
