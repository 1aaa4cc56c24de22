"""Calls a program's backward pass, whatever it takes, and collects the gradients that it returns, keeps or applies."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import islice, product
from typing import Any, NamedTuple

import numpy as np

from elman.student.calls import forms
from elman.student.calls.collect import Arrays, by_weight
from elman.student.calls.data import Data, Observed, items, mirrored, opened
from elman.student.calls.forward import Forward, is_scalar, run
from elman.student.program.load import StudentError
from elman.student.program.subject import Subject
from elman.student.program.weights import arrays
from elman.student.program.words import backward_rank, kinds, plain_name, returned_names, stem

__all__ = ["Arrays", "Backward", "Ran", "backwards", "run_backward", "target_as_given"]

COMBINATIONS = 96  # ways to serve one function's parameters that are tried


class Backward(NamedTuple):
    """A function that gives gradients, and what each of its parameters is served with.

    target  the form of targets, with "ids" before classes; "" where it takes none
    after   whether the forward pass is run before it
    understood  whether the names of all parameters say what they are
    """

    function: str
    roles: tuple[tuple[str, str], ...]
    target: str
    after: bool
    understood: bool = True

    @property
    def takes(self) -> set[str]:
        return {role for _, role in self.roles}

    @property
    def upstream(self) -> bool:
        """Whether the gradient of outputs or states is given, so that no loss is known or needed."""
        return bool(self.takes & {"dy", "dh", "dc"})


class Ran(NamedTuple):
    """What a backward pass gave: each set of gradients by weight, and the loss if it returned one."""

    applied: Arrays
    returned: Arrays
    kept: Arrays
    inputs: dict[str, np.ndarray]  # "x", "h0", "c0" -> the gradient by it, as it came
    loss: float | None
    rate: bool  # whether the learning rate was ours to set
    beyond: str  # an array that is trained too, though no output depends on it


def backwards(
    subject: Subject, forward: Forward | None, seen: Observed | None, data: Data, only: str | None
) -> Iterator[Backward]:
    """Yields functions with arguments that may be the backward pass, likeliest first."""
    functions = subject.functions()
    ranked = sorted(
        (forward is not None and stem(name) != stem(forward.function), rank, place, name)
        for place, name in enumerate(functions)
        if (forward is None or name != forward.function) and (rank := _rank(name, only)) is not None
    )
    for *_, name in ranked:
        yield from _served(subject, name, functions[name], forward, seen, data)


def _rank(name: str, only: str | None) -> int | None:
    if only is not None:
        return 0 if name == only else None
    return backward_rank(name)


def _served(
    subject: Subject,
    name: str,
    function: Callable[..., Any],
    forward: Forward | None,
    seen: Observed | None,
    data: Data,
) -> Iterator[Backward]:
    """Yields the ways to serve a function's parameters."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return
    named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    options: list[tuple[str, list[str]]] = []
    for parameter in named:
        served = _options(subject, parameter, [p.name for p in named], forward, seen)
        if served:
            options.append((parameter.name, served))
    if not options and any(p.default is p.empty for p in named):
        return
    understood = all(kinds(parameter.name) for parameter in named if parameter.default is parameter.empty)
    loops = bool(backward_rank(name) or 0) and (backward_rank(name) or 0) >= 3
    orders = product(*(served for _, served in options))
    for served in islice(orders, COMBINATIONS):
        roles = tuple((option[0], role) for option, role in zip(options, served, strict=True))
        taken = [role for role in served if role not in ("rate", "count", "whole", "rows")]
        if len(set(taken)) < len(taken):
            continue
        takes = {role for _, role in roles}
        one = forward is not None and not forms.steps(forward.axes) and bool(forward.state)
        if one and {"x", "y"} <= takes and not takes & {"h0", "c0", "hs", "dh", "dc", "whole"}:
            continue  # it takes sequences, though the forward pass is one step
        targets = _targets(subject, seen, data, forward, loops) if "y" in takes else [""]
        for target in targets:
            uses = any(r.startswith("part") or r in ("out", "hs", "whole", "error") for r in takes) or not takes & {"x"}
            for after in (True, False) if not uses else (True,):
                yield Backward(name, roles, target, after and forward is not None, understood)


def _options(
    subject: Subject, parameter: inspect.Parameter, names: list[str], forward: Forward | None, seen: Observed | None
) -> list[str]:
    """Returns what a parameter may be served with, likeliest first; empty to leave it at its default."""
    name, needed = parameter.name, parameter.default is parameter.empty
    said = kinds(name)
    if subject.by_argument and name in vars(subject.fresh):
        return [f"owner:{name}"]
    if not needed:
        if "rate" in said:
            return ["rate"]
        return ["count"] if "count" in said else ["rows"] if "rows" in said else []
    found: list[str] = []
    parts = seen.parts if seen is not None else []
    known = {"x": "x", "y": "y", "out": "out", "hs": "hs", "h0": "h0", "c0": "c0", "rate": "rate", "count": "count",
             "rows": "rows", "dh": "dh", "dc": "dc"}  # fmt: skip
    for place, (part, _) in enumerate(parts):
        if part and plain_name(part) == plain_name(name):
            found.append(f"part:{place}")
    same = dict(forward.roles).get(name) if forward is not None else None
    if same in ("x", "h0", "c0"):
        found.append(same)
    for kind in said:
        if kind == "dy":
            found += ["dy", "error", "dh"] if seen is None or seen.y is not None else ["dh"]
        elif kind == "cache":
            found += [*(f"part:{place}" for place in reversed(range(len(parts)))), "whole"]
        elif kind in known and (kind not in ("out", "hs") or seen is not None):
            found.append(known[kind])
    if "rate" in found:
        return ["rate"]
    if "x" in found and "y" in said:
        found.remove("x")
    if not said or not found or set(said) <= {"cache", "params", "quiet"}:
        found += ["x", "y", "rate", "out", "hs", "dy", "dh", *(f"part:{place}" for place in range(len(parts))), "whole"]
    if found == ["y"] and len([n for n in names if kinds(n)[:1] != ["rate"]]) == 1:
        found += ["dy", "dh"]
    if "out" in found or found == ["y"]:
        found += ["y", "out"]
    if "hs" in found or "h0" in found:
        found += ["h0", "hs"]
    if seen is None:
        found = [f for f in found if f not in ("out", "hs", "whole", "dy", "dh", "dc", "error")]
    elif seen.y is None:
        found = [f for f in found if f not in ("out", "dy", "error")] + (["hs"] if "out" in found else [])
    return list(dict.fromkeys(found))


def _targets(subject: Subject, seen: Observed | None, data: Data, forward: Forward | None, loops: bool) -> list[str]:
    """Returns the forms in which targets are tried; "=" is the structure of the outputs as they came."""
    if forward is not None and forward.target:
        return [forward.target]
    rows = data.x.shape[1] > 1
    last = seen is not None and seen.y is not None and len(seen.y) == 1
    if forward is not None and forward.axes in forms.WINDOWS:
        real = [forward.axes, "B|K", "B|K1"]
    elif rows:
        real = ["=", "BK", "KB"] if last else ["=", "BTK", "TBK", "T|BK"]
    else:
        real = ["=", "K", "K1", "1K"] if last else ["=", "TK", "T|K1", "T|K"]
    ids = (["ids", "idsB"] if last else ["idsT|", "idsT", "idsBT", "idsTB"]) if subject.sizes.outputs > 1 else []
    if seen is None:
        real, ids = ["TK", "T|K1", "T|K", "BTK"], ["idsT|", "idsT", "idsBT", "idsTB"]
    if subject.sizes.outputs == 1:
        ids = [] if last else ["T|", "T"]
    if seen is not None and seen.y is None:  # the state itself is what is trained
        real = ["="]
    wrapped = [f"[{form}]" for form in [*real, *ids]] if loops and not rows else []
    return [*real, *ids, *wrapped]


def run_backward(
    subject: Subject,
    forward: Forward | None,
    backward: Backward,
    data: Data,
    target: np.ndarray | None,
    weights: Arrays,
    rate: float,
) -> Ran:
    """Runs a backward pass on a copy, after the forward pass where it needs it, and collects its gradients.

    target   (T, B, O), real or one-hot
    weights  the values before
    """
    owner = subject.copy()
    ours = subject.set_rate(owner, rate) or "rate" in backward.takes
    seen = run(subject, owner, forward, data) if backward.after and forward is not None else None
    function = subject.bound(owner, backward.function)
    before = {weight.name: weight.read(owner) for weight in arrays(owner)}
    if forward is not None and forward.target and backward.function == forward.function:
        arguments = forward.arguments(owner, data, rate)
    else:
        arguments = {
            name: _value(role, backward, owner, seen, forward, data, target, rate) for name, role in backward.roles
        }
    whole = subject.call(backward.function, function, arguments)
    applied: Arrays = {}
    for weight, value in weights.items():
        after = weight.read(owner)
        if after.shape != value.shape:
            raise StudentError(
                f"{subject.name}: {backward.function} turned {weight.name} of shape {value.shape} into {after.shape}"
            )
        applied[weight] = (value - after.astype(float)) / rate
    given = opened(items(whole, returned_names(function)), tuples=True)
    returned, inputs = by_weight(given, weights, data, forward)
    held = [(w.name, w.read(owner)) for w in arrays(owner) if w not in weights]
    held = [(n, a) for n, a in held if n not in before or not np.array_equal(a, before[n], equal_nan=True)]
    kept, _ = by_weight(held, weights, data, None, strict=True)
    loss = next((float(np.ravel(v)[0]) for _, v in given if is_scalar(v)), None)
    changed = {w: g for w, g in applied.items() if g.any()}
    beyond = ""
    for weight in arrays(owner):
        if weight in weights or weight.name not in before:
            continue
        value, after = before[weight.name], weight.read(owner)
        slightly = value.any() and after.shape == value.shape and 0 < np.abs(after - value).max() < 1e3 * rate
        if slightly or any(
            plain_name(n) == f"d{plain_name(weight.key)}" and np.shape(a) == value.shape for n, a in given
        ):
            beyond = weight.name
    return Ran(applied if changed else {}, returned, kept, inputs, loss, ours, beyond)


def _value(
    role: str, backward: Backward, owner: Any, seen: Observed | None, forward: Forward | None, data: Data,
    target: np.ndarray | None, rate: float,
) -> Any:  # fmt: skip
    """Returns what a parameter is served with."""
    wrap = backward.target.startswith("[")
    if role == "x":
        given = forward.inputs(data.x) if forward is not None else None
        return [given] if wrap else given
    if role in ("rate", "count", "rows"):
        return {"rate": rate, "count": 1, "rows": data.x.shape[1]}[role]
    if role in ("h0", "c0"):
        state = forward.state if forward is not None and forward.state else "K1"
        return forms.give(state, getattr(data, role))
    if role.startswith("owner:"):
        return getattr(owner, role[6:])
    if role == "y":
        assert target is not None
        return target_as_given(backward.target, seen, target)
    assert seen is not None
    if role.startswith("part:"):
        return seen.parts[int(role[5:])][1]
    if role == "whole":
        return seen.whole
    if role in ("out", "hs"):
        return seen.places.get("y" if role == "out" else "h", seen.whole)
    place = {"dy": "y", "error": "y", "dh": "h", "dc": "c"}[role]
    core = {"dy": data.dy, "dh": data.dh, "dc": data.dc}.get(role)
    if role == "error":
        assert seen.y is not None
        assert target is not None
        core = seen.y - target
    values = {"y": seen.y, "h": seen.h, "c": seen.c}[place]
    assert core is not None
    if values is None or place not in seen.places:
        raise StudentError(f"{backward.function} takes the gradient of {place}, which the forward pass does not return")
    return _like(seen.places[place], core[-len(values) :], values)


def target_as_given(form: str, seen: Observed | None, target: np.ndarray) -> Any:
    """Returns targets (T, B, O) in a form, which "ids" begins where they are classes, and brackets where they are one
    sequence of a list."""
    if form.startswith("["):
        return [target_as_given(form[1:-1], seen, target)]
    if form.startswith("ids"):
        return forms.give(form[3:], target.argmax(axis=2)[..., None])
    if form == "=":
        assert seen is not None
        place = "y" if seen.y is not None else "h"
        return _like(seen.places[place], target, target)
    return forms.give(form, target)


def _like(raw: Any, core: np.ndarray, values: np.ndarray) -> Any:
    """Returns data (T, B, K) in the structure of `raw`, whose values are (T, B, K)."""
    found = forms.read(raw, (values.shape[0], values.shape[1], values.shape[2]), first=True)
    assert found is not None
    made = mirrored(raw, core, found[0])
    return made if isinstance(made, list | float | int) else made.astype(np.asarray(forms.plain(raw)).dtype)
