"""A recurrent layer: one scan for each direction, and where their initial states come from.

Shapes: x (B, T, F), y (B, T, H), or (B, T, 2H) with the reverse direction behind; states (B, H). A cell with a memory
also reads the second sequence (B, S, M), at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import scan
from ..random import DrawPlace
from .record import Done, Given, Sent, Signal, valid

__all__ = ["backward", "forward"]

Arrays = tuple[np.ndarray, ...]


def forward(given: Given) -> Done:
    """Runs each direction's scan over x; the tape is one scan's tape for each direction."""
    layer, x = given.layer, given.read[0]
    assert x.lengths is not None
    memory = (given.read[1].values, valid(given.read[1])) if layer.cell.memory else None
    outputs: list[np.ndarray] = []
    final: list[np.ndarray] = []
    tapes: list[scan.Tape] = []
    for direction, parameters in enumerate(given.weights):
        own, learned = _learned(layer, parameters)
        start = tuple(
            _start(layer, state, k, learned, x.values, parameters[0].dtype)
            for k, state in enumerate(given.starts[direction])
        )
        place = DrawPlace(given.place, direction)
        reverse = direction == 1
        h, end, tape = scan.forward(layer, own, x.values, x.lengths, start, reverse, given.draws, place, memory)
        outputs.append(h)
        final.extend(end)
        tapes.append(tape)
    return Done(given, Signal(np.concatenate(outputs, axis=-1), x.lengths), final, tapes)


def backward(done: Done, dout: np.ndarray, dfinal: Sequence[np.ndarray], truncate: int | None) -> Sent:
    """Takes dy and the gradients at the final states back to dx (and dmemory), the parameters and the initial
    states."""
    layer, given = done.given.layer, done.given
    size, count = layer.hidden_size, len(layer.cell.state_names)
    dread = [np.zeros_like(signal.values) for signal in given.read]
    gradients: list[Arrays] = []
    dstart: list[np.ndarray] = []
    for direction, parameters in enumerate(given.weights):
        own, learned = _learned(layer, parameters)
        sent = scan.backward(
            layer.cell,
            own,
            done.tape[direction],
            dout[..., direction * size : (direction + 1) * size],
            tuple(dfinal[direction * count : (direction + 1) * count]),
            truncate,
        )
        dx, parts, before, *dmemory = sent
        for array, part in zip(dread, (dx, *dmemory), strict=True):
            array += part
        if learned:
            starts = zip(given.starts[direction], before, strict=True)
            parts = (*parts, *(d.sum(axis=0) if state is None else np.zeros_like(d[0]) for state, d in starts))
        gradients.append(parts)
        dstart.extend(before)
    return Sent(dread, gradients, dstart)


def _learned(layer: Any, parameters: Arrays) -> tuple[Arrays, Arrays]:
    """Splits a direction's parameters into the cell's own and the initial states, where these are learned."""
    count = len(parameters) - (len(layer.cell.state_names) if layer.learned_state else 0)
    return parameters[:count], parameters[count:]


def _start(
    layer: Any, state: np.ndarray | None, k: int, learned: Arrays, x: np.ndarray, dtype: np.dtype[Any]
) -> np.ndarray:
    """Returns the k-th initial state (B, H): as given, learned, or zero."""
    if state is not None:
        return state
    return np.tile(learned[k], (len(x), 1)) if learned else np.zeros((len(x), layer.hidden_size), dtype)
