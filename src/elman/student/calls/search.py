"""Finds the way to call a program in which its gradients agree with finite differences, or the likeliest way."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

from elman.student.calls.find import find, find_combined
from elman.student.calls.forward import Forward
from elman.student.calls.measure import Attempt, attempts, prepare, randomised
from elman.student.program.load import StudentError
from elman.student.program.subject import Subject

__all__ = ["search"]

FORWARDS = 3  # forms of a function's inputs, where the names of all that its backward pass takes are understood
CALLS = 80  # backward passes that are tried for one program


def search(subjects: Iterable[Subject], order: tuple[str, ...], only: str | None, seed: int) -> tuple[Subject, Attempt]:
    """Returns the program and the attempt that agrees best; the first of equals.

    order  the forms of inputs to which the search is confined; empty: all
    only   the name of the function that gives the gradients, where the student named it
    Raises StudentError with the first failure of the furthest stage.
    """
    best: tuple[Subject, Attempt] | None = None
    saved: object = None
    failures: list[tuple[int, StudentError]] = []
    for subject in subjects:
        for attempt in _of(subject, order, only, seed, failures):
            if best is None or len(attempt.fit.right) > len(best[1].fit.right):
                best = subject, attempt
                saved = copy.deepcopy(subject.fresh)
            if attempt.fit.all(attempt.numeric.weights):
                return subject, attempt
        if best is not None:
            best[0].fresh = saved
            return best
    raise max(failures, key=lambda f: f[0])[1] if failures else StudentError("nothing to check was found")


def _of(
    subject: Subject, order: tuple[str, ...], only: str | None, seed: int, failures: list[tuple[int, StudentError]]
) -> Iterator[Attempt]:
    before = randomised(subject, seed)
    start, calls, forwards = copy.deepcopy(subject.fresh), 0, 0
    used: Forward | None = None
    for forward in _forwards(subject, order, only, seed, failures):
        other = used is not None and (forward.function != used.function or forward.rolled != used.rolled)
        if used is not None and (other or forwards >= FORWARDS):
            return
        subject.fresh = copy.deepcopy(start)
        try:
            numeric = prepare(subject, forward, before)
            right, forwards = 0, forwards + 1
            for attempt in attempts(subject, numeric, only):
                yield attempt
                right, calls = max(right, len(attempt.fit.right)), calls + 1
                used = forward if attempt.backward.understood else used
                if calls > CALLS:
                    return
            if right:
                return
        except StudentError as error:
            failures.append((2, error))


def _forwards(
    subject: Subject, order: tuple[str, ...], only: str | None, seed: int, failures: list[tuple[int, StudentError]]
) -> Iterator[Forward]:
    try:
        found = find(subject, order, seed)
    except StudentError as error:
        failures.append((1, error))
        found = []
    for forward in found:
        if forward.state:  # a loop over single steps begins with zeros
            yield forward._replace(zero=forward.rolled)
            yield forward._replace(zero=not forward.rolled)
        else:
            yield forward
    yield from find_combined(subject, only, seed)
