"""A block of updates on whatever gives a value and a gradient; native/engine/update.h is the same loop.

An update takes, in order: the gradient of its rows' loss; clipping by value; the global norm, which is what is
reported; clipping by norm; the optimiser's step, under the constraints. Of a sparse table, the rows alone take the
last step whose gradient, once what can't move is held, is not 0 in every entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from . import clip, constraints

__all__ = ["ValueAndGradient", "run_updates"]


class ValueAndGradient(Protocol):
    """The loss of some rows of a batch at theta as it is now, and its gradient (P,), which the caller may change.

    number  of the update, counted from 0: dropout, zoneout and noise draw by it
    carry   arrays (n, size), one for each state, that are given the rows' final states; None: nobody wants them
    """

    def __call__(
        self, batch: Any, rows: np.ndarray, number: int, carry: Sequence[np.ndarray] | None
    ) -> tuple[float, np.ndarray]: ...


def run_updates(
    value_and_gradient: ValueAndGradient,
    layout: Any,
    theta: np.ndarray,
    batch: Any,
    rule: Any,
    slots: Sequence[np.ndarray],
    step: int,
    records: Any,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Updates theta and slots in place; `step` updates were done before. The arguments are those of `Engine.update`.

    Returns losses (U,), gradient norms (U,), and how many updates were done: the first whose loss or norm is not finite
    is not applied and ends the block. Where an error is raised, none of them was made.
    """
    updates = len(records.rates)
    losses, norms = np.zeros(updates), np.zeros(updates)
    before = [array.copy() for array in (theta, *slots)]
    try:
        for u in range(updates):
            rows = records.rows[records.starts[u] : records.starts[u + 1]]
            windows = records.windows
            now, carry = (batch, None) if windows is None else (_window(batch, windows, u), windows.carry)
            losses[u], gradient = value_and_gradient(now, rows, step + u, carry)
            constraints.hold(rule.constraints, gradient)
            pieces = _pieces(layout, gradient)
            if rule.clip_value is not None:
                gradient = clip.by_value(gradient, rule.clip_value)
            norms[u] = clip.global_norm(gradient)
            if not (np.isfinite(losses[u]) and np.isfinite(norms[u])):
                return losses, norms, u
            if rule.clip_norm is not None:
                gradient = clip.by_norm(gradient, norms[u], rule.clip_norm)
            rate = float(records.rates[u])
            for piece in pieces:
                constraints.step(rule.constraints, rule.optimizer, theta, slots, gradient, rate, step + u + 1, piece)
    except BaseException:
        for array, values in zip((theta, *slots), before, strict=True):
            array[...] = values
        raise
    return losses, norms, updates


def _pieces(layout: Any, gradient: np.ndarray) -> list[slice]:
    """Returns what of theta an update changes: all before its tables, and their rows with a gradient."""
    pieces = [slice(0, layout.dense)]
    for table in layout.tables:
        width = table.shape[1]
        touched = np.flatnonzero(table.view(gradient).any(axis=1))
        pieces += [slice(at, at + width) for at in (table.offset + touched * width).tolist()]
    return pieces


def _window(batch: Any, windows: Any, u: int) -> Any:
    """The batch in the window of update u."""
    t = int(windows.starts[u])
    span = slice(t, t + windows.steps)
    x, y, weight = (None if array is None else array[:, span] for array in (batch.x, batch.y, batch.weight))
    lengths = None if batch.lengths is None else np.clip(batch.lengths - t, 0, windows.steps)
    state = windows.carry if t > 0 else batch.state  # a shard takes its rows before it writes them
    return batch._replace(x=x, y=y, weight=weight, lengths=lengths, state=state)
