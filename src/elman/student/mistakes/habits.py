"""Finds what a program does beside its gradients: its loss, clipping, a state that is kept, weights changed early."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from elman.student.calls.backward import run_backward, target_as_given
from elman.student.calls.forward import run
from elman.student.calls.measure import Attempt
from elman.student.mistakes.diagnosis import OwnLoss
from elman.student.mistakes.loop import distance
from elman.student.mistakes.losses import is_probability, standard
from elman.student.program.load import StudentError
from elman.student.program.subject import Subject
from elman.student.program.weights import Weight
from elman.student.program.words import kinds, loss_rank

__all__ = ["clipping", "keeps_its_state", "own_loss", "rate_matters"]

LARGE = 1e4  # the factor of the errors with which clipping is looked for


def own_loss(subject: Subject, attempt: Attempt, helpers: dict[str, Callable[..., Any]]) -> OwnLoss:
    """Returns the standard loss that the program's own loss function has, with its factor; None where it has none.

    helpers  functions beside the class
    """
    numeric, target = attempt.numeric, attempt.target
    if numeric.seen.loss is not None:
        return None
    y = numeric.seen.y
    if y is None or target is None:
        return None
    if attempt.ran.loss is not None and (found := standard(y, target, attempt.ran.loss)) is not None:
        return found
    names = [name for name in subject.functions() if loss_rank(name) is not None]
    own: list[tuple[str, Callable[..., Any] | None]] = [(name, None) for name in names]
    own += [(name, function) for name, function in helpers.items() if loss_rank(name) is not None]
    for name, function in own:
        for loss in _values(subject, attempt, name, function):
            found = standard(y, target, loss)
            if found is not None:
                return found
    return None


def _values(subject: Subject, attempt: Attempt, name: str, function: Callable[..., Any] | None) -> Iterator[float]:
    """Yields what a loss function gives for outputs and targets, or for inputs and targets."""
    owner = subject.copy()
    numeric = attempt.numeric
    try:
        seen = run(subject, owner, numeric.forward, numeric.data)
    except StudentError:
        return
    call = function or subject.bound(owner, name)
    parameters = [p for p in inspect.signature(call).parameters.values() if p.default is p.empty]
    target = target_as_given(attempt.backward.target, seen, attempt.target) if attempt.target is not None else None
    out, x = seen.places.get("y"), numeric.forward.inputs(numeric.data.x)
    if target is None or len(parameters) not in (1, 2):
        return
    if len(parameters) == 1:  # of the outputs that the forward pass has kept
        with contextlib.suppress(StudentError, ValueError, TypeError):
            loss = np.asarray(subject.call(name, call, {parameters[0].name: target}), dtype=float)
            if loss.size == 1:
                yield float(loss.ravel()[0])
        return
    a, b = (parameter.name for parameter in parameters)
    pairs = [(out, target), (target, out), (x, target)]
    if "x" in kinds(a):
        pairs.reverse()
    elif "y" in kinds(a) and "y" not in kinds(b):
        pairs = [pairs[1], pairs[0], pairs[2]]
    for first, second in pairs:
        try:
            loss = np.asarray(subject.call(name, call, {a: first, b: second}), dtype=float)
        except (StudentError, ValueError, TypeError):
            continue
        if loss.size == 1 and np.isfinite(loss).all():
            yield float(loss.ravel()[0])


def keeps_its_state(subject: Subject, attempt: Attempt) -> bool:
    """Returns whether a second forward pass of the same object gives other outputs, though no state is given."""
    forward, data = attempt.numeric.forward, attempt.numeric.data
    if forward.state or forward.target:
        return False
    owner = subject.copy()
    values = [run(subject, owner, forward, data) for _ in range(2)]
    first, second = (seen.y if seen.y is not None else seen.h for seen in values)
    assert first is not None
    assert second is not None
    return not np.allclose(first, second, rtol=1e-6, atol=1e-9)


def rate_matters(subject: Subject, attempt: Attempt) -> bool:
    """Returns whether a large learning rate gives another gradient: weights were then changed before their use."""
    if attempt.source != "applied" or not attempt.ran.rate:
        return False
    again = _applied(subject, attempt, attempt.target, attempt.numeric.precision.large_rate)
    tolerance = 10 * attempt.numeric.precision.tolerance
    gaps = (distance(again.get(w, 0 * value), value) for w, value in attempt.found.items() if value.any())
    return any(gap > tolerance for gap in gaps)


def clipping(subject: Subject, attempt: Attempt) -> str | None:
    """Returns how the program clips gradients, from errors that are LARGE times as large; None where it does not."""
    y, target = attempt.numeric.seen.y, attempt.target
    if attempt.source != "applied" or y is None or target is None or "ids" in attempt.backward.target:
        return None
    if attempt.backward.upstream:
        return None
    if not attempt.fit.right or (is_probability(y) and attempt.fit.base.raw is None):
        return None
    tolerance, rate = attempt.numeric.precision.tolerance, attempt.numeric.precision.rate
    large = _applied(subject, attempt, y + LARGE * (target - y), rate)
    expected = {weight: LARGE * value for weight, value in attempt.found.items() if weight in large}
    if not expected or _near(large, expected, 100 * tolerance):
        return None
    highest = max(float(np.abs(value).max()) for value in large.values())
    if _near(large, {w: np.clip(value, -highest, highest) for w, value in expected.items()}, 1e-3):
        return f"large gradients are clipped to [-{highest:.3g}, {highest:.3g}]"
    norms = {w: (float(np.linalg.norm(large[w])), float(np.linalg.norm(expected[w]))) for w in expected}
    short, whole = (float(np.linalg.norm(side)) for side in zip(*norms.values(), strict=True))
    if _near(large, {w: value * (short / whole) for w, value in expected.items()}, 1e-3):
        return f"large gradients are clipped to the norm {short:.3g}, all weights together"
    if _near(large, {w: value * (norms[w][0] / max(norms[w][1], 1e-300)) for w, value in expected.items()}, 1e-3):
        return f"large gradients are clipped to the norm {max(a for a, _ in norms.values()):.3g}, each weight alone"
    return None if attempt.fit.base.raw is not None else (
        "gradients do not grow in proportion to large errors: something limits them"
    )  # fmt: skip


def _applied(subject: Subject, attempt: Attempt, target: np.ndarray | None, rate: float) -> dict[Weight, np.ndarray]:
    numeric = attempt.numeric
    try:
        return run_backward(
            subject, numeric.forward, attempt.backward, numeric.data, target, numeric.weights, rate
        ).applied
    except (StudentError, AssertionError):
        return {}


def _near(a: dict[Weight, np.ndarray], b: dict[Weight, np.ndarray], tolerance: float) -> bool:
    """Returns whether each array of a is as near to that of b."""
    return all(distance(a[weight], b[weight]) < tolerance for weight in b)
