"""A batch taken through the reference engine once more, value by value, in the order in which they are computed.

The mathematics is the reference's own: its tapes are read on the way forward, its functions are called one step at
a time on the way back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from elman.core.layers import Layout, Part, Recurrent
from elman.core.losses import Loss
from elman.core.requests import Batch
from elman.engines.reference import losses, network, scan  # each with its own derivative; none is taken here
from elman.engines.reference.random import Draws
from elman.engines.select import select

__all__ = ["Place", "Replay", "Seen", "first_beyond", "fitting_rows", "layer_names", "widened", "windowed"]

GATES = {"simple": (), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
NUMBERS = 1 << 26  # that a replay's tape may hold: 256 MB of float32
STEPS = 1 << 15  # that a replay takes, over all layers: about ten seconds


class Place(NamedTuple):
    """Where a value was found."""

    way: str  # "forward" or "backward"
    layer: str  # as parameters name it: "l0", "l1_reverse", "head", "dense0", "embedding", "skip"; "loss"
    kind: str  # "simple", "lstm", "gru", "dense", "embedding", "skip", "loss"
    # forward "pre-activation" (before layer normalisation), "gate", "activation", "state h", "state c", "output";
    # backward "dL/dy", "dL/dx", "dL/dh", "dL/da" (at a pre-activation, summed over rows)
    quantity: str
    gate: str | None  # i, f, g, o; r, z, n; None where there is none
    step: int | None  # None behind Last
    row: int  # in the data that the caller gave
    unit: int  # within the gate, state or output
    value: float

    def __str__(self) -> str:
        layer = "the loss" if self.layer == "loss" else f"layer {self.layer} ({self.kind})"
        gate = f"gate {self.gate} of " if self.gate else ""
        step = "" if self.step is None else f"step {self.step} of "
        return f"{gate}{layer}, {step}row {self.row}"


class Seen(NamedTuple):
    """One quantity of one layer at one step: `values` (n, F) of the batch's `rows` (n,)."""

    layer: str
    kind: str
    quantity: str
    gate: str | None
    step: int | None
    rows: np.ndarray
    values: np.ndarray


class Replay:
    """The way forward of a batch on the reference engine, all rows together.

    key  (seed, update, rows in the data) of a training's draws; None: prediction, without dropout and noise
    """

    def __init__(
        self, layout: Layout, theta: np.ndarray, batch: Batch, key: tuple[int, int, np.ndarray] | None = None
    ) -> None:
        n, steps = batch.x.shape[:2]
        lengths = np.full(n, steps, np.int64) if batch.lengths is None else batch.lengths
        self.order = np.argsort(-lengths, kind="stable")  # the tape's row r is the batch's order[r]
        self.layout, self.theta, self.batch = layout, theta, batch
        self.lengths = lengths[self.order]
        ordered = batch.take(self.order)
        draws = None if key is None else Draws(key[0], key[1], key[2][self.order])
        inputs = {"x": network.Signal(ordered.x, self.lengths)}
        y, _, self._tape = network.forward(layout, theta, inputs, ordered.state, draws)
        self.y = np.empty_like(y)
        self.y[self.order] = y

    def forward(self) -> Iterator[Seen]:
        """What each layer computed, in its order of steps."""
        for i, part in enumerate(self.layout.parts):
            names = layer_names(part)
            if part.layer.kind == "recurrent":
                for direction, name in enumerate(names):
                    yield from self._cell(i, part, direction, name)
            elif names:
                yield from self._steps(
                    names[0], part.layer.kind, "output", self._tape.done[i].out.values, range(self.steps)
                )

    def derivative(self, loss: Loss, weight: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """The loss and dL/dy, by `weight` ((n, T), or (n,) behind Last) in place of the batch's own."""
        batch, last, lengths = self.batch, self.layout.last, np.empty_like(self.lengths)
        lengths[self.order] = self.lengths
        weight = batch.weight if weight is None else weight
        weight = np.ones(self.y.shape[:-1], self.y.dtype) if weight is None else weight
        y = batch.y
        assert y is not None
        if not last:  # past a row's length anything may stand
            valid = np.arange(self.steps) < lengths[:, None]
            weight = np.where(valid, weight, weight.dtype.type(0))
            y = np.where(valid if y.ndim == 2 else valid[..., None], y, y.dtype.type(0))
        norm = losses.normaliser(loss, self.layout.output_size, weight)
        return losses.value_and_derivative(loss, self.y, y, weight, norm)

    def gradient(self, dy: np.ndarray, truncate: int | None = None, activity: float = 0.0) -> np.ndarray:
        """dL/dtheta (P,) of dL/dy, and of a penalty on the layers' activity."""
        end = [np.zeros((len(dy), slot.size), dy.dtype) for slot in self.layout.states]
        dhidden = self._penalty(activity)
        return network.backward(self.layout, self.theta, self._tape, dy[self.order], dhidden, end, truncate)[0]

    def backward(self, dy: np.ndarray, truncate: int | None = None, activity: float = 0.0) -> Iterator[Seen]:
        """The gradients that dL/dy (like y) and the penalty send back, in the order in which they are computed."""
        dout = dy[self.order]
        steps, dhidden = range(self.steps)[::-1], self._penalty(activity)
        yield from self._steps("loss", "loss", "dL/dy", dout, steps)
        for i, part in reversed(list(enumerate(self.layout.parts))):
            kind, done = part.layer.kind, self._tape.done[i]
            if kind == "recurrent":
                extra, dread = dhidden.pop(), np.zeros_like(done.given.read[0].values)
                dout = dout if extra is None else dout + extra
                for direction, name in enumerate(layer_names(part)):
                    yield from self._cell_back(i, part, direction, name, dout, dread, truncate)
                dout = dread
            elif kind not in ("embedding", "skip"):  # nothing lies below an embedding; a skip hands on what arrives
                dout = network.step_back(done, dout, [], None).dread[0]
                assert dout is not None
                for name in layer_names(part):
                    yield from self._steps(name, kind, "dL/dx", dout, steps)

    @property
    def steps(self) -> int:
        return self.batch.x.shape[1]

    # ------------------------------------------------------------------------------------------ inside

    def _penalty(self, activity: float) -> list[np.ndarray | None]:
        """Its derivative at each recurrent layer's h."""
        hidden = network.hidden(self._tape)
        return losses.activity(hidden, activity, int(self.lengths.sum()) * sum(h.shape[2] for h in hidden))[1]

    def _steps(self, layer: str, kind: str, quantity: str, values: np.ndarray, steps: range) -> Iterator[Seen]:
        """(n, T, F) step by step, or (n, F) at once."""
        if values.ndim == 2:
            yield Seen(layer, kind, quantity, None, None, self.order, values)
            return
        for t in steps:
            running = int((self.lengths > t).sum())
            yield Seen(layer, kind, quantity, None, t, self.order[:running], values[:running, t])

    def _cell(self, i: int, part: Part, direction: int, name: str) -> Iterator[Seen]:
        kind, size = part.layer.cell.kind, part.layer.hidden_size  # type: ignore[union-attr]
        gates = GATES.get(kind, ())
        p = scan.parameters_of(part.layer.cell, self._parameters(part, direction))  # type: ignore[union-attr]
        for t, local, kept, _ in self._tape.done[i].tape[direction].steps:
            rows = self.order[local]
            if kind in GATES:  # a cell that is known; kept is its Tape, `reference/<cell>.py`
                x, read = kept.products.x, kept.products.read
                arriving = np.split(x @ p.weight_ih.T + read @ p.weight_hh.T + p.bias, len(gates) or 1, axis=1)
                for gate, a in zip(gates or (None,), arriving, strict=True):
                    yield Seen(name, kind, "pre-activation", gate, t, rows, a)
                for gate in gates:
                    yield Seen(name, kind, "gate", gate, t, rows, getattr(kept, gate))
                if kind == "simple":
                    yield Seen(name, kind, "activation", None, t, rows, kept.s)
                if kind == "lstm":
                    yield Seen(name, kind, "state c", None, t, rows, kept.c)
            h = self._tape.done[i].out.values[local, t, direction * size : (direction + 1) * size]
            yield Seen(name, kind, "state h", None, t, rows, h)

    def _cell_back(
        self, i: int, part: Part, direction: int, name: str, dout: np.ndarray, dread: np.ndarray, truncate: int | None
    ) -> Iterator[Seen]:
        """One direction of a recurrent layer, a step at a time; adds its share to dread (n, T, F)."""
        layer: Any = part.layer
        kind, size = layer.cell.kind, layer.hidden_size
        gates = GATES.get(kind, ())
        parameters, tape = self._parameters(part, direction), self._tape.done[i].tape[direction]
        dh = dout[..., direction * size : (direction + 1) * size]
        carry = tuple(np.zeros((len(dout), slot.size), dout.dtype) for slot in part.states[direction])
        for entry in reversed(tape.steps):
            t, local = entry.t, entry.rows
            rows = self.order[local]
            yield Seen(name, kind, "dL/dh", None, t, rows, carry[0][local] + dh[local, t])
            one = tape._replace(steps=[entry])
            dx, gradients, carry = scan.backward(layer.cell, parameters, one, dh, carry, truncate)
            if kind in GATES:  # the bias's gradient is that of the gates' pre-activations, summed over rows
                worst = rows[_largest_row(dx[local, t])][None]
                sums = np.split(scan.parameters_of(layer.cell, gradients).bias[None], len(gates) or 1, axis=1)
                for gate, da in zip(gates or (None,), sums, strict=True):
                    yield Seen(name, kind, "dL/da", gate, t, worst, da)
            dread[local, t] += dx[local, t]

    def _parameters(self, part: Part, direction: int) -> tuple[np.ndarray, ...]:
        """The cell's own, without learned initial states."""
        layer: Any = part.layer
        count = len(layer.cell.parameter_shapes(part.input_size, layer.hidden_size))
        return tuple(parameter.view(self.theta) for parameter in part.parameters[direction][:count])


def first_beyond(seen: Iterator[Seen], limit: float, way: str, data_rows: np.ndarray) -> Place | None:
    """The first value that is not finite or larger than `limit`; at one step, the lowest row of the caller's data."""
    for one in seen:
        bad = ~(np.abs(one.values) <= limit)
        if bad.any():
            rows = data_rows[one.rows]
            k = int(np.where(bad.any(axis=1), rows, rows.max() + 1).argmin())
            unit = int(bad[k].argmax())
            where = (one.layer, one.kind, one.quantity, one.gate, one.step, int(rows[k]), unit)
            return Place(way, *where, float(one.values[k, unit]))
    return None


def layer_names(part: Part) -> list[str]:
    """What a layer is called in its parameters' names, one for each direction; nothing for a layer without any."""
    if isinstance(part.layer, Recurrent):
        output = part.layer.cell.state_names[0]
        return [slots[0].name.removeprefix(f"{output}_") for slots in part.states]
    return [group[0].name.partition(".")[0] for group in part.parameters]


def fitting_rows(layout: Layout, steps: int) -> int:
    """How many rows of `steps` steps a replay may take, by memory; 0 where one row is too many, or takes too long, or
    where layers read something else than the one before."""
    if not layout.chain:
        return 0
    recurrent = [part for part in layout.parts if part.states]
    scans = sum(len(part.states) for part in recurrent)
    width = sum(part.input_size + 8 * part.output_size for part in recurrent)  # an LSTM keeps 7 H and x
    return NUMBERS // (steps * width) if steps * scans <= STEPS else 0


def windowed(layout: Layout, theta: np.ndarray, batch: Batch, rows: np.ndarray, start: int, stop: int) -> Batch:
    """The batch between two steps. The state at `start` is what theta makes of the steps before, for these rows, all
    of which go on; a training that carried it did so with the weights of earlier updates, so they differ a little."""
    x, y, weight = (None if array is None else array[:, start:stop] for array in (batch.x, batch.y, batch.weight))
    lengths = None if batch.lengths is None else np.clip(batch.lengths - start, 1, stop - start)
    state = batch.state
    if start:
        before = batch.take(rows)
        _, final = select(layout).predict(layout, theta, Batch(before.x[:, :start], state=before.state))
        state = [np.zeros((len(batch.x), slot.size), theta.dtype) for slot in layout.states]
        for array, values in zip(state, final, strict=True):
            array[rows] = values
    return batch._replace(x=x, y=y, lengths=lengths, weight=weight, state=state)


def widened(batch: Batch) -> Batch:
    """The same batch in float64; integers stay."""

    def wide(array: np.ndarray | None) -> Any:
        return array.astype(np.float64) if array is not None and array.dtype.kind == "f" else array

    state = None if batch.state is None else [wide(array) for array in batch.state]
    named = {name: one._replace(values=wide(one.values)) for name, one in (batch.named or {}).items()}
    numbers = {name: wide(getattr(batch, name)) for name in ("x", "y", "weight")}
    return batch._replace(**numbers, state=state, named=named or None)


def _largest_row(values: np.ndarray) -> int:
    """The row (of axis 0) with the largest entry; NaN is larger than all."""
    sizes = np.abs(values).max(axis=1)
    return int(np.where(np.isnan(sizes), np.inf, sizes).argmax())
