"""Examines a network on data: saturated gates, dead relu units, gradients that vanish or grow over the sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.core.layers import Layout
from elman.core.losses import Loss, as_loss
from elman.network import Network, arguments
from elman.train.doctor.batches import fitting_rows, widened
from elman.train.doctor.examination import Dead, Examination, Memory, Saturation
from elman.train.doctor.replay import Replay, layer_names

__all__ = ["examine"]

ROWS = 32  # the most that are used: shares of thousands of entries need no more
TANH, SIGMOID = (-0.99, 0.99), (0.01, 0.99)  # values beyond are saturated


def examine(
    network: Network,
    x: ArrayLike,
    y: ArrayLike | None = None,
    loss: str | Loss = "mse",
    *,
    lengths: ArrayLike | None = None,
) -> Examination:
    """Measures gates, relu units and gradients of a network on data; returns an `Examination`.

    Arguments are as for `Network.loss`; y may be missing. At most 32 rows are used, evenly spaced, in float64 on the
    reference engine: 2 s for two LSTM layers of 128 units over 200 steps. Raises ValueError and TypeError for wrong
    data, ValueError for sequences that are too long.
    """
    if not isinstance(network, Network):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"network: expected an elman.Network, got {checks.shown(network)}")
    loss, layout = as_loss(loss), network.layout
    if not layout.chain or loss.ragged:
        raise ValueError("network: expected layers that each read the one before, and targets at its steps")
    value = None
    if y is None:
        network.predict(x, lengths=lengths)  # raises what a prediction raises
    else:
        value = network.loss(x, y, loss=loss, lengths=lengths)
    batch, _ = arguments.as_batch(layout, network.dtype, x, y, loss=None if y is None else loss, lengths=lengths)
    n, steps = batch.x.shape[:2]
    rows = min(n, ROWS, fitting_rows(layout, steps))
    if not rows:
        raise ValueError(f"x: expected sequences short enough for a replay, got {steps} steps; give a part of them")
    batch = widened(batch.take(np.linspace(0, n - 1, rows).astype(np.int64)))
    with np.errstate(under="ignore"):  # gradients that vanish are a finding
        replay = Replay(layout, network.weights.copy().astype(np.float64), batch)
        saturation, dead = _units(replay)
        memory = [one for at_end in (True, False) for one in _memories(replay, None if y is None else loss, at_end)]
    return Examination(rows, steps, value, tuple(saturation), tuple(dead), tuple(memory))


# --------------------------------------------------------------------------------------------- measuring


def _units(replay: Replay) -> tuple[list[Saturation], list[Dead]]:
    """Returns the shares of every quantity that can saturate, and the dead units of every relu layer."""
    functions = _functions(replay.layout)
    counts: dict[tuple[str, str, str], np.ndarray] = {}  # layer, kind, gate -> low, high, all
    alive: dict[str, np.ndarray] = {}
    for seen in replay.forward():
        gate = seen.gate or {"activation": "h", "output": "y"}.get(seen.quantity, "")
        function = functions.get((seen.layer, gate))
        if function is None or seen.quantity == "pre-activation":
            continue
        if function == "relu":
            active = np.max(seen.values, axis=0) > 0
            alive[seen.layer] = np.logical_or(alive.get(seen.layer, False), active)
        else:
            low, high = TANH if function == "tanh" else SIGMOID
            key = (seen.layer, seen.kind, gate)
            ends = [int(np.sum(seen.values < low)), int(np.sum(seen.values > high)), seen.values.size]
            counts[key] = counts.get(key, np.zeros(3)) + ends
    saturation = [Saturation(*key, *map(float, count[:2] / count[2])) for key, count in counts.items()]
    return saturation, [
        Dead(name, tuple(map(int, np.flatnonzero(~units))), len(units)) for name, units in alive.items()
    ]


def _functions(layout: Layout) -> dict[tuple[str, str], str]:
    """Returns (layer, gate) -> "tanh", "sigmoid" or "relu"; the gate is "h" for a simple cell, "y" for a dense
    layer."""
    found: dict[tuple[str, str], str] = {}
    for part in layout.parts:
        layer: Any = part.layer
        for name in layer_names(part):
            if layer.kind == "recurrent" and layer.cell.kind == "simple":
                if isinstance(layer.cell.activation, str):
                    found[name, "h"] = layer.cell.activation
            elif layer.kind == "recurrent":
                for gate in "ifgorzn":
                    found[name, gate] = "tanh" if gate in "gn" else "sigmoid"
            elif layer.kind == "dense":
                found[name, "y"] = layer.activation
    return {key: function for key, function in found.items() if function in ("tanh", "sigmoid", "relu")}


def _memories(replay: Replay, loss: Loss | None, at_end: bool) -> list[Memory]:
    """Measures gradients over time: of forward directions, for the loss at the last steps (`at_end`); of reverse ones,
    for the loss at step 0."""
    layout = replay.layout
    names = [name for part in layout.parts if part.states for name in layer_names(part)]
    names = [name for name in names if name.endswith("_reverse") != at_end]
    if not names or (layout.last and not at_end):  # the last step is the reverse direction's first: nothing to carry
        return []
    lengths = replay.lengths[np.argsort(replay.order)]
    weight = np.ones(len(lengths))
    if not layout.last:
        weight = np.arange(replay.steps) == (lengths - 1 if at_end else 0 * lengths)[:, None]
    dy = np.broadcast_to(weight[..., None], replay.y.shape).astype(np.float64)
    if loss is not None:
        dy = replay.derivative(loss, weight.astype(np.float64))[1]
    sums = {name: np.zeros(replay.steps) for name in names}
    for seen in replay.backward(dy):
        if seen.quantity == "dL/dh" and seen.step is not None and seen.layer in sums:
            away = lengths[seen.rows] - 1 - seen.step if at_end else np.full(len(seen.rows), seen.step)
            np.maximum.at(sums[seen.layer], away, _norms(seen.values))
    return [Memory(name, norms[: int(lengths.max())]) for name, norms in sums.items()]


def _norms(rows: np.ndarray) -> np.ndarray:
    """Returns the Euclidean norms (n,) of rows (n, H), also of numbers whose squares underflow."""
    scale = np.abs(rows).max(initial=np.finfo(np.float64).tiny)
    return scale * np.linalg.norm(rows / scale, axis=1)
