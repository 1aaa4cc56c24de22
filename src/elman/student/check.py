"""Checks a student's own backpropagation through time against finite differences, and names what went wrong.

The gradient is read from what the student's own update does: (weight before - weight after) / learning rate. It is
compared with central differences, in float64 and through the student's own forward pass, of the exercise's loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from elman import checks
from elman.student import mistakes
from elman.student.clipping import clipping
from elman.student.load import StudentError
from elman.student.report import StudentReport, WeightCheck
from elman.student.subject import SOURCES, Passed, Source, Subject, Weight

__all__ = ["check_student"]

STEPS = 5
LARGE = 1e4
ROLES = ("W_xh", "W_hh", "W_hy", "b_h", "b_y")


class _Precision(NamedTuple):
    """Steps and tolerances for a program that computes in float64, or in float32."""

    difference: float
    rate: float
    large_rate: float
    tolerance: float


DOUBLE = _Precision(1e-5, 1e-6, 0.1, 1e-5)
SINGLE = _Precision(3e-3, 0.05, 1.0, 1e-2)


def check_student(subject: Any, *, source: Source | None = None, seed: int = 0) -> StudentReport:
    """Checks a class of a textbook exercise, or an object of one.

    subject  a class made by (input_size, hidden_size, output_size[, learning_rate]) with forward and backward in
             the shape of source A, B, C or E (docs/sources.md); weights are found among its NumPy attributes
    source   "A/B", "C" or "E" where the signature leaves a doubt
    seed     of the weights and data that are made for the check

    Raises StudentError where the program cannot be run: a missing method, an exception inside it (with its line),
    outputs of a wrong shape, no weights.
    """
    if source is not None:
        checks.choice("source", source, SOURCES)
    rng = np.random.default_rng(checks.whole("seed", seed, low=0))
    student = Subject(subject, source)
    x = rng.normal(size=(STEPS, student.sizes[0]))
    weights = _find_weights(student, x, rng)
    start = student.copy()
    for weight in weights:
        weight.write(start, weights[weight])
    student.fresh = start

    passed = student.forward(student.copy(), x)
    precision = SINGLE if passed.single else DOUBLE
    y, loss = _targets(passed, student.source, rng)
    numeric = {weight: _differences(student, weight, x, y, loss, precision.difference) for weight in weights}
    weights = {weight: value for weight, value in weights.items() if numeric[weight].any()}
    if not weights:
        raise StudentError(f"{student.cls.__name__}: forward's outputs depend on no NumPy array among its attributes")
    found = _read(student, list(weights), x, y, precision.rate)

    scale, meaning = _scale(found, numeric, loss, precision.tolerance)
    numeric = {weight: scale * numeric[weight] for weight in weights}
    rows = tuple(_compare(weight, found[weight], numeric[weight], precision.tolerance) for weight in weights)
    case = _exercise(weights, x, passed, scale, y, student)
    said = _explain(rows, found, numeric, case, precision.tolerance, (STEPS, student.sizes[2]))
    owner = student.copy()
    student.forward(owner, x)
    if mistakes.distance(student.forward(owner, x).y, passed.y) > 1e-6:
        said.insert(
            0, "the state is not set back to zeros: a second forward pass of the same input gives other outputs"
        )
    again = _read(student, list(weights), x, y, precision.large_rate)
    if any(mistakes.distance(again[w], found[w]) > 10 * precision.tolerance for w in weights if found[w].any()):
        said.append(
            "weights are updated before they were used: the gradient changes with the learning rate; compute every "
            "gradient with the old weights, then update"
        )
    notes = [*sorted(student.said), *_notes(student, list(weights), x, passed, y, found, precision)]
    subject_name = student.cls.__name__
    return StudentReport(subject_name, student.source, meaning, rows, tuple(said), tuple(notes))


def _find_weights(student: Subject, x: np.ndarray, rng: np.random.Generator) -> dict[Weight, np.ndarray]:
    """Arrays that a forward pass leaves alone, each with a random value of useful size: neither states nor caches."""
    owner = student.copy()
    before = {weight: weight.read(owner) for weight in student.weights()}
    student.forward(owner, x)
    found: dict[Weight, np.ndarray] = {}
    for weight, value in before.items():
        try:
            kept = np.array_equal(weight.read(owner), value, equal_nan=True)
        except (AttributeError, KeyError, IndexError):
            kept = False
        if kept:
            found[weight] = 0.5 * rng.normal(size=value.shape)
    return found


def _targets(passed: Passed, source: Source, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Targets near the outputs, so that gradients are small and no clipping bites; and the loss's name."""
    noise = rng.normal(size=passed.y.shape)
    rows = np.abs(passed.y.sum(axis=1) - 1) < 1e-6
    if source != "C" and rows.all() and (passed.y > 0).all() and passed.y.shape[1] > 1:
        y = passed.y * np.exp(0.02 * noise)
        return y / y.sum(axis=1, keepdims=True), "cross-entropy of the softmax outputs"
    return (
        passed.y + 0.01 * noise,
        "mean over the steps of the squared error" if source == "C" else "half the sum of squares",
    )


def _loss(y_hat: np.ndarray, y: np.ndarray, loss: str) -> float:
    if loss.startswith("cross"):
        return -float((y * np.log(y_hat)).sum())
    square = float(((y_hat - y) ** 2).sum())
    return square / len(y) if loss.startswith("mean") else square / 2


def _differences(student: Subject, weight: Weight, x: np.ndarray, y: np.ndarray, loss: str, size: float) -> np.ndarray:
    value = weight.read(student.fresh)
    result = np.zeros(value.shape)
    for entry in np.ndindex(value.shape):
        sides: list[float] = []
        for sign in (1, -1):
            owner, moved = student.copy(), value.copy()
            moved[entry] += sign * size
            weight.write(owner, moved)
            sides.append(_loss(student.forward(owner, x).y, y, loss))
        result[entry] = (sides[0] - sides[1]) / (2 * size)
    return result


def _read(
    student: Subject, weights: Sequence[Weight], x: np.ndarray, y: np.ndarray, rate: float
) -> dict[Weight, np.ndarray]:
    """The student's gradient: what one update takes away from each weight, over the rate."""
    owner = student.copy()
    student.step(owner, x, y, rate)
    changes: dict[Weight, np.ndarray] = {}
    for weight in weights:
        before, after = weight.read(student.fresh), weight.read(owner)
        if after.shape != before.shape:
            raise StudentError(
                f"{student.cls.__name__}: backward turned {weight.name} of shape {before.shape} into {after.shape}"
            )
        changes[weight] = (before - after.astype(float)) / rate
    return changes


def _scale(
    found: dict[Weight, np.ndarray], numeric: dict[Weight, np.ndarray], loss: str, tolerance: float
) -> tuple[float, str]:
    """Source C takes 2/T (y_hat - y) by its text and y_hat - y by its program: which of them this is, by its fit."""
    if not loss.startswith("mean"):
        return 1.0, loss
    other = STEPS / 2
    best = max((_share(found, numeric, s, tolerance), s) for s in (1.0, other))[1]
    return best, f"{loss}; the gradient {'of the text, 2/T (y_hat - y)' if best == 1 else 'of the program, y_hat - y'}"


def _share(found: dict[Weight, np.ndarray], numeric: dict[Weight, np.ndarray], scale: float, tolerance: float) -> int:
    return sum(mistakes.distance(found[weight], scale * numeric[weight]) <= tolerance for weight in found)


def _compare(weight: Weight, found: np.ndarray, numeric: np.ndarray, tolerance: float) -> WeightCheck:
    apart = np.where(np.isfinite(found), np.abs(found - numeric), np.inf)
    entry = tuple(int(i) for i in np.unravel_index(int(np.argmax(apart)), apart.shape))
    error = float(apart[entry]) / float(np.abs(numeric).max())
    passed = error <= tolerance
    return WeightCheck(weight.name, found.shape, error, entry, float(found[entry]), float(numeric[entry]), passed)


class _Case(NamedTuple):
    """The exercise in its common form, and for each weight its role and whether it is stored transposed."""

    exercise: mistakes.Exercise
    roles: dict[Weight, tuple[str, bool]]


def _exercise(
    weights: dict[Weight, np.ndarray], x: np.ndarray, passed: Passed, scale: float, y: np.ndarray, student: Subject
) -> _Case | None:
    """The common form, where the student's forward pass is that of the exercise; None where it is another network."""
    width, hidden, outputs = student.sizes
    shapes = {"W_xh": (hidden, width), "W_hh": (hidden, hidden), "W_hy": (outputs, hidden)}
    sizes = {hidden: "b_h", outputs: "b_y"}
    roles: dict[Weight, tuple[str, bool]] = {}
    for weight, value in weights.items():
        matrix = next((k for k, s in shapes.items() if value.shape in (s, s[::-1])), None)
        role = sizes.get(value.size) if max(value.shape, default=0) == value.size else matrix
        if role is None or role in {known for known, _ in roles.values()}:
            return None
        roles[weight] = role, role in shapes and value.shape != shapes[role]
    common = {"b_h": np.zeros(hidden), "b_y": np.zeros(outputs)}
    common |= {role: _common(weights[weight], role, turned) for weight, (role, turned) in roles.items()}
    if set(common) != set(ROLES):
        return None
    square = next(weight for weight, (role, _) in roles.items() if role == "W_hh")
    dy = (passed.y - y) * (2 / STEPS if student.source == "C" else 1) * scale
    for activation in mistakes.ACTIVATIONS:
        for turned in (False, True):
            trial = {**common, "W_hh": common["W_hh"].T} if turned else common
            raw = mistakes.states(trial, x, activation) @ trial["W_hy"].T + trial["b_y"]
            soft = np.exp(raw - raw.max(axis=1, keepdims=True))
            for out in (raw, soft / soft.sum(axis=1, keepdims=True)):
                if mistakes.distance(passed.y, out) < (1e-4 if passed.single else 1e-9):
                    roles[square] = "W_hh", turned
                    return _Case(mistakes.Exercise(trial, x, dy, activation), roles)
    return None


def _common(value: np.ndarray, role: str, turned: bool) -> np.ndarray:
    return value.ravel() if role.startswith("b") else value.T if turned else value


def _explain(
    rows: Sequence[WeightCheck],
    found: dict[Weight, np.ndarray],
    numeric: dict[Weight, np.ndarray],
    case: _Case | None,
    tolerance: float,
    sizes: tuple[int, int],
) -> list[str]:
    """The mistakes behind the wrong rows, named where they are known."""
    wrong = [weight for weight, row in zip(found, rows, strict=True) if not row.passed]
    still = [weight for weight in found if not found[weight].any()]
    moved = {weight: found[weight] for weight in found if weight not in still}
    if not moved:
        return ["backward changes no weight: expected weight -= learning_rate * gradient"]
    if any(not np.isfinite(value).all() for value in moved.values()):
        return ["the gradient is not finite"]
    if case is not None and still:  # some mistakes leave a weight without gradient
        texts = mistakes.joint(
            {case.roles[w][0]: _common(g, *case.roles[w]) for w, g in found.items()}, case.exercise, tolerance
        )
        if texts:
            return texts
    said = [f"{weight.name} is never updated: its gradient is missing" for weight in still]
    if not set(wrong) - set(still):
        return said
    factor = _common_factor(moved, numeric, tolerance)
    if factor is not None:
        return [*said, mistakes.factor_name(factor, *sizes, tolerance)]
    lost = [weight.name for weight in wrong if weight not in still]
    if case is not None:
        names = {case.roles[weight][0]: weight.name for weight in moved}
        gradients = {case.roles[w][0]: _common(g, *case.roles[w]) for w, g in moved.items()}
        texts, unknown = mistakes.search(gradients, case.exercise, tolerance)
        said += [_renamed(text, names) for text in texts]
        lost = [names[role] for role in unknown]
    if lost:
        said.append(f"the gradient of {', '.join(lost)} is wrong, in no way that this check knows by name")
    return said


def _common_factor(
    found: dict[Weight, np.ndarray], numeric: dict[Weight, np.ndarray], tolerance: float
) -> float | None:
    a = np.concatenate([found[weight].ravel() for weight in found])
    b = np.concatenate([numeric[weight].ravel() for weight in found])
    factor = float(a @ b / (b @ b))
    fits = all(mistakes.distance(found[weight], factor * numeric[weight]) <= tolerance for weight in found)
    return factor if fits else None


def _renamed(text: str, names: dict[str, str]) -> str:
    """A sentence about `W_xh, b_h: ...` with the student's own names in front."""
    head, colon, rest = text.partition(": ")
    roles = head.split(", ")
    return ", ".join(names[role] for role in roles) + colon + rest if set(roles) <= set(names) else text


def _notes(
    student: Subject,
    weights: list[Weight],
    x: np.ndarray,
    passed: Passed,
    y: np.ndarray,
    found: dict[Weight, np.ndarray],
    precision: _Precision,
) -> list[str]:
    notes = ["computes in float32: compared with wider tolerances"] if passed.single else []
    # errors LARGE times as large give gradients LARGE times as large, unless the program clips them
    large = _read(student, weights, x, passed.y + LARGE * (y - passed.y), precision.rate)
    return notes + clipping(large, {w: LARGE * found[w] for w in weights}, 100 * precision.tolerance)
