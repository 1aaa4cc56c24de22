"""Finds a program's forward pass: which function it is, and in which form it takes sequences.

A call that runs is not enough: NumPy broadcasts much. So the form is proved by what depends on what: an input of step t
must change outputs from t on, in its own row of the batch alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from elman.student.calls import forms
from elman.student.calls.data import Data
from elman.student.calls.forward import Forward, run
from elman.student.program.load import StudentError
from elman.student.program.sizes import STEPS
from elman.student.program.subject import Subject
from elman.student.program.words import backward_rank, forward_rank, kinds, plain_name

__all__ = ["find", "find_combined"]

KEPT = 6  # forms that are tried further
COMBINED = ("TK", "T|K1", "T|K", "TK1", "BTK", "TBK", "T|BK")
COMBINED_TARGETS = ("idsT|", "idsT", "idsBT", "idsTB", "K1", "K", "BK", "ids", "idsB")


def find(subject: Subject, order: tuple[str, ...], seed: int) -> list[Forward]:
    """Returns the forward passes that were proved, likeliest first.

    order  forms that are tried first; where it is not empty, no others are
    Raises StudentError with the first failure where there is none.
    """
    functions = subject.functions()
    ranked = sorted(
        (rank, place, name) for place, name in enumerate(functions) if (rank := forward_rank(name)) is not None
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
        raise failure or StudentError(
            f"{subject.name}: no forward pass was found among {', '.join(functions) or 'nothing'}"
        )
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


def find_combined(subject: Subject, only: str | None, seed: int) -> Iterator[Forward]:
    """Yields functions that compute a loss and its gradients in one, of inputs, targets and perhaps a state."""
    for name, function in subject.functions().items():
        if only is not None and name != only:
            continue
        roles = _roles(subject, function, targets=True)
        if backward_rank(name) is None or roles is None or "y" not in {role for _, role in roles}:
            continue
        real = [(axes, False, form) for axes in COMBINED for form in (axes, *COMBINED_TARGETS) if _fits(axes, form)]
        classes = [
            (axes, True, form) for axes in forms.IDS[:4] for form in (f"ids{axes}", "TK", "T|K1") if _fits(axes, form)
        ]
        for axes, ids, form in (
            [*classes, *real] if subject.sizes.inputs == subject.sizes.outputs else [*real, *classes]
        ):
            rows = [s for s in forms.STATES if forms.batched(s) == forms.batched(axes)]
            for state in rows if {"h0", "c0"} & {role for _, role in roles} else [""]:
                candidate = Forward(name, roles, axes, ids, state, seed=seed, target=form)
                try:
                    if _loss_moves(subject, candidate):
                        yield candidate
                except StudentError:
                    continue


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
