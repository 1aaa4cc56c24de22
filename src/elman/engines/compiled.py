"""NativeEngine: the Engine calls answered by the compiled core. This file turns layouts into lists of operations and
arrays into the core's arguments; the arithmetic is in `native/`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from elman import _native  # type: ignore[attr-defined]
from elman.core.layers import (
    GRU,
    LSTM,
    Cell,
    Dense,
    Dropout,
    Embedding,
    Last,
    Layout,
    Parameter,
    Part,
    Recurrent,
    Simple,
    Skip,
)
from elman.core.losses import Loss
from elman.core.optim import Optimizer
from elman.core.requests import DEFAULT_SHARD_SIZE, Batch, Key, Records, Rules

__all__ = ["NativeEngine", "operations"]

# The orders of native/program.h.
CELLS = {
    "tanh": 0,
    "relu": 1,
    "lstm": 2,
    "lstm_peephole": 3,
    "gru_after": 4,
    "gru_before": 5,
    "leaky_tanh": 6,
    "leaky_relu": 7,
    "norm_tanh": 8,
    "norm_relu": 9,
    "norm_lstm": 10,
    "norm_gru": 11,
}
ACTIVATIONS = {"linear": 0, "tanh": 1, "relu": 2, "sigmoid": 3}
KINDS: dict[type, int] = {Embedding: 0, Recurrent: 1, Dense: 2, Last: 3, Skip: 4, Dropout: 5}
LOSSES = {
    "half_sse": 0,
    "mse": 1,
    "mae": 2,
    "huber": 3,
    "cross_entropy": 4,
    "binary_cross_entropy": 5,
    "pinball": 6,
    "gaussian": 7,
    "student_t": 8,
}
OPTIMIZERS = {"sgd": 0, "rmsprop": 1, "adagrad": 2, "adam": 3, "adamw": 4}


class NativeEngine:
    """The compiled engine; same calls and answers as `reference.engine.ReferenceEngine`."""

    name = "native"

    def __init__(self) -> None:
        self._models: WeakKeyDictionary[Layout, dict[str, Any]] = WeakKeyDictionary()

    def predict(self, layout: Layout, theta: np.ndarray, batch: Batch) -> tuple[np.ndarray, list[np.ndarray]]:
        y, final = _results(layout, theta, batch)
        x = _strided(batch.x)
        self._model(layout, theta).predict(theta, x, batch.lengths, _given(batch), DEFAULT_SHARD_SIZE, y, final)
        return y, final

    def forward(
        self, layout: Layout, theta: np.ndarray, batch: Batch, shard_size: int, key: Key | None = None
    ) -> tuple[np.ndarray, list[np.ndarray], Any]:
        y, final = _results(layout, theta, batch)
        model = self._model(layout, theta)
        tape = model.forward(theta, _strided(batch.x), batch.lengths, _given(batch), shard_size, y, final, _key(key))
        return y, final, (tape, layout, model, batch.x.shape[:2], theta.dtype)

    def hidden(self, tape: Any) -> list[np.ndarray]:
        native, layout, model, shape, dtype = tape
        outputs: list[np.ndarray] = []
        for op, part in enumerate(layout.parts):
            if isinstance(part.layer, Recurrent):
                outputs.append(np.zeros((*shape, part.output_size), dtype))
                model.hidden(native, op, outputs[-1])
        return outputs

    def backward(
        self,
        layout: Layout,
        theta: np.ndarray,
        tape: Any,
        dy: np.ndarray | None,
        dhidden: Sequence[np.ndarray | None] | None,
        dstate: Sequence[np.ndarray] | None,
        truncate: int | None,
    ) -> tuple[np.ndarray, np.ndarray | None, list[np.ndarray]]:
        native, _, model, (n, steps), dtype = tape
        gradient = np.empty(layout.size, dtype)
        dx = None if layout.integer_input else np.zeros((n, steps, layout.input_size), dtype)
        dstate0 = [np.empty((n, slot.size), dtype) for slot in layout.states]
        model.backward(
            theta,
            native,
            None if dy is None else np.ascontiguousarray(dy),
            [None if d is None else np.ascontiguousarray(d) for d in dhidden or ()],
            [np.ascontiguousarray(d) for d in dstate or ()],
            truncate or 0,
            gradient,
            dx,
            dstate0,
        )
        return gradient, dx, dstate0

    def loss(self, layout: Layout, theta: np.ndarray, batch: Batch, loss: Loss, shard_size: int) -> float:
        return self._model(layout, theta).loss(theta, *_data(batch), *_loss(loss), 0.0, 0, 0, shard_size, None, None)

    def loss_and_grad(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        loss: Loss,
        truncate: int | None,
        shard_size: int,
        recompute: int | None = None,
        key: Key | None = None,
        activity: float = 0.0,
    ) -> tuple[float, np.ndarray]:
        gradient = np.empty_like(theta)
        model = self._model(layout, theta)
        value = model.loss(
            theta, *_data(batch), *_loss(loss), activity, truncate or 0, recompute or 0, shard_size, gradient, _key(key)
        )
        return value, gradient

    def update(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        loss: Loss,
        optimizer: Optimizer,
        slots: Sequence[np.ndarray],
        step: int,
        records: Records,
        clip_norm: float | None,
        clip_value: float | None,
        truncate: int | None,
        shard_size: int,
        recompute: int | None = None,
        seed: int | None = None,
        rules: Rules | None = None,
        activity: float = 0.0,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        losses, norms = np.zeros(len(records.rates)), np.zeros(len(records.rates))
        done = self._model(layout, theta).update(
            theta,
            *_data(batch),
            *_loss(loss),
            activity,
            _optimizer(optimizer),
            list(slots),
            step,
            *records[:3],
            clip_norm or 0.0,
            clip_value or 0.0,
            truncate or 0,
            recompute or 0,
            shard_size,
            None if seed is None else seed % 2**64,
            rules,
            *(records.windows or (0, np.empty(0, np.int64), [])),
            losses,
            norms,
        )
        return losses, norms, done

    def stepper(self, layout: Layout, theta: np.ndarray, batch_size: int) -> NativeStepper:
        kind = _native.Stepper32 if theta.dtype == np.float32 else _native.Stepper64
        native = kind(self._model(layout, theta), theta, batch_size)
        return NativeStepper(native, [(batch_size, slot.size) for slot in layout.states], theta.dtype)

    def _model(self, layout: Layout, theta: np.ndarray) -> Any:
        models = self._models.get(layout)
        if models is None:
            models = self._models[layout] = {}
        if theta.dtype.char not in models:
            kind = _native.Model32 if theta.dtype == np.float32 else _native.Model64
            models[theta.dtype.char] = kind(
                operations(layout),
                [slot.size for slot in layout.states],
                layout.input_size,
                layout.output_size,
                layout.size,
                layout.integer_input,
                layout.last,
            )
        return models[theta.dtype.char]


class NativeStepper:
    """One step at a time on packed weights; the state lives in the core."""

    def __init__(self, native: Any, shapes: list[tuple[int, int]], dtype: np.dtype[Any]) -> None:
        self._native, self._shapes, self._dtype = native, shapes, dtype
        self.try_step: Callable[[object, object], bool] = native.try_step

    def step(self, x: np.ndarray, out: np.ndarray) -> None:
        if not self.try_step(x, out):
            raise ValueError("step: expected x and out as requests.Stepper describes them")

    @property
    def state(self) -> list[np.ndarray]:
        copies = [np.empty(shape, self._dtype) for shape in self._shapes]
        self._native.read_state(copies)
        return copies

    @state.setter
    def state(self, arrays: list[np.ndarray]) -> None:
        self._native.write_state(arrays)


def operations(layout: Layout) -> list[tuple[list[int], list[float]]]:
    """Each layer as the 22 whole and 4 real numbers of native/program.h's Op."""
    rows: list[tuple[list[int], list[float]]] = []
    state = 0
    for part in layout.parts:
        layer = part.layer
        hidden, variant, first, learned, shared = 0, 0, [0, 0], 0, 0
        real = [0.0, 0.0, 0.0, 0.0]  # rate, zoneout of each state, noise
        if isinstance(layer, Recurrent):
            hidden, variant, learned = layer.hidden_size, CELLS[_variant(layer.cell)], int(layer.learned_state)
            zoneout = [p for _, p in layer.zoneouts]
            real = [layer.recurrent_dropout, *zoneout, *[0.0] * (2 - len(zoneout)), getattr(layer.cell, "noise", 0.0)]
            for direction, slots in enumerate(part.states):
                first[direction] = state
                state += len(slots)
        elif isinstance(layer, Embedding):
            hidden = layer.num_embeddings
        elif isinstance(layer, Dense):
            variant = ACTIVATIONS[layer.activation]
        elif isinstance(layer, Dropout):
            real[0], shared = layer.rate, int(layer.variational)
        offsets = [_offsets(part, group) for group in part.parameters]
        offsets += [[0] * 6] * (2 - len(offsets))
        sizes = [KINDS[type(layer)], variant, part.input_size, part.output_size, hidden, max(1, len(part.states))]
        rows.append(([*sizes, *first, learned, shared, *offsets[0], *offsets[1]], real))
    return rows


def _variant(cell: Cell) -> str:
    match cell:
        case Simple(activation=str() as name, leak=leak, layer_norm=norm):
            return f"norm_{name}" if norm else name if leak is None else f"leaky_{name}"
        case LSTM(peepholes=peepholes, layer_norm=norm):
            return "norm_lstm" if norm else "lstm_peephole" if peepholes else "lstm"
        case GRU(reset_after=after, layer_norm=norm):
            return "norm_gru" if norm else "gru_after" if after else "gru_before"
        case _:
            raise TypeError(f"cell: expected one that the compiled engine knows, got {cell!r}")


def _offsets(part: Part, group: tuple[Parameter, ...]) -> list[int]:
    """Four of the layer's own parameters (what follows the fourth lies behind it), then its learned states."""
    learned = len(part.states[0]) if isinstance(part.layer, Recurrent) and part.layer.learned_state else 0
    offsets = [p.offset for p in group]
    own, states = offsets[: len(group) - learned], offsets[len(group) - learned :]
    return own[:4] + [0] * (4 - len(own)) + states + [0] * (2 - len(states))


def _results(layout: Layout, theta: np.ndarray, batch: Batch) -> tuple[np.ndarray, list[np.ndarray]]:
    n, steps = batch.x.shape[:2]
    shape = (n, layout.output_size) if layout.last else (n, steps, layout.output_size)
    make = np.empty if batch.lengths is None else np.zeros  # zero past a row's length
    return make(shape, theta.dtype), [np.empty((n, slot.size), theta.dtype) for slot in layout.states]


def _strided(array: np.ndarray) -> np.ndarray:
    """The array itself where its strides are whole elements, as nearly always; else a copy."""
    flags = array.flags
    if flags.aligned and (flags.c_contiguous or all(stride % array.itemsize == 0 for stride in array.strides)):
        return array
    return np.ascontiguousarray(array)


def _given(batch: Batch) -> list[np.ndarray]:
    return [np.ascontiguousarray(s) for s in batch.state or ()]


def _data(batch: Batch) -> tuple[Any, ...]:
    y = None if batch.y is None else _strided(batch.y)
    weight = None if batch.weight is None else _strided(batch.weight)
    return _strided(batch.x), y, batch.lengths, weight, _given(batch)


def _key(key: Key | None) -> tuple[int, int] | None:
    return None if key is None else (key.seed % 2**64, key.update % 2**32)


def _loss(loss: Loss) -> tuple[int, list[float]]:
    """A loss's kind and its constants, in the order in which native/losses/ reads them."""
    return LOSSES[loss.kind], list(loss.constants())


def _optimizer(optimizer: Optimizer) -> list[float]:
    names = ("momentum", "decay", "beta1", "beta2", "eps", "weight_decay")
    return [float(OPTIMIZERS[optimizer.kind]), *(float(getattr(optimizer, name, 0.0)) for name in names)]
