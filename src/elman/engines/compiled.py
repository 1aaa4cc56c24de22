"""NativeEngine: the Engine calls answered by the compiled core. This file turns layouts into lists of operations and
requests into the core's structs, which bear the same names; the arithmetic is in `native/`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from elman import _native  # type: ignore[attr-defined]
from elman.core.layers import (
    GRU,
    INPUT,
    LSTM,
    Attention,
    Cell,
    Dense,
    Dropout,
    Embedding,
    Layout,
    Part,
    Recurrent,
    Simple,
    Skip,
    Source,
    Start,
)
from elman.core.losses import Loss
from elman.core.optim import Optimizer
from elman.core.requests import (
    DEFAULT_SHARD_SIZE,
    Batch,
    Constraints,
    Key,
    Objective,
    Records,
    UpdateRule,
)

__all__ = ["NativeEngine", "inputs", "operations"]


class NativeEngine:
    """Answers the calls of `Engine` with the compiled core; its answers are those of the reference to rounding."""

    name = "native"

    def __init__(self) -> None:
        self._models: WeakKeyDictionary[Layout, dict[str, Any]] = WeakKeyDictionary()

    def predict(self, layout: Layout, theta: np.ndarray, batch: Batch) -> tuple[np.ndarray, list[np.ndarray]]:
        y, final = _results(layout, theta, batch)
        self._model(layout, theta).predict(theta, _batch(batch), DEFAULT_SHARD_SIZE, y, final)
        return y, final

    def forward(
        self, layout: Layout, theta: np.ndarray, batch: Batch, shard_size: int, key: Key | None = None
    ) -> tuple[np.ndarray, list[np.ndarray], Any]:
        y, final = _results(layout, theta, batch)
        model = self._model(layout, theta)
        drawn = None if key is None else _native.Key(key.seed % 2**64, key.update % 2**32)
        tape = model.forward(theta, _batch(batch), shard_size, y, final, drawn)
        return y, final, (tape, layout, model, batch, theta.dtype)

    def hidden(self, tape: Any) -> list[np.ndarray]:
        native, layout, model, batch, dtype = tape
        outputs: list[np.ndarray] = []
        for op, part in enumerate(layout.parts):
            if isinstance(part.layer, Recurrent):
                steps = batch.steps_of(part.output.time)
                outputs.append(np.zeros((len(batch.x), steps, part.output_size), dtype))
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
    ) -> tuple[np.ndarray, Any, list[np.ndarray]]:
        native, _, model, batch, dtype = tape
        n = len(batch.x)
        gradient = np.empty(layout.size, dtype)
        given = {INPUT: batch.x} | {name: one.values for name, one in (batch.named or {}).items()}
        dx = {name: np.zeros(array.shape, dtype) if array.dtype.kind == "f" else None for name, array in given.items()}
        dstate0 = [np.empty((n, slot.size), dtype) for slot in layout.states]
        model.backward(
            theta,
            native,
            None if dy is None else np.ascontiguousarray(dy),
            [None if d is None else np.ascontiguousarray(d) for d in dhidden or ()],
            [np.ascontiguousarray(d) for d in dstate or ()],
            truncate or 0,
            gradient,
            [dx[name] for name in (INPUT, *layout.inputs)],
            dstate0,
        )
        return gradient, dx if layout.inputs else dx[INPUT], dstate0

    def loss(self, layout: Layout, theta: np.ndarray, batch: Batch, loss: Loss, shard_size: int) -> float:
        objective = _objective(Objective(loss, shard_size=shard_size))
        return self._model(layout, theta).loss(theta, _batch(batch), objective, 0, None)

    def loss_and_grad(
        self, layout: Layout, theta: np.ndarray, batch: Batch, objective: Objective, number: int = 0
    ) -> tuple[float, np.ndarray]:
        gradient = np.empty_like(theta)
        value = self._model(layout, theta).loss(theta, _batch(batch), _objective(objective), number % 2**32, gradient)
        return value, gradient

    def update(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        objective: Objective,
        rule: UpdateRule,
        slots: Sequence[np.ndarray],
        step: int,
        records: Records,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        losses, norms = np.zeros(len(records.rates)), np.zeros(len(records.rates))
        done = self._model(layout, theta).update(
            theta,
            _batch(batch),
            _objective(objective),
            _update_rule(rule.optimizer, rule.clip_norm, rule.clip_value),
            _constraints(rule.constraints),
            list(slots),
            step,
            _records(records),
            losses,
            norms,
        )
        return losses, norms, done

    def stepper(self, layout: Layout, theta: np.ndarray, batch_size: int) -> NativeStepper:
        kind = _native.Stepper32 if theta.dtype == np.float32 else _native.Stepper64
        native = kind(self._model(layout, theta), theta, batch_size)
        return NativeStepper(native, [(batch_size, slot.size) for slot in layout.states], theta.dtype)

    def _model(self, layout: Layout, theta: np.ndarray) -> Any:
        """Returns the compiled model of this layout in theta's type, which the first call makes."""
        try:
            return self._models[layout][theta.dtype.char]
        except KeyError:
            models = self._models.setdefault(layout, {})
            models[theta.dtype.char] = _model(layout, theta.dtype)
            return models[theta.dtype.char]


class NativeStepper:
    """Takes one step at a time on packed weights; the state lives in the core."""

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


# ------------------------------------------------------------------------------------------------ layouts


def _model(layout: Layout, dtype: np.dtype[Any]) -> Any:
    kind = _native.Model32 if dtype == np.float32 else _native.Model64
    return kind(
        operations=operations(layout),
        inputs=inputs(layout),
        states=[slot.size for slot in layout.states],
        size=layout.size,
    )


def inputs(layout: Layout) -> list[_native.Input]:
    """Returns the network's inputs, x first; the size of whole numbers is how many there are."""
    size, kind = layout.input_size, _native.InputKind.sequence
    if layout.integer_input:
        tables = [part.layer for part in layout.parts if part.reads[0] == INPUT]
        size = min(table.num_embeddings for table in tables if isinstance(table, Embedding))
        kind = _native.InputKind.integers
    others = [_native.Input(kind=_native.InputKind[one.kind], size=one.size) for one in layout.inputs.values()]
    return [_native.Input(kind=kind, size=size), *others]


def operations(layout: Layout) -> list[_native.Op]:
    """Returns each layer as the operation that the core runs."""
    ops: list[_native.Op] = []
    given = inputs(layout)
    state = 0
    for part in layout.parts:
        kind, options = _native.LayerKind[part.layer.kind], _options(part)
        numbers = [_number(layout, source) for source in part.reads]
        reads = (numbers[0], numbers[1] if len(numbers) > 1 else _number(layout, INPUT))
        directions: list[_native.Direction] = []
        for k in range(max(1, len(part.parameters))):
            directions.append(_direction(layout, part, k, state))
            state += len(part.states[k]) if part.states else 0
        width = given[-1 - reads[0]].size if reads[0] < 0 else part.input_size
        sizes = {"input_size": width, "output_size": part.output_size}
        ops.append(_native.Op(kind=kind, reads=reads, **sizes, directions=directions, **options))
    return ops


def _number(layout: Layout, source: Source) -> int:
    """Returns what the core calls a source: an operation's place, or for inputs -1 (x), -2, ... in their order."""
    return source if isinstance(source, int) else -1 - [INPUT, *layout.inputs].index(source)


def _origin(layout: Layout, start: Start | None) -> _native.Origin:
    """Returns where the core takes an initial state from."""
    if start is None:
        return _native.Origin()
    if start.slot is None:
        return _native.Origin(kind=_native.OriginKind.vector, source=_number(layout, start.source))
    assert isinstance(start.source, int)
    name = layout.states[start.slot].name
    for direction, group in enumerate(layout.parts[start.source].states):
        for part, slot in enumerate(group):
            if slot.name == name:
                place = {"source": start.source, "direction": direction, "part": part}
                return _native.Origin(kind=_native.OriginKind.state, **place)
    raise ValueError(f"origin: expected a state of layer {start.source}, got {name!r}")


def _options(part: Part) -> dict[str, Any]:
    """Returns what a layer's operation has beside its sizes and the places of its parameters."""
    match part.layer:
        case Embedding(num_embeddings=rows):
            return {"hidden_size": rows}
        case Recurrent(hidden_size=hidden, cell=cell) as layer:
            zoneout = [p for _, p in layer.zoneouts]
            return {
                "hidden_size": hidden,
                "cell": _cell(cell),
                "learned_state": layer.learned_state,
                "rate": layer.recurrent_dropout,
                "zoneout": (zoneout[0], zoneout[-1] if len(zoneout) > 1 else 0.0),
                "noise": getattr(cell, "noise", 0.0),
            }
        case Dense(activation=activation):
            return {"activation": _native.ActivationKind[activation]}
        case Skip():
            return {"second_size": part.parameters[0][0].shape[1]}
        case Attention():
            return {"second_size": part.parameters[0][0].shape[0]}
        case Dropout(rate=rate, variational=variational):
            return {"rate": rate, "variational": variational}
        case _:
            return {}


def _cell(cell: Cell) -> _native.CellKind:
    match cell:
        case Simple(activation=str() as name, leak=leak, layer_norm=norm):
            name = f"norm_{name}" if norm else name if leak is None else f"leaky_{name}"
        case LSTM(peepholes=peepholes, layer_norm=norm):
            name = "norm_lstm" if norm else "lstm_peephole" if peepholes else "lstm"
        case GRU(reset_after=after, layer_norm=norm):
            name = "norm_gru" if norm else "gru_after" if after else "gru_before"
        case _:
            raise TypeError(f"cell: expected one that the compiled engine knows, got {cell!r}")
    return _native.CellKind[name]


def _direction(layout: Layout, part: Part, direction: int, state: int) -> _native.Direction:
    """Returns where one direction of a layer has its parameters; `state` is the index of its first state.

    A layer that is not recurrent has one direction, or no parameters at all.
    """
    places = [parameter.offset for parameter in part.parameters[direction]] if part.parameters else []
    if not isinstance(part.layer, Recurrent):
        return _native.Direction(**dict(zip(("weight", "bias"), places, strict=False)))
    at = dict(zip((parameter.role for parameter in part.parameters[direction]), places, strict=True))
    learned = [at.pop(f"state_{name}", 0) for name in part.layer.cell.state_names]
    products = {"weight": at.pop("weight_ih"), "weight_hh": at.pop("weight_hh"), "bias": at.pop("bias")}
    origins = [_origin(layout, start) for start in part.starts[direction]]
    return _native.Direction(
        **products,
        extra=min(at.values(), default=0),  # what else the cell has lies together
        learned=(learned[0], learned[-1] if len(learned) > 1 else 0),
        state=state,
        origin=(origins[0], origins[1] if len(origins) > 1 else _native.Origin()),
    )


# ----------------------------------------------------------------------------------------------- requests


@lru_cache(maxsize=64)
def _objective(objective: Objective) -> _native.Objective:
    """Returns the core's form of an objective; kept, since a small network computes in less time than this takes."""
    return _native.Objective(
        loss=_native.LossKind[objective.loss.kind],
        **objective.loss.constants(),
        activity_penalty=objective.activity_penalty,
        truncate=objective.truncate or 0,
        recompute=objective.recompute or 0,
        shard_size=objective.shard_size,
        seed=None if objective.seed is None else objective.seed % 2**64,
    )


@lru_cache(maxsize=64)
def _update_rule(optimizer: Optimizer, clip_norm: float | None, clip_value: float | None) -> _native.UpdateRule:
    names = ("momentum", "decay", "beta1", "beta2", "eps", "weight_decay")
    return _native.UpdateRule(
        optimizer=_native.OptimizerKind[optimizer.kind],
        **{name: getattr(optimizer, name) for name in names if hasattr(optimizer, name)},
        clip_norm=clip_norm or 0.0,
        clip_value=clip_value or 0.0,
    )


def _constraints(constraints: Constraints | None) -> _native.Constraints | None:
    return None if constraints is None else _native.Constraints(**constraints._asdict())


def _records(records: Records) -> _native.Records:
    rows, starts, rates, windows = records
    if windows is None:
        return _native.Records(rows=rows, starts=starts, rates=rates)
    return _native.Records(
        rows=rows,
        starts=starts,
        rates=rates,
        window=windows.steps,
        window_starts=windows.starts,
        carry=list(windows.carry),
    )


def _batch(batch: Batch) -> _native.Batch:
    if (
        batch.lengths is batch.y is batch.state is batch.named is None
    ):  # the shortest way, since predictions may take microseconds
        return _native.Batch(x=_strided(batch.x))
    x, y, lengths, weight, state, _, named = batch
    others = [_native.NamedInput(values=_strided(one.values), lengths=one.lengths) for one in (named or {}).values()]
    return _native.Batch(
        x=_strided(x),
        others=others,
        y=None if y is None else _strided(y),
        lengths=lengths,
        weight=None if weight is None else _strided(weight),
        state=None if state is None else [np.ascontiguousarray(array) for array in state],
    )


def _results(layout: Layout, theta: np.ndarray, batch: Batch) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns arrays for the outputs and the final states, which the core fills."""
    n, dtype = len(batch.x), theta.dtype
    shape = (n, layout.output_size) if layout.time is None else (n, batch.steps_of(layout.time), layout.output_size)
    full = batch.lengths is None and not layout.inputs
    make = np.empty if full else np.zeros  # outputs past a row's length are 0
    return make(shape, dtype), [np.empty((n, slot.size), dtype) for slot in layout.states]


def _strided(array: np.ndarray) -> np.ndarray:
    """Returns the array itself where its strides are whole elements, which is nearly always so, else a copy."""
    flags = array.flags
    if flags.aligned and (flags.c_contiguous or all(stride % array.itemsize == 0 for stride in array.strides)):
        return array
    return np.ascontiguousarray(array)
