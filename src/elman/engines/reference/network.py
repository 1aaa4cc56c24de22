"""A list of layers on one shard: some rows taken through the whole network and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import dense, embedding, scan
from .random import Draws, Place

__all__ = ["Tape", "backward", "forward", "hidden"]

Arrays = Sequence[np.ndarray]


class Tape(NamedTuple):
    """What forward leaves for backward."""

    x: np.ndarray  # (B, T, D), zeros past the lengths; (B, T) integers
    lengths: np.ndarray  # (B,)
    inputs: list[np.ndarray]  # what each layer read
    outputs: list[np.ndarray]  # what each layer gave
    scans: list[list[scan.Tape]]  # for each layer, one for each direction
    masks: dict[int, np.ndarray]  # of dropout layers that drew, by their place
    given: bool  # whether the state came from the caller, else from the parameters or zero


def forward(
    layout: Any, theta: np.ndarray, x: np.ndarray, lengths: np.ndarray, state: Arrays | None, draws: Draws | None = None
) -> tuple[np.ndarray, list[np.ndarray], Tape]:
    """x (B, T, D), lengths (B,), state aligned with layout.states -> y (B, T, O) or (B, O), final state, tape.

    state None: learned, or zero. draws None: prediction.
    """
    valid = np.arange(x.shape[1]) < lengths[:, None]
    x = np.where(valid if layout.integer_input else valid[..., None], x, x.dtype.type(0))
    given, final = iter(state or ()), []
    tape = Tape(x, lengths, [], [], [], {}, state is not None)
    out = x
    for i, part in enumerate(layout.parts):
        layer, scans = part.layer, []
        tape.inputs.append(out)
        weights = _views(part, theta)
        if layer.kind == "embedding":
            out = embedding.forward(weights[0][0], out)
        elif layer.kind == "recurrent":
            outputs = []
            for direction, parameters in enumerate(weights):
                slots = part.states[direction]
                own, learned = _learned(layer, parameters)
                if state is not None:
                    start = tuple(next(given) for _ in slots)
                elif learned:
                    start = tuple(np.tile(values, (len(x), 1)) for values in learned)
                else:
                    start = tuple(np.zeros((len(x), slot.size), theta.dtype) for slot in slots)
                place = Place(i, direction)
                h, end, kept = scan.forward(layer, own, out, lengths, start, direction == 1, draws, place)
                outputs.append(h)
                scans.append(kept)
                final.extend(end)
            out = np.concatenate(outputs, axis=-1)
        elif layer.kind == "dense":
            weight, bias = weights[0]
            out = dense.forward(layer.activation, weight, bias, out)
        elif layer.kind == "dropout" and draws:
            tape.masks[i] = _mask(layer, draws, i, out)
            out = out * tape.masks[i]
        elif layer.kind == "last":
            out = _last(out, lengths)
        elif layer.kind == "skip":
            out = out + (_last(x, lengths) if out.ndim == 2 else x) @ weights[0][0].T
        tape.outputs.append(out)
        tape.scans.append(scans)
    y = np.where(valid[..., None], out, out.dtype.type(0)) if out.ndim == 3 else out
    return y, final, tape


def backward(
    layout: Any,
    theta: np.ndarray,
    tape: Tape,
    dy: np.ndarray,
    dhidden: Sequence[np.ndarray | None],
    dstate: Arrays,
    truncate: int | None,
) -> tuple[np.ndarray, np.ndarray | None, list[np.ndarray]]:
    """dy like y, dhidden one for each recurrent layer, dstate at the final state -> gradient (P,), dx, dstate0."""
    valid = (np.arange(tape.x.shape[1]) < tape.lengths[:, None])[..., None]
    gradient = np.zeros_like(theta)
    dstate0 = [np.zeros_like(array) for array in dstate]
    dx = None if layout.integer_input else np.zeros_like(tape.x)
    hidden, slot = len(dhidden), len(dstate)
    dout = np.where(valid, dy, dy.dtype.type(0)) if dy.ndim == 3 else dy
    for i in reversed(range(len(layout.parts))):
        part, layer = layout.parts[i], layout.parts[i].layer
        weights, slots = _views(part, theta), _views(part, gradient)
        read = tape.inputs[i]
        if layer.kind == "embedding":
            slots[0][0][...] = embedding.backward(weights[0][0], read, dout)
        elif layer.kind == "recurrent":
            hidden -= 1
            extra = dhidden[hidden]
            dout = dout if extra is None else dout + np.where(valid, extra, dout.dtype.type(0))
            slot -= sum(len(states) for states in part.states)
            dread, at = np.zeros_like(read), slot
            for direction, parameters in enumerate(weights):
                count = len(part.states[direction])
                size = layer.hidden_size
                own, learned = _learned(layer, parameters)
                part_dx, parts, before = scan.backward(
                    layer.cell,
                    own,
                    tape.scans[i][direction],
                    dout[..., direction * size : (direction + 1) * size],
                    tuple(dstate[at : at + count]),
                    truncate,
                )
                dread += part_dx
                dstate0[at : at + count] = before
                at += count
                if learned:
                    parts = (*parts, *(np.zeros_like(d[0]) if tape.given else d.sum(axis=0) for d in before))
                for view, values in zip(slots[direction], parts, strict=True):
                    view[...] = values
            dout = dread
        elif layer.kind == "dense":
            dout, slots[0][0][...], slots[0][1][...] = dense.backward(
                layer.activation, weights[0][0], read, tape.outputs[i], dout
            )
        elif layer.kind == "dropout":
            dout = dout * tape.masks[i] if i in tape.masks else dout
        elif layer.kind == "last":
            arriving, dout = dout, np.zeros_like(read)
            dout[np.arange(len(read)), tape.lengths - 1] = arriving
        elif layer.kind == "skip":
            assert dx is not None  # a skip never stands in a network of integers
            x = _last(tape.x, tape.lengths) if dout.ndim == 2 else tape.x
            slots[0][0][...] = dout.reshape(-1, dout.shape[-1]).T @ x.reshape(-1, x.shape[-1])
            if dout.ndim == 2:
                dx[np.arange(len(x)), tape.lengths - 1] += dout @ weights[0][0]
            else:
                dx += dout @ weights[0][0]
    return gradient, None if dx is None else dx + dout, dstate0


def hidden(layout: Any, tape: Tape) -> list[np.ndarray]:
    """Each recurrent layer's output (B, T, H or 2H)."""
    return [out for part, out in zip(layout.parts, tape.outputs, strict=True) if part.layer.kind == "recurrent"]


def _views(part: Any, vector: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    return [tuple(parameter.view(vector) for parameter in group) for group in part.parameters]


def _last(array: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Each row's last valid step, (B, T, F) -> (B, F)."""
    return array[np.arange(len(array)), lengths - 1]


def _learned(layer: Any, parameters: tuple[np.ndarray, ...]) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """A direction's parameters: the cell's own, and the initial states, where they are learned."""
    count = len(parameters) - (len(layer.cell.state_names) if layer.learned_state else 0)
    return parameters[:count], parameters[count:]


def _mask(layer: Any, draws: Draws, i: int, out: np.ndarray) -> np.ndarray:
    """Of a dropout layer, shaped like what it reads, or (B, 1, F) where all steps share it."""
    units, place = out.shape[-1], Place(i, 0)
    if out.ndim == 2 or layer.variational:
        mask = draws.mask(place, "dropout", 0, units, layer.rate, out.dtype)
        return mask if out.ndim == 2 else mask[:, None]
    steps = [draws.mask(place, "dropout", t, units, layer.rate, out.dtype) for t in range(out.shape[1])]
    return np.stack(steps, axis=1)
