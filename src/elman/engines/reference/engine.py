"""ReferenceEngine: whole batches and blocks of updates on the reference, shard by shard.

The calls are those of `elman.core.requests.Engine`, word for word in docs/architecture.md; arguments arrive checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from . import losses, network
from .decoding import search as searching
from .decoding.sampling import Sampling, pick
from .random import Draws
from .tree import tree_sum
from .updates.update import run_updates

__all__ = ["ReferenceEngine", "hidden_entries", "ragged_lengths"]

PREDICT_ROWS = 256  # rows taken together where nothing is summed over rows


class ReferenceEngine:
    """The specification as an engine: slow, readable, and what the compiled engine is compared with."""

    name = "reference"

    def predict(self, layout: Any, theta: np.ndarray, batch: Any) -> tuple[np.ndarray, list[np.ndarray]]:
        y, state, _ = self.forward(layout, theta, batch, PREDICT_ROWS)
        return y, state

    def forward(
        self, layout: Any, theta: np.ndarray, batch: Any, shard_size: int, key: Any = None
    ) -> tuple[np.ndarray, list[np.ndarray], Any]:
        n = len(batch.x)
        y = np.zeros(_output_shape(layout, batch), theta.dtype)
        final = [np.zeros((n, slot.size), theta.dtype) for slot in layout.states]
        shards: list[tuple[np.ndarray, network.Tape]] = []
        for rows in _shards(np.arange(n), batch.lengths_of("x"), shard_size):
            y[rows], ends, tape = _forward(layout, theta, batch, rows, key)
            for array, end in zip(final, ends, strict=True):
                array[rows] = end
            shards.append((rows, tape))
        return y, final, (layout, batch, shards)

    def hidden(self, tape: Any) -> list[np.ndarray]:
        _, batch, shards = tape
        parts = [(rows, network.hidden(shard)) for rows, shard in shards]
        found = [np.zeros((len(batch.x), *h.shape[1:]), h.dtype) for h in parts[0][1]]
        for rows, outputs in parts:
            for array, h in zip(found, outputs, strict=True):
                array[rows] = h
        return found

    def backward(
        self,
        layout: Any,
        theta: np.ndarray,
        tape: Any,
        dy: np.ndarray | None,
        dhidden: Sequence[np.ndarray | None] | None,
        dstate: Sequence[np.ndarray] | None,
        truncate: int | None,
    ) -> tuple[np.ndarray, Any, list[np.ndarray]]:
        _, batch, shards = tape
        n = len(batch.x)
        if dy is None:
            dy = np.zeros(_output_shape(layout, batch), theta.dtype)
        arriving = _zeros(layout, n, theta.dtype) if dstate is None else dstate
        layers = sum(part.layer.kind == "recurrent" for part in layout.parts)
        above = [None] * layers if dhidden is None else dhidden
        inputs = {name: np.zeros_like(signal.values) for name, signal in _signals(batch, slice(None)).items()}
        dx = {name: array if array.dtype.kind == "f" else None for name, array in inputs.items()}
        dstate0 = _zeros(layout, n, theta.dtype)
        gradients: list[np.ndarray] = []
        for rows, shard in shards:
            dh = [None if d is None else d[rows] for d in above]
            gradient, part_dx, before = network.backward(
                layout, theta, shard, dy[rows], dh, [d[rows] for d in arriving], truncate
            )
            gradients.append(gradient)
            for name, array in dx.items():
                if array is not None:
                    array[rows] = part_dx[name]
            for array, values in zip(dstate0, before, strict=True):
                array[rows] = values
        return tree_sum(gradients), dx if layout.inputs else dx["x"], dstate0

    def loss(self, layout: Any, theta: np.ndarray, batch: Any, loss: Any, shard_size: int) -> float:
        rows = np.arange(len(batch.x))
        return tree_sum([shard.value for shard in _evaluated(layout, theta, batch, loss, shard_size, rows, None)])

    def loss_and_grad(
        self, layout: Any, theta: np.ndarray, batch: Any, objective: Any, number: int = 0
    ) -> tuple[float, np.ndarray]:
        return self._value_and_gradient(layout, theta, objective, batch, np.arange(len(batch.x)), number)

    def part(
        self, layout: Any, theta: np.ndarray, batch: Any, objective: Any, number: int, rows: np.ndarray, shards: slice
    ) -> tuple[float, np.ndarray]:
        return self._value_and_gradient(layout, theta, objective, batch, rows, number, shards=shards)

    def add(self, layout: Any, gradient: np.ndarray, other: np.ndarray) -> None:
        gradient += other

    def apply(
        self,
        layout: Any,
        theta: np.ndarray,
        gradient: np.ndarray,
        loss: float,
        rule: Any,
        slots: Sequence[np.ndarray],
        step: int,
        rate: float,
    ) -> tuple[float, bool]:
        one = SimpleNamespace(rows=(), starts=(0, 0), rates=np.array([rate]), windows=None)

        def given(batch: Any, rows: Any, number: int, carry: Any) -> tuple[float, np.ndarray]:
            return loss, gradient.copy()

        _, norms, made = run_updates(given, layout, theta, None, rule, slots, step, one)
        return float(norms[0]), made == 1

    def update(
        self,
        layout: Any,
        theta: np.ndarray,
        batch: Any,
        objective: Any,
        rule: Any,
        slots: Sequence[np.ndarray],
        step: int,
        records: Any,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        value_and_gradient = partial(self._value_and_gradient, layout, theta, objective)
        return run_updates(value_and_gradient, layout, theta, batch, rule, slots, step, records)

    def stepper(self, layout: Any, theta: np.ndarray, batch_size: int) -> ReferenceStepper:
        return ReferenceStepper(layout, theta.copy(), batch_size)

    def prepare(self, *_: Any, **__: Any) -> None:
        return None

    def decode(self, layout: Any, theta: np.ndarray, batch: Any, search: Any) -> list[list[searching.Found]]:
        return searching.decode(layout, theta, batch, search)

    def _value_and_gradient(
        self,
        layout: Any,
        theta: np.ndarray,
        objective: Any,  # whose `recompute` saves no memory here: the specification keeps its tape whole
        batch: Any,
        rows: np.ndarray,
        number: int,
        carry: Sequence[np.ndarray] | None = None,
        shards: slice = slice(None),
    ) -> tuple[float, np.ndarray]:
        """Returns loss and gradient of some rows, added along the tree over their shards; see `ValueAndGradient`.

        shards  which of them are added
        """
        key = None if objective.seed is None else (objective.seed, number)
        penalty_weight = objective.activity_penalty
        entries = hidden_entries(layout, batch, rows) if penalty_weight else 0
        values: list[float] = []
        gradients: list[np.ndarray] = []
        for shard in _evaluated(layout, theta, batch, objective.loss, objective.shard_size, rows, key, shards):
            for array, end in zip(carry or (), shard.final, strict=carry is not None):
                array[shard.rows] = end
            penalty, dhidden = losses.activity(network.hidden(shard.tape), penalty_weight, entries)
            zeros = _zeros(layout, len(shard.rows), theta.dtype)
            values.append(shard.value + penalty)
            gradients.append(
                network.backward(layout, theta, shard.tape, shard.dy, dhidden, zeros, objective.truncate)[0]
            )
        return tree_sum(values), tree_sum(gradients)


class ReferenceStepper:
    """Takes one step at a time on a snapshot of the weights; `try_step` always declines."""

    def __init__(self, layout: Any, theta: np.ndarray, batch_size: int) -> None:
        self._layout, self._theta = layout, theta
        self._lengths = np.ones(batch_size, np.int64)
        self._state = _zeros(layout, batch_size, theta.dtype)

    def step(self, x: np.ndarray, out: np.ndarray) -> None:
        inputs = {"x": network.Signal(x[:, None], self._lengths)}
        y, self._state, _ = network.forward(self._layout, self._theta, inputs, self._state)
        out[...] = y if self._layout.last else y[:, 0]

    def try_step(self, x: object, out: object, /) -> bool:
        return False

    def sample(
        self,
        *,
        x: np.ndarray,
        temperature: float,
        top_k: int,
        top_p: float,
        seed: int,
        first: int,
        ids: np.ndarray,
        logits: np.ndarray | None,
    ) -> int:
        how = Sampling(temperature, top_k, top_p, seed)
        y = np.empty((len(x), self._layout.output_size), self._theta.dtype)
        for i in range(ids.shape[1]):
            self.step(x, y)
            if logits is not None:
                logits[:, i] = y
            x = np.array([pick(how, row, r, first + i) for r, row in enumerate(y)])
            if (x < 0).any():
                return i
            ids[:, i] = x
        return ids.shape[1]

    @property
    def state(self) -> list[np.ndarray]:
        return [array.copy() for array in self._state]

    @state.setter
    def state(self, arrays: list[np.ndarray]) -> None:
        self._state = [array.copy() for array in arrays]


def _shards(rows: np.ndarray, lengths: np.ndarray, size: int) -> list[np.ndarray]:
    """Returns the rows ordered by length, longest first (stable), cut into shards."""
    ordered = rows[np.argsort(-lengths[rows], kind="stable")]
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]


def _signals(batch: Any, rows: Any) -> dict[str, network.Signal]:
    """Returns what a network reads from outside, by name, for some rows."""
    found = {"x": network.Signal(batch.x[rows], batch.lengths_of("x")[rows])}
    for name, (values, lengths) in (batch.named or {}).items():
        found[name] = network.Signal(values[rows], None if lengths is None else lengths[rows])
    return found


def _output_shape(layout: Any, batch: Any) -> tuple[int, ...]:
    n = len(batch.x)
    return (n, layout.output_size) if layout.last else (n, batch.steps_of(layout.time), layout.output_size)


def _forward(
    layout: Any, theta: np.ndarray, batch: Any, rows: np.ndarray, key: Any
) -> tuple[np.ndarray, list[np.ndarray], network.Tape]:
    state = None if batch.state is None else [s[rows] for s in batch.state]
    draws = None if key is None else Draws(key[0], key[1], rows)
    return network.forward(layout, theta, _signals(batch, rows), state, draws)


def hidden_entries(layout: Any, batch: Any, rows: np.ndarray) -> int:
    """Returns how many numbers the outputs of all recurrent layers hold within the lengths of some rows."""
    recurrent = [part.output for part in layout.parts if part.layer.kind == "recurrent"]
    return sum(int(batch.lengths_of(output.time)[rows].sum()) * output.size for output in recurrent)


class Evaluated(NamedTuple):
    """One shard after its way forward: final states, tape, its part of the loss and the gradient of that by y."""

    rows: np.ndarray  # (b,), of the batch
    final: list[np.ndarray]  # one for each state, (b, size)
    tape: network.Tape
    value: float
    dy: np.ndarray  # (b, T, O) or (b, O)


def _evaluated(
    layout: Any,
    theta: np.ndarray,
    batch: Any,
    loss: Any,
    shard_size: int,
    rows: np.ndarray,
    key: Any,
    shards: slice = slice(None),
) -> Iterator[Evaluated]:
    """Yields the shards of some rows, or those in `shards`, each taken forward through the network and the loss."""
    norm = losses.normaliser(loss, layout.output_size, _weight(layout, batch, loss, rows, theta.dtype))
    for shard in _shards(rows, batch.lengths_of("x"), shard_size)[shards]:
        y_hat, final, tape = _forward(layout, theta, batch, shard, key)
        weight, y = _weight(layout, batch, loss, shard, theta.dtype), _targets(layout, batch, loss, shard)
        lengths = ragged_lengths(layout, batch, loss, shard)
        yield Evaluated(shard, final, tape, *losses.value_and_derivative(loss, y_hat, y, weight, norm, *lengths))


def _zeros(layout: Any, n: int, dtype: np.dtype[Any]) -> list[np.ndarray]:
    return [np.zeros((n, slot.size), dtype) for slot in layout.states]


def _valid(layout: Any, batch: Any, rows: np.ndarray) -> np.ndarray:
    """Returns which of the outputs' steps are within the lengths of some rows, (n, T)."""
    return np.arange(batch.steps_of(layout.time)) < batch.lengths_of(layout.time)[rows][:, None]


def _weight(layout: Any, batch: Any, loss: Any, rows: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Returns the weight of every step (n, T), or of every row (n,): as given, else 1; 0 past the lengths."""
    by_row = layout.last or loss.ragged
    if batch.weight is not None:
        weight = batch.weight[rows]
    else:
        weight = np.ones((len(rows),) if by_row else (len(rows), batch.steps_of(layout.time)), dtype)
    return weight if by_row else np.where(_valid(layout, batch, rows), weight, dtype.type(0))


def _targets(layout: Any, batch: Any, loss: Any, rows: np.ndarray) -> np.ndarray:
    """Returns the targets with 0 past the lengths, where the caller's array may hold anything."""
    y = batch.y[rows]
    if layout.last and not loss.ragged:
        return y
    valid = np.arange(y.shape[1]) < batch.y_lengths[rows][:, None] if loss.ragged else _valid(layout, batch, rows)
    return np.where(valid if y.ndim == 2 else valid[..., None], y, y.dtype.type(0))


def ragged_lengths(layout: Any, batch: Any, loss: Any, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns the lengths of the outputs' and of the targets' rows for a ragged loss, and nothing for any other."""
    return (batch.lengths_of(layout.time)[rows], batch.y_lengths[rows]) if loss.ragged else ()
