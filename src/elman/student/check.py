"""Checks a student's own backpropagation through time against finite differences, and names the mistakes.

What a program is and how it is called is found by trying: names order what is tried, and what it computes decides.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from elman.core import checks
from elman.student.calls.measure import Attempt, clipped, limit
from elman.student.calls.search import search
from elman.student.mistakes import diagnosis, habits
from elman.student.program.functions import programs
from elman.student.program.load import StudentError
from elman.student.program.skeleton import skeleton
from elman.student.program.subject import Subject, constructed, own_generator
from elman.student.program.words import backward_rank
from elman.student.report import StudentReport, WeightCheck

__all__ = ["SOURCES", "check_student"]

SOURCES = {"A/B": ("TK",), "C": ("T|K1",), "E": ("TK",)}  # and the forms of their sequences
KEPT = "the state is not set back to zeros: a second forward pass of the same input gives other outputs"
EARLY = (
    "weights are updated before they were used: the gradient changes with the learning rate; compute every gradient "
    "with the old weights, then update"
)
RESET = ("reset", "zero_state", "init_hidden", "init_state", "clear")


def check_student(subject: Any, *, source: str | None = None, seed: int = 0) -> StudentReport:
    """Checks a student's recurrent network, a class, an object of one or functions of a file; returns a report.

    subject  a class with a forward and a backward pass, in the shape of a source (docs/sources.md) or of most programs
             that are written in blogs and courses; an object of one; a function that computes gradients; or a module of
             functions
    source   "A/B", "C" or "E": the forms of one source alone; None: found by trying
    seed     of the weights and data that are made for the check

    Raises StudentError where the program cannot be run: a missing method, an exception inside it (with its line),
    outputs of a wrong shape, no weights. The error's `skeleton` is a program to fill in, with which it can be checked.
    """
    if source is not None:
        checks.choice("source", source, tuple(SOURCES))
    checks.whole("seed", seed, low=0)
    order = SOURCES[source] if source is not None else ()
    with own_generator(seed):
        return _check(subject, order, seed)


def _check(subject: Any, order: tuple[str, ...], seed: int) -> StudentReport:
    try:
        if isinstance(subject, ModuleType | FunctionType):
            only = subject.__name__ if isinstance(subject, FunctionType) else None
            found, attempt = search(programs(subject), order, only, seed)
        else:
            _has_backward(subject)
            found, attempt = search(constructed(subject), order, None, seed)
    except StudentError as error:
        error.skeleton = skeleton(subject)
        raise
    return _report(found, attempt, _helpers(subject))


def _report(subject: Subject, attempt: Attempt, helpers: dict[str, Callable[..., Any]]) -> StudentReport:
    own = habits.own_loss(subject, attempt, helpers)
    attempt = diagnosis.of_own_loss(attempt, own)
    judged = diagnosis.judge(attempt, own)
    found = diagnosis.explain(attempt, judged, own)
    notes = sorted(subject.said) + judged.notes
    if habits.keeps_its_state(subject, attempt):
        if any(mark in name.lower() for name in subject.functions() for mark in RESET) or hasattr(
            subject.fresh, "stateful"
        ):
            notes.append("the state is kept from one forward pass to the next until it is reset")
        else:
            found.insert(0, KEPT)
    if habits.rate_matters(subject, attempt):
        found.append(EARLY)
    if attempt.numeric.seen.single:
        notes.append("computes in float32: compared with wider tolerances")
    limits = habits.clipping(subject, attempt)
    if limits and limits not in notes:
        notes.append(limits)
    if attempt.numeric.forward.zero and not attempt.numeric.forward.rolled and not found:
        notes.append("the gradient is right only for a state of zeros before the first step")
    rows = tuple(_row(attempt, judged, weight) for weight in attempt.numeric.weights)
    return StudentReport(
        subject.name, diagnosis.signature(attempt), judged.loss, rows, tuple(found), tuple(notes), _understood(attempt)
    )


def _row(attempt: Attempt, judged: diagnosis.Judged, weight: Any) -> WeightCheck:
    """Compares the student's gradient by one weight with finite differences."""
    numeric = clipped(judged.scale * attempt.fit.numeric[weight], limit(attempt.found))
    places, shape = attempt.numeric.entries[weight], attempt.numeric.weights[weight].shape
    mine = attempt.found[weight].ravel()[places] if weight in attempt.found else np.zeros(len(places))
    apart = np.where(np.isfinite(mine), np.abs(mine - numeric), np.inf)
    worst = int(np.argmax(apart))
    entry = tuple(int(i) for i in np.unravel_index(int(places[worst]), shape))
    error = float(apart[worst]) / max(float(np.abs(numeric).max()), 1e-300)
    return WeightCheck(
        weight.name, shape, error, entry, float(mine[worst]), float(numeric[worst]), weight not in judged.wrong
    )


def _understood(attempt: Attempt) -> str:
    """Returns in words how the program was called."""
    from elman.student.calls import forms

    forward, backward = attempt.numeric.forward, attempt.backward
    inputs = forms.describe(forward.axes, "D") + (
        " of classes" if forward.ids and attempt.numeric.data.x.shape[2] > 1 else ""
    )
    text = f"{forward.function} takes a {inputs}"
    if forward.state:
        text += f" and a state {forms.describe(forward.state, 'H')}"
    how = {"applied": "changes the weights", "returned": "returns gradients", "kept": "keeps gradients"}[attempt.source]
    target = forward.target or backward.target
    if target.startswith("ids"):
        how += ", targets are classes"
    elif backward.upstream:
        how += ", given those of its outputs"
    return f"{text}; {backward.function} {how}"


def _has_backward(subject: Any) -> None:
    kind = subject if isinstance(subject, type) else type(subject)
    names = [n for n in dir(kind) if callable(getattr(kind, n, None)) and (not n.startswith("_") or n == "__call__")]
    others = [n for n in names if backward_rank(n) is not None and n != "forward"]
    if not others or (others == ["__call__"] and "forward" in names):
        raise StudentError(
            f"{kind.__name__}: expected a forward pass and one that computes gradients, as forward(x) and "
            f"backward(x, y, learning_rate); it has no backward, only {', '.join(names) or 'no methods'}"
        )


def _helpers(subject: Any) -> dict[str, Callable[..., Any]]:
    """Returns the functions beside a class in its file."""
    kind = subject if isinstance(subject, type) else type(subject)
    for member in vars(kind).values():
        if isinstance(member, FunctionType):
            scope = member.__globals__
            return {n: v for n, v in scope.items() if isinstance(v, FunctionType) and v.__globals__ is scope}
    return {}
