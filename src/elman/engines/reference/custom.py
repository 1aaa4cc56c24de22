"""A user's own cell: its functions are called, and what they return is checked before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Tape", "parameters_of", "step", "step_backward"]

Arrays = tuple[np.ndarray, ...]


class Tape(NamedTuple):
    """What one step leaves for its derivative."""

    own: Any  # what the user's step returned
    x: np.ndarray  # (B, D)
    state: Arrays  # the state before, each (B, H)
    memory: Arrays  # the memory's values (B, S, M), where the cell reads one


def parameters_of(cell: Any, arrays: Arrays) -> Arrays:
    """Returns a cell's parameters as they are: a user's cell takes a plain tuple."""
    return arrays


def step(cell: Any, parameters: Arrays, x: np.ndarray, state: Arrays, **drawn: Any) -> tuple[Arrays, Tape]:
    """Takes one step: x (B, D), state of (B, H) arrays -> new state, tape.


    drawn: mask (B, H) where the layer has recurrent dropout; memory (values (B, S, M), valid (B, S)) where the cell
    reads one.
    """
    new, tape = _parts(cell, "step", cell.step(cell, parameters, x, state, **drawn), "(state, tape)", 2)
    return _alike(cell, "step: state", new, state), Tape(tape, x, state, drawn.get("memory", ())[:1])


def step_backward(cell: Any, parameters: Arrays, tape: Tape, dstate: Arrays) -> tuple[Any, ...]:
    """Takes gradients at the new state to dx (B, D), gradients at the state before, gradients of the parameters, and
    that of the memory's values (B, S, M) where the cell reads one."""
    expected = "(dx, dstate, gradients, dmemory)" if tape.memory else "(dx, dstate, gradients)"
    found = cell.step_backward(cell, parameters, tape.own, dstate)
    dx, before, gradients, *rest = _parts(cell, "step_backward", found, expected, 3 + len(tape.memory))
    (dx,) = _alike(cell, "step_backward: dx", (dx,), (tape.x,))
    before = _alike(cell, "step_backward: dstate", before, tape.state)
    gradients = _alike(cell, "step_backward: gradients", gradients, parameters)
    return dx, before, gradients, *_alike(cell, "step_backward: dmemory", rest, tape.memory)


def _parts(cell: Any, what: str, found: Any, expected: str, count: int) -> Any:
    """Returns `found`, which must be a tuple of `count` items; raises TypeError otherwise."""
    if not isinstance(found, tuple) or len(found) != count:
        raise TypeError(f"{cell.name}: {what}: expected {expected}, got {type(found).__name__}")
    return found


def _alike(cell: Any, what: str, arrays: Any, models: Sequence[np.ndarray]) -> Arrays:
    """Returns the arrays in the models' type; raises TypeError and ValueError unless number and shapes are alike."""
    if not isinstance(arrays, tuple | list) or len(arrays) != len(models):
        raise TypeError(f"{cell.name}: {what}: expected a tuple of {len(models)} arrays, got {type(arrays).__name__}")
    found = tuple(np.asarray(array, dtype=model.dtype) for array, model in zip(arrays, models, strict=True))
    for i, (array, model) in enumerate(zip(found, models, strict=True)):
        if array.shape != model.shape:
            raise ValueError(f"{cell.name}: {what}[{i}]: expected shape {model.shape}, got {array.shape}")
    return found
