"""NativeEngine: the Engine calls answered by the compiled core. This file turns requests
into the core's structs, which bear the same names, as operations.py does layouts; the arithmetic is in `native/`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from elman import _native  # type: ignore[attr-defined]
from elman.core.layers import INPUT, Layout, Recurrent
from elman.core.losses import Loss
from elman.core.optim import Optimizer
from elman.core.requests import (
    DEFAULT_SHARD_SIZE,
    Batch,
    Constraints,
    Key,
    Objective,
    Prepared,
    Records,
    Search,
    Shared,
    UpdateRule,
)
from elman.engines.operations import inputs, operations

__all__ = ["NativeEngine"]


class NativeEngine:
    """Answers the calls of `Engine` with the compiled core; its answers are those of the reference to rounding."""

    name = "native"

    def __init__(self) -> None:
        self._models: WeakKeyDictionary[Layout, dict[str, Any]] = WeakKeyDictionary()
        self._decoders: WeakKeyDictionary[Layout, dict[str, Any]] = WeakKeyDictionary()

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
                steps = batch.steps_of(part.output.time) if batch else native.steps
                outputs.append(np.zeros((native.rows, steps, part.output_size), dtype))
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
        n = native.rows
        gradient = np.empty(layout.size, dtype)
        shape = (n, native.steps, layout.input_size)  # of x, as far as it is real
        dx = {INPUT: None if layout.integer_input else np.zeros(shape, dtype)}
        for name, one in ((batch and batch.named) or {}).items():
            dx[name] = np.zeros(one.values.shape, dtype) if one.values.dtype.kind == "f" else None
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

    def part(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        objective: Objective,
        number: int,
        rows: np.ndarray,
        shards: slice,
    ) -> tuple[float, np.ndarray]:
        gradient = np.empty_like(theta)
        first, count = shards.start, shards.stop - shards.start
        asked = _objective(objective), number % 2**32, rows, first, count
        return self._model(layout, theta).part(theta, _batch(batch), *asked, gradient), gradient

    def add(self, layout: Layout, gradient: np.ndarray, other: np.ndarray) -> None:
        self._model(layout, gradient).add(gradient, other)

    def apply(
        self,
        layout: Layout,
        theta: np.ndarray,
        gradient: np.ndarray,
        loss: float,
        rule: UpdateRule,
        slots: Sequence[np.ndarray],
        step: int,
        rate: float,
    ) -> tuple[float, bool]:
        native = _update_rule(rule.optimizer, rule.clip_norm, rule.clip_value)
        model, constraints = self._model(layout, theta), _constraints(rule.constraints)
        return model.apply(theta, gradient, loss, native, constraints, list(slots), step, rate)

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

    def prepare(
        self,
        layout: Layout,
        weights: Shared,
        objective: Objective | None = None,
        rule: UpdateRule | None = None,
        slots: Sequence[np.ndarray] = (),
    ) -> Prepared | None:
        if layout.inputs or (objective is not None and objective.loss.ragged):
            return None
        theta = weights.theta
        kind: Any = _native.Prepared32 if theta.dtype == np.float32 else _native.Prepared64
        model = self._model(layout, theta)
        low, high = (None, None) if objective is None else (objective.loss.low, objective.loss.high)
        return kind(
            model=model,
            weights=weights,
            record=(layout, model, None, theta.dtype),
            objective=None if objective is None else _objective(objective),
            low=-math.inf if low is None else low,
            high=math.inf if high is None else high,
            rule=None if rule is None else _update_rule(rule.optimizer, rule.clip_norm, rule.clip_value),
            constraints=None if rule is None else _constraints(rule.constraints),
            slots=list(slots),
        )

    def decode(self, layout: Layout, theta: np.ndarray, batch: Batch, search: Search) -> Sequence[Sequence[Any]]:
        try:
            decoder = self._decoders[layout][theta.dtype.char]
        except KeyError:
            kind = _native.Decoder32 if theta.dtype == np.float32 else _native.Decoder64
            decoder = self._decoders.setdefault(layout, {})[theta.dtype.char] = kind(self._model(layout, theta))
        return decoder.decode(theta, _batch(batch), **search._asdict())

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
        self.sample: Callable[..., int] = native.sample

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


# ----------------------------------------------------------------------------------------------- requests


def _model(layout: Layout, dtype: np.dtype[Any]) -> Any:
    kind = _native.Model32 if dtype == np.float32 else _native.Model64
    return kind(
        operations=operations(layout),
        inputs=inputs(layout),
        states=[slot.size for slot in layout.states],
        size=layout.size,
    )


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
    rows, starts, rates, windows, _ = records
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
    if batch.lengths is batch.y is batch.state is batch.named is None:  # predictions may take microseconds
        return _native.Batch(x=_strided(batch.x))
    x, y, lengths, weight, state, y_lengths, named = batch
    others = [_native.NamedInput(values=_strided(one.values), lengths=one.lengths) for one in (named or {}).values()]
    return _native.Batch(
        x=_strided(x),
        others=others,
        y=None if y is None else _strided(y),
        y_lengths=y_lengths,
        lengths=lengths,
        weight=None if weight is None else _strided(weight),
        state=None if state is None else [np.ascontiguousarray(array) for array in state],
    )


def _results(layout: Layout, theta: np.ndarray, batch: Batch) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns arrays for the outputs and the final states, which the core fills."""
    n, dtype = len(batch.x), theta.dtype
    steps = batch.x.shape[1] if batch.named is None else batch.steps_of(layout.time or INPUT)
    shape = (n, layout.output_size) if layout.last else (n, steps, layout.output_size)
    make = np.empty if batch.lengths is batch.named is None else np.zeros  # outputs past a row's length are 0
    return make(shape, dtype), [np.empty((n, slot.size), dtype) for slot in layout.states]


def _strided(array: np.ndarray) -> np.ndarray:
    """Returns the array itself where its strides are whole elements, which is nearly always so, else a copy."""
    flags = array.flags
    if flags.aligned and (flags.c_contiguous or all(stride % array.itemsize == 0 for stride in array.strides)):
        return array
    return np.ascontiguousarray(array)
