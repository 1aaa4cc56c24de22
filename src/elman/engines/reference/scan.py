"""The time loop over any cell, which handles lengths, direction, state, truncation, and random draws.

A row takes part in its own steps only: forward it runs over 0 .. length - 1, in reverse over length - 1 .. 0, each time
from the given state; what lies past a row's length is never read.

Recurrent dropout (Gal and Ghahramani 2016): the products read m h_{t-1}, with one mask m for all steps of a sequence.
Zoneout (Krueger et al. 2016): each state keeps its previous value, s_t = k s_{t-1} + (1 - k) s'_t, s'_t from the cell;
k is drawn, 1 with probability p, in training, and p itself in prediction.
A cell with a memory reads all of a sequence (B, S, M) at each step, and gives a gradient of it at each step back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import custom, gru, lstm, simple
from .random import DrawPlace, Draws

__all__ = ["CELLS", "Tape", "backward", "forward", "parameters_of"]

CELLS = {"simple": simple, "lstm": lstm, "gru": gru, "custom": custom}
Arrays = tuple[np.ndarray, ...]


class Step(NamedTuple):
    """One step of the rows that are long enough to take part in it."""

    t: int
    rows: np.ndarray  # (b,): which rows took part
    kept: Any  # the cell's own tape
    held: list[Any]  # zoneout's k for each state, (b, H) or a number; None without zoneout


class Tape(NamedTuple):
    """What forward leaves for backward."""

    steps: list[Step]
    lengths: np.ndarray  # (B,)
    reverse: bool
    shape: tuple[int, int, int]  # of x
    memory: tuple[np.ndarray, np.ndarray] | None = None  # values (B, S, M) and valid (B, S), of cells that read one


def forward(
    layer: Any,
    parameters: Arrays,
    x: np.ndarray,
    lengths: np.ndarray,
    state: Arrays,
    reverse: bool,
    draws: Draws | None,
    place: DrawPlace,
    memory: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, Arrays, Tape]:
    """Takes x (B, T, D), with lengths (B,), through time from a state of (B, H) arrays; returns h (B, T, H), 0 past the
    lengths, the final state, and a tape."""
    cell, units = layer.cell, layer.hidden_size
    step, own = CELLS[cell.kind].step, parameters_of(cell, parameters)
    mask = None
    if draws and layer.recurrent_dropout:
        mask = draws.mask(place, "recurrent_dropout", 0, units, layer.recurrent_dropout, x.dtype)
    steps: list[Step] = []
    now = [array.copy() for array in state]
    h = np.zeros((*x.shape[:2], units), x.dtype)
    order = range(x.shape[1])
    for t in reversed(order) if reverse else order:
        rows = np.flatnonzero(lengths > t)
        if not rows.size:
            continue
        drawn: dict[str, Any] = {} if mask is None else {"mask": mask[rows]}
        if draws and getattr(cell, "noise", 0.0):
            drawn["noise"] = x.dtype.type(cell.noise) * draws.normal(place, "noise", t, units, x.dtype)[rows]
        if memory is not None:
            drawn["memory"] = tuple(array[rows] for array in memory)
        before = tuple(array[rows] for array in now)
        new, kept = step(cell, own, x[rows, t], before, **drawn)
        held = [_held(p, draws, place, name, t, units, rows, x.dtype) for name, p in layer.zoneouts]
        for array, old, made, k in zip(now, before, new, held, strict=True):
            array[rows] = made if k is None else k * old + (1 - k) * made
        h[rows, t] = now[0][rows]
        steps.append(Step(t, rows, kept, held))
    return h, tuple(now), Tape(steps, lengths, reverse, x.shape, memory)


def backward(
    cell: Any, parameters: Arrays, tape: Tape, dh: np.ndarray, dfinal: Arrays, truncate: int | None
) -> tuple[Any, ...]:
    """Takes dh (B, T, H) at the outputs and dfinal at the final state back through time; returns dx (B, T, D), the
    gradients of the parameters and of the given state, and, for a cell with a memory, that of the memory (B, S, M).

    With truncate = k nothing passes between steps kj - 1 and kj.
    """
    step_backward, own = CELLS[cell.kind].step_backward, parameters_of(cell, parameters)
    carry = [array.copy() for array in dfinal]
    dx = np.zeros(tape.shape, dh.dtype)
    dmemory = [] if tape.memory is None else [np.zeros_like(tape.memory[0])]
    gradients = tuple(np.zeros_like(p) for p in parameters)
    for t, rows, kept, held in reversed(tape.steps):
        arriving = [array[rows] for array in carry]
        arriving[0] = arriving[0] + dh[rows, t]
        made = tuple(d if k is None else (1 - k) * d for k, d in zip(held, arriving, strict=True))
        dx[rows, t], before, parts, *dread = step_backward(cell, own, kept, made)
        for array, part in zip(dmemory, dread, strict=True):
            array[rows] += part
        for array, values, k, d in zip(carry, before, held, arriving, strict=True):
            array[rows] = values if k is None else values + k * d
        for gradient, part in zip(gradients, parts, strict=True):
            gradient += part
        boundary = t + 1 if tape.reverse else t
        if truncate is not None and boundary % truncate == 0:
            # rows whose state came over the boundary; a row's given state is no part of another window
            came = rows[tape.lengths[rows] > boundary] if tape.reverse else rows[:0] if t == 0 else rows
            for array in carry:
                array[came] = 0
    return dx, gradients, tuple(carry), *dmemory


def parameters_of(cell: Any, arrays: Arrays) -> Any:
    """Returns a cell's parameters by name, from a tuple in their order; a user's cell keeps the tuple."""
    return CELLS[cell.kind].parameters_of(cell, arrays)


def _held(
    p: float,
    draws: Draws | None,
    place: DrawPlace,
    name: str,
    t: int,
    units: int,
    rows: np.ndarray,
    dtype: np.dtype[Any],
) -> Any:
    """Returns zoneout's k of one state: drawn in training, its expectation in prediction, None without zoneout."""
    if not p:
        return None
    if draws is None:
        return dtype.type(p)
    return draws.chosen(place, f"zoneout_{name}", t, units, p)[rows].astype(dtype)
