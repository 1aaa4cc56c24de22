"""Computes a batch again on the reference engine, and yields all values in the order in which they are computed.

The mathematics is the reference's own: its tapes are read for the forward pass, and its functions are called one step
at a time for the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from elman.core.layers import Layout, Part, Recurrent
from elman.core.losses import Loss
from elman.core.requests import Batch
from elman.engines.reference import losses, network, scan  # each with its derivative
from elman.engines.reference.random import Draws

__all__ = ["Replay", "Seen", "layer_names"]

GATES = {"simple": (), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}


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
    """The forward pass of a batch on the reference engine, all rows together.

    key  (seed, update, rows in the data) of a training's draws; None: as in prediction, without dropout and noise
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
        """Yields what each layer computed, in its order of steps."""
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
        """Returns the loss and dL/dy, with `weight` ((n, T), or (n,) behind Last and of a ragged loss) in place of the
        batch's own."""
        batch, last, lengths = self.batch, self.layout.last, np.empty_like(self.lengths)
        lengths[self.order] = self.lengths
        weight = batch.weight if weight is None else weight
        weight = np.ones(self.y.shape[: 1 if loss.ragged else -1], self.y.dtype) if weight is None else weight
        y, counts = batch.y, batch.y_lengths
        assert y is not None
        if loss.ragged:
            assert counts is not None
            y = np.where(np.arange(y.shape[1]) < counts[:, None], y, 0)
        elif not last:  # values past a row's length are undefined
            valid = np.arange(self.steps) < lengths[:, None]
            weight = np.where(valid, weight, weight.dtype.type(0))
            y = np.where(valid if y.ndim == 2 else valid[..., None], y, y.dtype.type(0))
        norm = losses.normaliser(loss, self.layout.output_size, weight)
        own = (lengths, counts) if loss.ragged else ()
        return losses.value_and_derivative(loss, self.y, y, weight, norm, *own)

    def gradient(self, dy: np.ndarray, truncate: int | None = None, activity: float = 0.0) -> np.ndarray:
        """Returns dL/dtheta (P,) from dL/dy and a penalty on the layers' activity."""
        end = [np.zeros((len(dy), slot.size), dy.dtype) for slot in self.layout.states]
        dhidden = self._penalty(activity)
        return network.backward(self.layout, self.theta, self._tape, dy[self.order], dhidden, end, truncate)[0]

    def backward(self, dy: np.ndarray, truncate: int | None = None, activity: float = 0.0) -> Iterator[Seen]:
        """Yields the gradients of the backward pass from dL/dy (like y) and the penalty, in their order."""
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
            elif kind not in ("embedding", "skip"):  # an embedding is the first layer; a skip passes the gradient on
                dout = network.step_back(done, dout, [], None).dread[0]
                assert dout is not None
                for name in layer_names(part):
                    yield from self._steps(name, kind, "dL/dx", dout, steps)

    @property
    def steps(self) -> int:
        return self.batch.x.shape[1]

    # ------------------------------------------------------------------------------------------ inside

    def _penalty(self, activity: float) -> list[np.ndarray | None]:
        """Returns the penalty's derivative by each recurrent layer's h."""
        hidden = network.hidden(self._tape)
        return losses.activity(hidden, activity, int(self.lengths.sum()) * sum(h.shape[2] for h in hidden))[1]

    def _steps(self, layer: str, kind: str, quantity: str, values: np.ndarray, steps: range) -> Iterator[Seen]:
        """Yields values (n, T, F) step by step, or values (n, F) at once."""
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
        """Yields one direction of a recurrent layer, a step at a time; adds its part to dread (n, T, F)."""
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
        """Returns the cell's parameters, without learned initial states."""
        layer: Any = part.layer
        count = len(layer.cell.parameter_shapes(part.input_size, layer.hidden_size))
        return tuple(parameter.view(self.theta) for parameter in part.parameters[direction][:count])


def layer_names(part: Part) -> list[str]:
    """Returns a layer's name in its parameters' names, one for each direction; none for a layer without parameters."""
    if isinstance(part.layer, Recurrent):
        output = part.layer.cell.state_names[0]
        return [slots[0].name.removeprefix(f"{output}_") for slots in part.states]
    return [group[-1].name.partition(".")[0] for group in part.parameters]  # the first may be another layer's too


def _largest_row(values: np.ndarray) -> int:
    """Returns the row (of axis 0) with the largest entry; NaN is larger than all."""
    sizes = np.abs(values).max(axis=1)
    return int(np.where(np.isnan(sizes), np.inf, sizes).argmax())
