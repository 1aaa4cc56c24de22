"""Measures a program: sets its weights, differentiates its forward pass numerically, and compares its own gradients.

Outputs are differentiated once, dY/dw by central differences in float64; every loss is then a product with dL/dY.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from typing import Any, NamedTuple

import numpy as np

from elman.student.calls.backward import Backward, Ran, backwards, run_backward
from elman.student.calls.collect import Arrays
from elman.student.calls.data import Data, Observed
from elman.student.calls.forward import Forward, rng, run
from elman.student.mistakes.losses import Base, bases, targets
from elman.student.program.load import StudentError
from elman.student.program.subject import Subject
from elman.student.program.weights import Weight, arrays

__all__ = [
    "DOUBLE",
    "SINGLE",
    "Attempt",
    "Fit",
    "Numeric",
    "attempts",
    "clipped",
    "fit",
    "limit",
    "prepare",
    "randomised",
]

ENTRIES = 24  # of each array that are differentiated
TRIES = 24  # ways to call one function that gives gradients
STEP = {False: 1e-5, True: 3e-3}


class Precision(NamedTuple):
    """Steps and tolerances for a program that computes in float64, or in float32."""

    rate: float
    large_rate: float
    tolerance: float


DOUBLE = Precision(1e-6, 0.1, 1e-5)
SINGLE = Precision(0.05, 1.0, 1e-2)


Slopes = dict[str, dict[Weight | str, np.ndarray]]


class Numeric(NamedTuple):
    """The forward pass at the check's weights, and its numeric derivatives, once `differentiate` was called."""

    forward: Forward
    data: Data
    seen: Observed
    weights: Arrays
    entries: dict[Weight, np.ndarray]  # (n,) flat places that were differentiated
    slopes: Slopes  # "y", "h", "c", "loss" -> by weight or "x", "h0", "c0": (n, T, B, K)
    precision: Precision
    differentiate: Callable[[Weight | str], None]  # fills `slopes`, for what can be called backwards too


class Fit(NamedTuple):
    """How gradients compare with those of a base loss, times a factor."""

    base: Base
    factor: float
    right: frozenset[Weight]
    numeric: Arrays  # (n,) of each weight, times no factor

    def all(self, weights: Arrays) -> bool:
        return len(self.right) == len(weights)


class Attempt(NamedTuple):
    """One way to call a program, with its gradients and how they fit."""

    numeric: Numeric
    backward: Backward
    target: np.ndarray | None
    ran: Ran
    source: str  # "applied", "returned" or "kept"
    found: Arrays
    fit: Fit


def randomised(subject: Subject, seed: int) -> dict[Weight, np.ndarray]:
    """Sets every array of the program to random values of a useful size; returns the values before."""
    draw = rng(seed)
    before: dict[Weight, np.ndarray] = {}
    owner = subject.copy()
    for weight in arrays(owner, written=True):
        before[weight] = weight.read(owner)
        size = max(before[weight].shape, default=1)
        weight.write(subject.fresh, 0.5 * min(1.0, np.sqrt(5 / size)) * draw.normal(size=before[weight].shape))
    return before


def prepare(subject: Subject, forward: Forward, before: dict[Weight, np.ndarray]) -> Numeric:
    """Leaves random values in the arrays that outputs depend on, sets the others back, and differentiates."""
    data = forward.data(subject)
    owner = subject.copy()
    seen = run(subject, owner, forward, data)
    weights: Arrays = {}
    now = _present(owner, before)
    for weight, original in before.items():
        try:
            after = now[weight]
            random = weight.read(subject.copy())
            constant = np.array_equal(after, random)
        except (AttributeError, KeyError, IndexError):
            constant, random = False, original
        if constant and _matters(subject, forward, data, seen, weight):
            weights[weight] = random.astype(float)
    for weight, original in before.items():
        if weight not in weights:
            weight.write(subject.fresh, original)
    seen = run(subject, subject.copy(), forward, data)
    if not weights:
        raise StudentError(f"{subject.name}: {forward.function}'s outputs depend on no NumPy array that was found")
    return _differentiated(subject, forward, data, seen, weights)


def _present(owner: Any, names: Iterable[Weight]) -> Arrays:
    """Returns the present values of the arrays that are still there."""
    found: Arrays = {}
    for weight in names:
        with contextlib.suppress(AttributeError, KeyError, IndexError):
            found[weight] = weight.read(owner)
    return found


def _matters(subject: Subject, forward: Forward, data: Data, seen: Observed, weight: Weight) -> bool:
    owner = subject.copy()
    value = weight.read(owner)
    weight.write(owner, value + 0.3 + 0.1 * np.arange(value.size).reshape(value.shape) / value.size)
    try:
        again = run(subject, owner, forward, data)
    except StudentError:
        return False
    pairs = ((seen.y, again.y), (seen.h, again.h), (seen.c, again.c))
    moved = any(a is not None and b is not None and not np.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in pairs)
    return moved or seen.loss != again.loss


def _differentiated(subject: Subject, forward: Forward, data: Data, seen: Observed, weights: Arrays) -> Numeric:
    size, draw = STEP[seen.single], rng(1)
    entries: dict[Weight, np.ndarray] = {}
    for weight, value in weights.items():
        entries[weight] = np.arange(value.size)
        if value.size > ENTRIES:
            entries[weight] = np.sort(draw.choice(value.size, ENTRIES, replace=False))
    slopes: Slopes = {part: {} for part in ("y", "h", "c", "loss") if getattr(seen, part) is not None}

    def moved(key: Weight | str, place: int, by: float) -> Observed:
        owner = subject.copy()
        value = (getattr(data, key) if isinstance(key, str) else weights[key]).copy()
        value.flat[place] += by
        if isinstance(key, str):
            return run(subject, owner, forward, data._replace(**{key: value}))
        key.write(owner, value)
        return run(subject, owner, forward, data)

    def differentiate(key: Weight | str) -> None:
        if any(key in column for column in slopes.values()):
            return
        columns: dict[str, list[np.ndarray]] = {part: [] for part in slopes}
        for place in range(getattr(data, key).size) if isinstance(key, str) else entries[key]:
            above, below = moved(key, int(place), size), moved(key, int(place), -size)
            for part, column in columns.items():
                column.append(np.reshape(getattr(above, part) - getattr(below, part), _of(seen, part)) / (2 * size))
        for part, column in columns.items():
            slopes[part][key] = np.array(column)

    return Numeric(forward, data, seen, weights, entries, slopes, SINGLE if seen.single else DOUBLE, differentiate)


def _of(seen: Observed, part: str) -> tuple[int, ...]:
    return (1, 1, 1) if part == "loss" else getattr(seen, part).shape


def attempts(subject: Subject, numeric: Numeric, only: str | None) -> Iterator[Attempt]:
    """Yields the ways to call the program's backward pass that run and give gradients.

    Functions are tried in order of their names' likelihood. Once one gives gradients of which some are right, no other
    is asked; where one whose parameters are all understood cannot be run, its failure is the answer.
    """
    failure: StudentError | None = None
    forward = numeric.forward
    combined = [Backward(forward.function, forward.roles, "", after=False, understood=False)] if forward.target else []
    ways = chain(combined, backwards(subject, forward, numeric.seen, numeric.data, only))
    for _, group in groupby(ways, key=lambda way: way.function):
        found, right, silent, understood = 0, 0, None, False
        failed = False  # before anything ran
        for backward in group:
            understood = backward.understood
            try:
                for attempt in _attempt(subject, numeric, backward):
                    if attempt.found:
                        yield attempt
                        found, right = found + 1, max(right, len(attempt.fit.right))
                    silent = silent or attempt
            except (StudentError, AssertionError) as error:
                failure = failure or (error if isinstance(error, StudentError) else None)
                failed = failed or (silent is None and not found)
            if found >= (TRIES if right else 4 * TRIES):
                break
        if right or (found and understood):
            return
        if not found and understood:
            if silent is not None and silent.ran.rate and not failed:  # it takes a learning rate, and changes nothing
                yield silent
                return
            if failed and failure is not None:
                raise failure
    if failure is not None:
        raise failure


def _attempt(subject: Subject, numeric: Numeric, backward: Backward) -> Iterator[Attempt]:
    target = targets(numeric.seen, numeric.data, ids="ids" in backward.target)
    if numeric.forward.target:
        target = numeric.forward.targets(numeric.data)
    ran = run_backward(
        subject, numeric.forward, backward, numeric.data, target, numeric.weights, numeric.precision.rate
    )
    if ran.beyond:
        raise StudentError(
            f"{subject.name}: {backward.function} trains {ran.beyond}, on which nothing depends that "
            f"{numeric.forward.function} returns; expected a forward pass that returns the outputs"
        )
    losses = bases(numeric.seen, numeric.data, backward, target)
    if losses and not any(v.any() for of in (ran.applied, ran.returned, ran.kept) for v in of.values()):
        yield Attempt(numeric, backward, target, ran, "applied", {}, fit(numeric, {}, losses[0]))
    uniform = _uniform(ran.applied)
    if uniform and not (ran.returned or ran.kept):
        raise StudentError(
            f"{subject.name}: {backward.function} changes every entry by the same amount, as the first step of Adam, "
            "RMSprop or Adagrad does: the gradient cannot be read from it; return the gradients, or keep them (self.dW)"
        )
    for source in ("returned", "kept") if uniform else ("applied", "returned", "kept"):
        found = getattr(ran, source)
        if not any(value.any() for value in found.values()):
            continue
        if source != "applied" and len(found) * 2 <= len(numeric.weights):
            continue
        best = max(
            (fit(numeric, found, base) for base in losses),
            key=lambda f: len(f.right),
            default=None,
        )
        if best is not None:
            yield Attempt(numeric, backward, target, ran, source, found, best)


def _uniform(applied: Arrays) -> bool:
    """Returns whether an update moves almost all entries by one amount, up or down: no plain gradient step does."""
    moves = np.concatenate([np.abs(value).ravel() for value in applied.values()]) if applied else np.zeros(0)
    moves = moves[moves > 0]
    if len(moves) < 8:
        return False
    usual = float(np.median(moves))
    return bool(np.mean(np.abs(moves - usual) <= 0.01 * usual) > 0.8)


def fit(numeric: Numeric, found: Arrays, base: Base, factor: float | None = None) -> Fit:
    """Compares gradients with those of a base loss times the factor that most weights agree on."""
    expected = base_gradients(numeric, base)
    tolerance = numeric.precision.tolerance
    ratios: list[float] = []
    for weight, value in expected.items():
        mine = np.nan_to_num(_at(numeric, found, weight))
        square = float(value @ value)
        if square > 0 and mine.any():
            ratio = float(mine @ value) / square
            if np.abs(mine - ratio * value).max() <= tolerance * max(np.abs(mine).max(), 1e-300):
                ratios.append(ratio)
    most = limit(found)
    candidates = [factor] if factor is not None else [1.0, *ratios]
    best: tuple[float, frozenset[Weight]] = (1.0, frozenset())
    for ratio in candidates:
        right = frozenset(
            weight
            for weight, value in expected.items()
            if weight in found
            and np.abs(_at(numeric, found, weight) - clipped(ratio * value, most)).max()
            <= tolerance * abs(ratio) * np.abs(value).max()
        )
        if len(right) > len(best[1]):
            best = ratio, right
    return Fit(base, best[0], best[1], expected)


def limit(found: Arrays) -> float | None:
    """Returns the largest entry of gradients where it is a round number, to which a program may clip them."""
    largest = max((float(np.abs(value).max()) for value in found.values() if np.isfinite(value).all()), default=0.0)
    plain = float(f"{largest:.2g}")
    return plain if plain > 0 and abs(largest - plain) <= 1e-6 * plain else None


def clipped(gradient: np.ndarray, most: float | None) -> np.ndarray:
    """Returns a gradient with its entries clipped to [-most, most]; as it is for None."""
    return gradient if most is None else np.clip(gradient, -most, most)


def base_gradients(numeric: Numeric, base: Base) -> Arrays:
    """Returns the numeric gradients of a loss, (n,) of each weight."""
    result: Arrays = {}
    for weight in numeric.weights:
        numeric.differentiate(weight)
        total = np.zeros(len(numeric.entries[weight]))
        for part, direction in base.slopes.items():
            total += np.tensordot(numeric.slopes[part][weight], direction, 3)
        result[weight] = total
    return result


def _at(numeric: Numeric, found: Arrays, weight: Weight) -> np.ndarray:
    """Returns a gradient at the places that were differentiated; zeros where there is none."""
    places = numeric.entries[weight]
    return found[weight].ravel()[places] if weight in found else np.zeros(len(places))
