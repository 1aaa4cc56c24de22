"""A program's forward pass: how it is called, and what of what it gives are outputs and states."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from elman.student.calls import forms
from elman.student.calls.data import Data, Observed, draw, items, opened
from elman.student.program.load import StudentError
from elman.student.program.subject import Subject
from elman.student.program.words import plain_name, returned_names

__all__ = ["Forward", "is_scalar", "rng", "run"]


class Forward(NamedTuple):
    """A function that is a forward pass, with the form of its inputs and of its states."""

    function: str
    roles: tuple[tuple[str, str], ...]  # parameter -> "x", "h0", "c0", "owner" or "y"
    axes: str
    ids: bool
    state: str  # form of h0 and c0
    rank: int = 0
    zero: bool = False  # whether the state before the first step is given as zeros
    rolled: bool = False  # whether the function is one step, which is called for each step of a sequence
    target: str = ""  # form of the targets of a function that computes the loss and its gradients in one
    seed: int = 0

    @property
    def given(self) -> dict[str, str]:
        """Each role with its parameter."""
        return {role: name for name, role in self.roles}

    def data(self, subject: Subject) -> Data:
        data = draw(self.axes, subject.sizes, rng(self.seed), ids=self.ids)
        return data._replace(h0=0 * data.h0, c0=0 * data.c0) if self.zero else data

    def arguments(self, owner: Any, data: Data, rate: float = 0.0) -> dict[str, Any]:
        """Returns new arguments for a call."""
        values: dict[str, Any] = {}
        for name, role in self.roles:
            if role == "x":
                values[name] = self.inputs(data.x)
            elif role in ("h0", "c0"):
                values[name] = forms.give(self.state, getattr(data, role))
            elif role in ("steps", "rate", "count"):
                values[name] = {"steps": len(data.x), "rate": rate, "count": 1}[role]
            elif role == "y":
                classes = self.target.startswith("ids")
                core = np.eye(data.dy.shape[2])[data.labels] if classes else data.noise
                values[name] = (
                    forms.give(self.target[3:], core.argmax(2)[..., None]) if classes else forms.give(self.target, core)
                )
            else:
                values[name] = getattr(owner, role)
        return values

    def targets(self, data: Data) -> np.ndarray:
        """Returns the targets of a function that computes the loss, (T, B, O), one-hot for classes."""
        return np.eye(data.dy.shape[2])[data.labels] if self.target.startswith("ids") else data.noise

    def inputs(self, x: np.ndarray) -> Any:
        """Returns inputs (T, B, D) in the form."""
        if self.ids and x.shape[2] > 1:
            x = x.argmax(axis=2)[..., None]
        return forms.give(self.axes, x)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 17])


def run(subject: Subject, owner: Any, forward: Forward, data: Data) -> Observed:
    """Runs a forward pass; raises StudentError where nothing of what it gives is an output or a state."""
    if forward.rolled:
        return _rolled(subject, owner, forward, data)
    function = subject.bound(owner, forward.function)
    arguments = forward.arguments(owner, data)
    if forward.target:  # the same call makes an update
        subject.set_rate(owner, 0.0)
    whole = subject.call(forward.function, function, arguments)
    given = next(value for (name, role) in forward.roles if role == "x" for value in [arguments[name]])
    if not _same(given, forward.inputs(data.x)):
        subject.said.add(f"{forward.function} changes its input")
    parts = items(whole, returned_names(function))
    if forward.target:
        loss = next((float(np.ravel(part)[0]) for _, part in parts if is_scalar(part)), None)
        if loss is None:
            raise StudentError(f"{subject.name}.{forward.function}: expected a loss among what it returns, got none")
        return Observed(None, None, None, loss, {}, parts, whole, single=False)
    seen = observe(parts, whole, subject, data)
    if seen.y is None and seen.h is None and whole is None and hasattr(owner, "__dict__"):
        kept = [(name, value) for name, value in vars(owner).items() if not name.startswith("__")]
        seen = observe(kept, whole, subject, data)
    if seen.y is None and seen.h is None:
        steps, rows = data.x.shape[:2]
        wanted = (steps, subject.sizes.outputs) if rows == 1 else (rows, steps, subject.sizes.outputs)
        got = ", ".join(_shape(part) for _, part in parts) or "None"
        raise StudentError(f"{subject.name}.{forward.function}: expected outputs of shape {wanted}, got {got}")
    return seen


def _rolled(subject: Subject, owner: Any, forward: Forward, data: Data) -> Observed:
    """Runs a function of one step over a sequence, and hands the state on as it came."""
    step = forward._replace(rolled=False, axes=forward.axes.removeprefix("T|"))
    given = forward.given
    states: dict[str, Any] = {}
    seen: list[Observed] = []
    function = subject.bound(owner, forward.function)
    for x in data.x:
        now = data._replace(x=x[None])
        arguments = step.arguments(owner, now) | states
        parts = items(subject.call(forward.function, function, arguments), returned_names(function))
        seen.append(observe(parts, None, subject, now))
        if "h" not in seen[-1].places:
            raise StudentError(f"{subject.name}.{forward.function}: expected the next state among what it returns")
        states = {given["h0"]: seen[-1].places["h"]}
        if "c0" in given and "c" in seen[-1].places:
            states[given["c0"]] = seen[-1].places["c"]
    places = {
        key: [one.places[key] for one in seen] for key in ("y", "h", "c") if all(key in one.places for one in seen)
    }
    y, h, c = (
        np.concatenate([getattr(one, key) for one in seen]) if key in places else None for key in ("y", "h", "c")
    )
    parts = [(key, value) for key, value in places.items()]
    return Observed(y, h, c, None, places, parts, None, single=any(one.single for one in seen))


def observe(parts: list[tuple[str, Any]], whole: Any, subject: Subject, data: Data) -> Observed:
    """Finds outputs and states among what a function gave."""
    steps, rows = data.x.shape[:2]
    outputs: list[tuple[str, Any, np.ndarray]] = []
    states: list[tuple[str, Any, np.ndarray]] = []
    for name, part in opened(parts):
        if _echo(part, data):
            continue
        found = forms.read(part, (steps, rows, subject.sizes.outputs))
        if found is not None and subject.sizes.outputs != subject.sizes.hidden:
            outputs.append((name, part, found[1]))
            continue
        found = forms.read(part, (steps, rows, subject.sizes.hidden), first=True)
        if found is not None:
            states.append((name, part, found[1]))
    places: dict[str, Any] = {}
    y = h = c = None
    if outputs:
        longest = [o for o in outputs if len(o[2]) == max(len(o[2]) for o in outputs)]
        chosen = next((o for o in longest if _probable(o[2])), longest[0])
        places["y"], y = chosen[1], chosen[2]
    if states:
        longest = [s for s in states if len(s[2]) == max(len(s[2]) for s in states)]
        hidden = [s for s in longest if not plain_name(s[0]).startswith("c")] or longest
        places["h"], h = hidden[0][1], hidden[0][2]
        others = [s for s in states if s[1] is not places["h"] and plain_name(s[0])[:1] in ("c", "")]
        if others:
            places["c"], c = others[0][1], others[0][2]
    shown = y if y is not None else h
    single = shown is not None and np.asarray(forms.plain(places["y" if y is not None else "h"])).dtype.itemsize < 8
    single = single and np.asarray(forms.plain(places["y" if y is not None else "h"])).dtype.kind == "f"
    y, h, c = (None if values is None else values.astype(float) for values in (y, h, c))
    return Observed(y, h, c, None, places, parts, whole, bool(single))


def _echo(part: Any, data: Data) -> bool:
    """Returns whether a part is what was given: inputs or states that a cache holds."""
    array = forms.plain(part)
    if array is None or array.size not in (data.x.size, data.h0.size):
        return False
    values = np.sort(array, axis=None)
    return any(values.size == given.size and np.array_equal(values, np.sort(given, axis=None)) for given in data[:3])


def _probable(y: np.ndarray) -> bool:
    """Returns whether outputs are probabilities of classes."""
    return y.shape[2] > 1 and bool((y > 0).all()) and bool(np.abs(y.sum(axis=2) - 1).max() < 1e-5)


def is_scalar(value: Any) -> bool:
    """Returns whether a value is one floating-point number, in an array or not."""
    array = forms.plain(value)
    return array is not None and array.size == 1 and array.dtype.kind == "f" and not isinstance(value, list | dict)


def _same(a: Any, b: Any) -> bool:
    a, b = forms.plain(a), forms.plain(b)
    return a is not None and b is not None and a.shape == b.shape and bool(np.array_equal(a, b))


def _shape(value: Any) -> str:
    array = forms.plain(value)
    if array is not None:
        return f"shape {array.shape}"
    try:
        return f"shape {np.asarray(value, dtype=float).shape}"
    except (ValueError, TypeError):
        return f"a {type(value).__name__}"
