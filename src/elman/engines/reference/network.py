"""A list of layers on one shard: some rows taken through the whole network and back.

Each layer reads what its part of the layout names: inputs by their name, other layers' outputs by their place in the
list; and its initial states may come from another layer's final states, or from a vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .layers import LAYERS, Done, Given, Sent, Signal
from .layers.record import valid
from .random import Draws

__all__ = ["Signal", "Tape", "backward", "forward", "hidden", "step_back"]

Arrays = Sequence[np.ndarray]


class Tape(NamedTuple):
    """What forward leaves for backward."""

    inputs: dict[str, Signal]  # 0 past their lengths
    done: list[Done]  # what each layer left
    given: bool  # whether the state came from the caller, else from another layer, the parameters, or zero


def forward(
    layout: Any, theta: np.ndarray, inputs: Mapping[str, Signal], state: Arrays | None, draws: Draws | None = None
) -> tuple[np.ndarray, list[np.ndarray], Tape]:
    """Takes inputs by name through all layers; returns y (B, T, O) or (B, O), the final state, and a tape.

    state  aligned with layout.states; None: from where the layout says, learned, or zero
    draws  what training draws; None: prediction
    """
    signals: dict[str | int, Signal] = {name: Signal(_masked(given), given.lengths) for name, given in inputs.items()}
    tape = Tape({str(name): signal for name, signal in signals.items()}, [], state is not None)
    final: list[np.ndarray] = []
    for i, part in enumerate(layout.parts):
        if state is None:
            starts = [[_start(start, final, signals) for start in group] for group in part.starts]
        else:
            given = iter(state[len(final) :])
            starts = [[next(given) for _ in group] for group in part.states]
        read = [signals[source] for source in part.reads]
        done = LAYERS[part.layer.kind].forward(Given(part.layer, i, _views(part, theta), read, starts, draws))
        tape.done.append(done)
        final.extend(done.final)
        signals[i] = done.out
    return _masked(tape.done[-1].out), final, tape


def backward(
    layout: Any,
    theta: np.ndarray,
    tape: Tape,
    dy: np.ndarray,
    dhidden: Sequence[np.ndarray | None],
    dstate: Arrays,
    truncate: int | None,
) -> tuple[np.ndarray, dict[str, np.ndarray | None], list[np.ndarray]]:
    """Takes gradients back through all layers; returns the gradient of theta (P,), those of the inputs by name (None
    for whole numbers), and that of a given initial state.

    dy  like y; dhidden: at each recurrent layer's output, or None; dstate: at the final state
    """
    gradient = np.zeros_like(theta)
    arriving: dict[str | int, np.ndarray] = {
        name: np.zeros_like(signal.values) for name, signal in tape.inputs.items() if signal.values.dtype.kind == "f"
    }
    arriving[len(layout.parts) - 1] = _masked(tape.done[-1].out._replace(values=dy))
    dfinal = [array.copy() for array in dstate]
    dstate0 = [np.zeros_like(array) for array in dstate]
    above, slot = list(dhidden), len(dstate)
    for i in reversed(range(len(layout.parts))):
        part, done = layout.parts[i], tape.done[i]
        extra = above.pop() if part.layer.kind == "recurrent" else None
        if extra is not None:
            _add(arriving, i, _masked(done.out._replace(values=extra)))
        end, slot = slot, slot - len(done.final)
        dout = arriving.pop(i, None)
        dout = np.zeros_like(done.out.values) if dout is None else dout
        sent = step_back(done, dout, dfinal[slot:end], truncate)
        for views, values in zip(_views(part, gradient), sent.gradients, strict=True):
            for view, value in zip(views, values, strict=True):
                view += value  # two layers may share a parameter
        for source, dread in reversed([*zip(part.reads, sent.dread, strict=True)]):
            if dread is not None:
                _add(arriving, source, dread)
        starts = [None if tape.given else start for group in part.starts for start in group]
        for k, (start, d) in enumerate(zip(starts, sent.dstart, strict=True)):
            if start is None:
                dstate0[slot + k] = d
            elif start.slot is not None:
                dfinal[start.slot] += d
            else:
                _add(arriving, start.source, d)
    return gradient, {name: arriving.get(name) for name in tape.inputs}, dstate0


def step_back(done: Done, dout: np.ndarray, dfinal: Arrays, truncate: int | None) -> Sent:
    """Takes gradients back through one layer: dout like its output, dfinal at its final states."""
    return LAYERS[done.given.layer.kind].backward(done, dout, dfinal, truncate)


def hidden(tape: Tape) -> list[np.ndarray]:
    """Returns each recurrent layer's output (B, T, H or 2H)."""
    return [done.out.values for done in tape.done if done.given.layer.kind == "recurrent"]


def _start(start: Any, final: Arrays, signals: Mapping[str | int, Signal]) -> np.ndarray | None:
    """Returns one initial state (B, H) from where the layout says; None: it is learned, or zero."""
    if start is None:
        return None
    return signals[start.source].values if start.slot is None else final[start.slot]


def _add(arriving: dict[str | int, np.ndarray], source: str | int, d: np.ndarray) -> None:
    """Adds to the gradient that arrives at a source; arrays that came from elsewhere are not written to."""
    arriving[source] = arriving[source] + d if source in arriving else d


def _views(part: Any, vector: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    return [tuple(parameter.view(vector) for parameter in group) for group in part.parameters]


def _masked(signal: Signal) -> np.ndarray:
    """Returns the values with 0 past the lengths, where anything may stand."""
    values = signal.values
    if signal.lengths is None:
        return values
    mask = valid(signal)
    return np.where(mask if values.ndim == 2 else mask[..., None], values, values.dtype.type(0))
