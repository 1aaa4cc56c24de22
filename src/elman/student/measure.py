"""Measures a student's program: its weights, the gradient of its update, finite differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from elman.student.load import StudentError
from elman.student.subject import Passed, Source, Subject, Weight

__all__ = ["LARGE", "Measured", "gradient", "measure", "resets_its_state"]

STEPS = 5
LARGE = 1e4  # the factor of the errors with which clipping is looked for

Arrays = dict[Weight, np.ndarray]


class Precision(NamedTuple):
    """Steps and tolerances for a program that computes in float64, or in float32."""

    difference: float
    rate: float
    large_rate: float
    tolerance: float


DOUBLE = Precision(1e-5, 1e-6, 0.1, 1e-5)
SINGLE = Precision(3e-3, 0.05, 1.0, 1e-2)


class Measured(NamedTuple):
    """A student's program with weights and data, its gradient and the numeric one, by weight."""

    student: Subject
    x: np.ndarray  # (T, D)
    y: np.ndarray  # (T, O)
    passed: Passed
    loss: str
    scale: float  # of `numeric` over the finite differences of the loss, see `_scale`
    precision: Precision
    weights: Arrays
    found: Arrays
    numeric: Arrays


def measure(student: Subject, rng: np.random.Generator) -> Measured:
    """Sets the student's weights to random values, and returns both gradients with all that they were measured on."""
    x = rng.normal(size=(STEPS, student.sizes[0]))
    start, weights = student.copy(), _weights(student, x, rng)
    for weight, value in weights.items():
        weight.write(start, value)
    student.fresh = start
    passed = student.forward(student.copy(), x)
    precision = SINGLE if passed.single else DOUBLE
    y, loss = _targets(passed, student.source, rng)
    numeric = {weight: _differences(student, weight, x, y, loss, precision.difference) for weight in weights}
    weights = {weight: value for weight, value in weights.items() if numeric[weight].any()}
    if not weights:
        raise StudentError(f"{student.cls.__name__}: forward's outputs depend on no NumPy array among its attributes")
    found = gradient(student, weights, x, y, precision.rate)
    scale, loss = _scale(found, numeric, loss, precision.tolerance)
    numeric = {weight: scale * numeric[weight] for weight in weights}
    return Measured(student, x, y, passed, loss, scale, precision, weights, found, numeric)


def gradient(
    student: Subject, weights: Mapping[Weight, np.ndarray], x: np.ndarray, y: np.ndarray, rate: float
) -> Arrays:
    """Returns the student's gradient: what one update subtracts from each weight, divided by the rate."""
    owner = student.copy()
    student.step(owner, x, y, rate)
    changes: Arrays = {}
    for weight, before in weights.items():
        after = weight.read(owner)
        if after.shape != before.shape:
            raise StudentError(
                f"{student.cls.__name__}: backward turned {weight.name} of shape {before.shape} into {after.shape}"
            )
        changes[weight] = (before - after.astype(float)) / rate
    return changes


def resets_its_state(measured: Measured) -> bool:
    """Returns whether a second forward pass of the same object gives the outputs of the first."""
    owner = measured.student.copy()
    first = measured.student.forward(owner, measured.x).y
    return bool(np.allclose(measured.student.forward(owner, measured.x).y, first, rtol=1e-6, atol=1e-9))


def _weights(student: Subject, x: np.ndarray, rng: np.random.Generator) -> Arrays:
    """Returns the arrays that a forward pass does not change, so no states or caches, each with random values."""
    owner = student.copy()
    before = {weight: weight.read(owner) for weight in student.weights()}
    student.forward(owner, x)
    found: Arrays = {}
    for weight, value in before.items():
        try:
            kept = np.array_equal(weight.read(owner), value, equal_nan=True)
        except (AttributeError, KeyError, IndexError):
            kept = False
        if kept:
            found[weight] = 0.5 * rng.normal(size=value.shape)
    return found


def _targets(passed: Passed, source: Source, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Returns targets near the outputs, so that gradients are small and are not clipped; and the loss's name."""
    noise = rng.normal(size=passed.y.shape)
    sums = np.abs(passed.y.sum(axis=1) - 1) < 1e-6
    if source != "C" and sums.all() and (passed.y > 0).all() and passed.y.shape[1] > 1:
        y = passed.y * np.exp(0.02 * noise)
        return y / y.sum(axis=1, keepdims=True), "cross-entropy of the softmax outputs"
    loss = "mean over the steps of the squared error" if source == "C" else "half the sum of squares"
    return passed.y + 0.01 * noise, loss


def _loss(y_hat: np.ndarray, y: np.ndarray, loss: str) -> float:
    """Returns the exercise's loss, by its name."""
    if loss.startswith("cross"):
        return -float((y * np.log(y_hat)).sum())
    square = float(((y_hat - y) ** 2).sum())
    return square / len(y) if loss.startswith("mean") else square / 2


def _differences(student: Subject, weight: Weight, x: np.ndarray, y: np.ndarray, loss: str, size: float) -> np.ndarray:
    """Returns central differences of the loss by one weight, through the student's own forward pass."""
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


def _scale(found: Arrays, numeric: Arrays, loss: str, tolerance: float) -> tuple[float, str]:
    """Returns the factor of the numeric gradients, and the loss with what it means: source C's text takes
    2/T (y_hat - y), its program y_hat - y, and the one that fits more weights is chosen."""
    if not loss.startswith("mean"):
        return 1.0, loss

    def fits(scale: float) -> int:
        gaps = (np.abs(found[w] - scale * numeric[w]).max() / np.abs(scale * numeric[w]).max() for w in found)
        return sum(bool(gap <= tolerance) for gap in gaps)

    program = STEPS / 2
    if fits(1.0) > fits(program):
        return 1.0, f"{loss}; the gradient of the text, 2/T (y_hat - y)"
    return program, f"{loss}; the gradient of the program, y_hat - y"
