"""Finds a program's forward pass: which function it is, and in which form it takes sequences.

A call that runs is not enough: NumPy broadcasts much. So the form is proved by what depends on what: an input of step t
must change outputs from t on, in its own row of the batch alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from elman.student import forms
from elman.student.data import Data, Observed, draw, items, opened
from elman.student.load import StudentError
from elman.student.sizes import STEPS
from elman.student.subject import Subject
from elman.student.words import backward_rank, forward_rank, kinds, plain_name, returned_names

__all__ = ["Forward", "find", "find_combined", "is_scalar", "rng", "run"]

KEPT = 6  # forms that are tried further


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
                values[name] = forms.give(self.target[3:], core.argmax(2)[..., None]) if classes else forms.give(self.target, core)
            else:
                values[name] = getattr(owner, role)
        return values

    def inputs(self, x: np.ndarray) -> Any:
        """Returns inputs (T, B, D) in the form."""
        if self.ids and x.shape[2] > 1:
            x = x.argmax(axis=2)[..., None]
        return forms.give(self.axes, x)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 17])


def find(subject: Subject, order: tuple[str, ...], seed: int) -> list[Forward]:
    """Returns the forward passes that were proved, likeliest first.

    order  forms that are tried first; where it is not empty, no others are
    Raises StudentError with the first failure where there is none.
    """
    functions = subject.functions()
    ranked = sorted(
        (rank, place, name)
        for place, name in enumerate(functions)
        if (rank := forward_rank(name)) is not None
    )
    found: list[Forward] = []
    failure: StudentError | None = None
    for rank, _, name in ranked:
        if rank >= 2 and (found or ranked[0][0] <= 1):
            break
        for candidate in _candidates(subject, name, functions[name], order, seed):
            try:
                proved = _proved(subject, candidate)
            except StudentError as error:
                failure = failure or error
                continue
            if proved is not None:
                found.append(proved)
            if len([f for f in found if f.rank == 0]) >= KEPT:
                break
    if not found:
        raise failure or StudentError(f"{subject.name}: no forward pass was found among {', '.join(functions) or 'nothing'}")
    found = sorted(found, key=lambda f: (f.rank, not forms.steps(f.axes)))[:KEPT]
    single = [f for f in found if not forms.steps(f.axes) and "h0" in {role for _, role in f.roles}]
    return found + [f._replace(axes=f"T|{f.axes}", rolled=True) for f in single]


def _candidates(
    subject: Subject, name: str, function: Callable[..., Any], order: tuple[str, ...], seed: int
) -> Iterator[Forward]:
    roles = _roles(subject, function)
    if roles is None:
        return
    stateful = any(role in ("h0", "c0") for _, role in roles)
    one = stateful or plain_name(name) in ("step", "forwardstep", "call", "cell")
    real = [(axes, False) for axes in (*forms.SEQUENCES, *(forms.ONE_STEP if one else ()))]
    ids = [(axes, True) for axes in forms.IDS if subject.sizes.inputs > 1 or axes != "B|T|"]
    tried = [(axes, False) for axes in order] or [*real, *ids, *(((("", True)),) if one else ())]
    if subject.sizes.inputs == 1 and not order:
        tried = [*real, *ids]
    for axes, classes in tried:
        rows = [s for s in forms.STATES if forms.batched(s) == forms.batched(axes)] if stateful else [""]
        if axes in forms.ONE_STEP and stateful:
            rows = [axes, *(s for s in rows if s != axes)]
        for state in rows:
            yield Forward(name, roles, axes, classes, state, seed=seed)


def _roles(
    subject: Subject, function: Callable[..., Any], *, targets: bool = False
) -> tuple[tuple[str, str], ...] | None:
    """Returns what each required parameter is; None where one cannot be served."""
    own = vars(subject.fresh) if subject.by_argument else {}
    try:
        parameters = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):
        return None
    names = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    roles: list[tuple[str, str]] = []
    for name in names:
        said = kinds(name)
        taken = [role for _, role in roles]
        if name in own:
            roles.append((name, name))
        elif "x" in said and "x" not in taken:
            roles.append((name, "x"))
        elif targets and said[:1] in (["rate"], ["count"]):
            roles.append((name, said[0]))
        elif targets and "y" not in taken and "x" in taken and ("y" in said or not said):
            roles.append((name, "y"))
        elif ("h0" in said or "hs" in said) and "h0" not in taken and names[0] != name:
            roles.append((name, "h0"))
        elif "c0" in said and "c0" not in taken and names[0] != name:
            roles.append((name, "c0"))
        elif plain_name(name) in ("t", "seqlength", "seqlen", "steps", "timesteps") and "x" in taken:
            roles.append((name, "steps"))
        elif "x" not in taken:
            roles.append((name, "x"))
        elif "h0" not in taken and not said:
            roles.append((name, "h0"))
        else:
            return None
    return tuple(roles) if "x" in [role for _, role in roles] else None


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
    given = {role: name for name, role in forward.roles}
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
    places = {key: [one.places[key] for one in seen] for key in ("y", "h", "c") if all(key in one.places for one in seen)}
    cores = [np.concatenate([getattr(one, key) for one in seen]) if key in places else None for key in ("y", "h", "c")]
    parts = [(key, value) for key, value in places.items()]
    return Observed(*cores, None, places, parts, None, single=any(one.single for one in seen))


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
        others = [s for s in states if s[1] is not places["h"] and "c0" in kinds(s[0]) + ["c0"] * (not s[0])]
        if others:
            places["c"], c = others[0][1], others[0][2]
    shown = y if y is not None else h
    single = shown is not None and np.asarray(forms.plain(places["y" if y is not None else "h"])).dtype.itemsize < 8
    single = single and np.asarray(forms.plain(places["y" if y is not None else "h"])).dtype.kind == "f"
    float_or_none = [None if a is None else a.astype(float) for a in (y, h, c)]
    return Observed(*float_or_none, None, places, parts, whole, bool(single))


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


def _proved(subject: Subject, forward: Forward) -> Forward | None:
    """Returns the forward pass with its rank where its outputs depend on its inputs as a sequence's do, else None."""
    data = forward.data(subject)

    def outputs(of: Data) -> np.ndarray:
        seen = run(subject, subject.copy(), forward, of)
        values = seen.y if seen.y is not None else seen.h
        assert values is not None
        return values

    def moved(step: int) -> Data:
        x = data.x.copy()
        x[step, 0] = np.roll(x[step, 0], 1) if forward.ids and x.shape[2] > 1 else x[step, 0] + 0.7
        return data._replace(x=x)

    base = outputs(data)
    if not np.isfinite(base).all():
        return None
    early = np.abs(outputs(moved(0)) - base).max(axis=2) > 1e-9
    if early[:, 1:].any() or not early.any():
        return None
    rank = 0
    if len(data.x) == STEPS:
        late = np.abs(outputs(moved(STEPS - 1)) - base).max(axis=2) > 1e-9
        if late[:, 1:].any() or (len(base) > 1 and late[:-1].any()):
            rank = 2  # the past depends on the future
        elif not early[-1, 0] and not early[1:, 0].any():
            rank = 1  # nothing is remembered
    elif forward.state:
        h0 = data.h0.copy()
        h0[:, 0] += 0.5
        carried = np.abs(outputs(data._replace(h0=h0)) - base).max(axis=2) > 1e-9
        if carried[:, 1:].any():
            return None
        rank = 0 if carried.any() else 1
    return forward._replace(rank=rank)


def is_scalar(value: Any) -> bool:
    """Returns whether a value is one floating-point number, in an array or not."""
    array = forms.plain(value)
    return array is not None and array.size == 1 and array.dtype.kind == "f" and not isinstance(value, list | dict)


def find_combined(subject: Subject, only: str | None, seed: int) -> Iterator[Forward]:
    """Yields functions that compute a loss and its gradients in one, of inputs, targets and perhaps a state."""
    for name, function in subject.functions().items():
        if only is not None and name != only:
            continue
        roles = _roles(subject, function, targets=True)
        if backward_rank(name) is None or roles is None or "y" not in dict(map(reversed, roles)):
            continue
        real = [(axes, False, form) for axes in COMBINED for form in (axes, *COMBINED_TARGETS) if _fits(axes, form)]
        classes = [(axes, True, form) for axes in forms.IDS[:4] for form in (f"ids{axes}", "TK", "T|K1") if _fits(axes, form)]
        for axes, ids, form in [*classes, *real] if subject.sizes.inputs == subject.sizes.outputs else [*real, *classes]:
            rows = [s for s in forms.STATES if forms.batched(s) == forms.batched(axes)]
            for state in rows if {"h0", "c0"} & {role for _, role in roles} else [""]:
                candidate = Forward(name, roles, axes, ids, state, seed=seed, target=form)
                try:
                    if _loss_moves(subject, candidate):
                        yield candidate
                except StudentError:
                    continue


COMBINED = ("TK", "T|K1", "T|K", "TK1", "BTK", "TBK", "T|BK")
COMBINED_TARGETS = ("idsT|", "idsT", "idsBT", "idsTB", "K1", "K", "BK", "ids", "idsB")


def _fits(axes: str, form: str) -> bool:
    return forms.batched(axes) == forms.batched(form.removeprefix("ids"))


def _loss_moves(subject: Subject, forward: Forward) -> bool:
    """Returns whether the loss depends on the first and on the last step."""
    data = forward.data(subject)
    losses: list[float] = []
    for step in (None, 0, STEPS - 1):
        x = data.x.copy()
        if step is not None:
            x[step, 0] = np.roll(x[step, 0], 1) if forward.ids and x.shape[2] > 1 else x[step, 0] + 0.7
        loss = run(subject, subject.copy(), forward, data._replace(x=x)).loss
        losses.append(np.nan if loss is None else loss)
    return bool(np.isfinite(losses).all()) and losses[0] not in losses[1:]


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
