"""The time loop over any cell: lengths, direction, state and truncation in one place.

A row takes part in its own steps only: forward it runs over 0 .. length - 1, in reverse over length - 1 .. 0, each time
from the given state; what lies past a row's length is never read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import gru, lstm, simple

__all__ = ["CELLS", "Tape", "backward", "forward"]

CELLS = {"simple": simple, "lstm": lstm, "gru": gru}
Arrays = tuple[np.ndarray, ...]


class Tape(NamedTuple):
    """What forward leaves for backward: for each step taken (t, rows that took part, the cell's own tape)."""

    steps: list[tuple[int, np.ndarray, Arrays]]
    lengths: np.ndarray  # (B,)
    reverse: bool
    shape: tuple[int, int, int]  # of x


def forward(
    cell: Any, parameters: Arrays, x: np.ndarray, lengths: np.ndarray, state: Arrays, reverse: bool
) -> tuple[np.ndarray, Arrays, Tape]:
    """x (B, T, D), lengths (B,), state of (B, H) arrays -> h (B, T, H), 0 past the lengths; final state; tape."""
    step = CELLS[cell.kind].step
    steps: list[tuple[int, np.ndarray, Arrays]] = []
    now = [array.copy() for array in state]
    h = np.zeros((*x.shape[:2], state[0].shape[1]), x.dtype)
    order = range(x.shape[1])
    for t in reversed(order) if reverse else order:
        rows = np.flatnonzero(lengths > t)
        if rows.size:
            new, kept = step(cell, parameters, x[rows, t], tuple(array[rows] for array in now))
            for array, values in zip(now, new, strict=True):
                array[rows] = values
            h[rows, t] = new[0]
            steps.append((t, rows, kept))
    return h, tuple(now), Tape(steps, lengths, reverse, x.shape)


def backward(
    cell: Any, parameters: Arrays, tape: Tape, dh: np.ndarray, dfinal: Arrays, truncate: int | None
) -> tuple[np.ndarray, Arrays, Arrays]:
    """dh (B, T, H) at the outputs, dfinal at the final state -> dx (B, T, D), gradients, gradient of the given state.

    With truncate = k nothing passes between steps kj - 1 and kj.
    """
    step_backward = CELLS[cell.kind].step_backward
    carry = [array.copy() for array in dfinal]
    dx = np.zeros(tape.shape, dh.dtype)
    gradients = tuple(np.zeros_like(p) for p in parameters)
    for t, rows, kept in reversed(tape.steps):
        arriving = [array[rows] for array in carry]
        arriving[0] = arriving[0] + dh[rows, t]
        dx[rows, t], before, parts = step_backward(cell, parameters, kept, tuple(arriving))
        for array, values in zip(carry, before, strict=True):
            array[rows] = values
        for gradient, part in zip(gradients, parts, strict=True):
            gradient += part
        boundary = t + 1 if tape.reverse else t
        if truncate is not None and boundary % truncate == 0:
            # rows whose state came over the boundary; a row's given state is no part of another window
            came = rows[tape.lengths[rows] > boundary] if tape.reverse else rows[:0] if t == 0 else rows
            for array in carry:
                array[came] = 0
    return dx, gradients, tuple(carry)
