"""Finds the mistakes behind the gradients that were measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from elman.student import mistakes
from elman.student.measure import LARGE, Arrays, Measured, gradient
from elman.student.subject import Weight

__all__ = ["clipping", "explain", "rate_matters"]

MATRICES = ("W_xh", "W_hh", "W_hy")


class Role(NamedTuple):
    """Which weight of the exercise an array is, and whether it is stored transposed."""

    name: str  # "W_xh", "W_hh", "W_hy", "b_h" or "b_y"
    transposed: bool

    def common(self, value: np.ndarray) -> np.ndarray:
        """The student's array in the exercise's common form."""
        return value.ravel() if self.name not in MATRICES else value.T if self.transposed else value


class Case(NamedTuple):
    """The student's network in the exercise's common form."""

    exercise: mistakes.Exercise
    roles: dict[Weight, Role]

    def by_role(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Returns the arrays in the common form, by the names of their roles."""
        return {self.roles[weight].name: self.roles[weight].common(value) for weight, value in arrays.items()}


def explain(measured: Measured, wrong: Iterable[Weight]) -> list[str]:
    """Returns one text for each mistake behind the gradients of the `wrong` weights."""
    found, numeric, tolerance = measured.found, measured.numeric, measured.precision.tolerance
    still = [weight for weight in found if not found[weight].any()]
    moved = {weight: value for weight, value in found.items() if weight not in still}
    if not moved:
        return ["backward changes no weight: expected weight -= learning_rate * gradient"]
    if any(not np.isfinite(value).all() for value in moved.values()):
        return ["the gradient is not finite"]
    case = _exercise(measured)
    if case is not None and still:  # some mistakes leave a weight without a gradient
        texts = mistakes.joint(case.by_role(found), case.exercise, tolerance)
        if texts:
            return texts
    said = [f"{weight.name} is never updated: its gradient is missing" for weight in still]
    lost = [weight for weight in wrong if weight not in still]
    if not lost:
        return said
    multiple = mistakes.explains(
        {w.name: numeric[w] for w in moved}, {w.name: moved[w] for w in moved}, measured.y.shape, tolerance
    )
    if multiple:
        return said + multiple
    unknown = [weight.name for weight in lost]
    if case is not None:
        names = {case.roles[weight].name: weight.name for weight in moved}
        explained, unexplained = mistakes.search(case.by_role(moved), case.exercise, tolerance)
        for text, shown in explained.items():
            said.append(f"{', '.join(names[role] for role in shown)}: {text}" if shown else text)
        unknown = [names[role] for role in unexplained]
    if unknown:
        said.append(f"the gradient of {', '.join(unknown)} is wrong, in no way that this check knows by name")
    return said


def _exercise(measured: Measured) -> Case | None:
    """Returns the student's network in the common form; None where its forward pass is not the exercise's."""
    roles = _roles(measured)
    if roles is None:
        return None
    _, hidden, outputs = measured.student.sizes
    weights = {"b_h": np.zeros(hidden), "b_y": np.zeros(outputs)}
    weights |= {role.name: role.common(measured.weights[weight]) for weight, role in roles.items()}
    dy = (measured.passed.y - measured.y) * (2 / len(measured.y) if measured.student.source == "C" else 1)
    square = next(weight for weight, role in roles.items() if role.name == "W_hh")
    for activation in mistakes.ACTIVATIONS:
        for transposed in (False, True):  # the shape of a square matrix does not show whether it is transposed
            trial = {**weights, "W_hh": weights["W_hh"].T} if transposed else weights
            raw = mistakes.states(trial, measured.x, activation) @ trial["W_hy"].T + trial["b_y"]
            soft = np.exp(raw - raw.max(axis=1, keepdims=True))
            for out in (raw, soft / soft.sum(axis=1, keepdims=True)):
                if mistakes.distance(measured.passed.y, out) < (1e-4 if measured.passed.single else 1e-9):
                    roles[square] = Role("W_hh", transposed)
                    return Case(mistakes.Exercise(trial, measured.x, measured.scale * dy, activation), roles)
    return None


def _roles(measured: Measured) -> dict[Weight, Role] | None:
    """Returns each weight's role in the exercise, by its shape; None where shapes do not decide."""
    width, hidden, outputs = measured.student.sizes
    shapes = {"W_xh": (hidden, width), "W_hh": (hidden, hidden), "W_hy": (outputs, hidden)}
    vectors = {hidden: "b_h", outputs: "b_y"}
    roles: dict[Weight, Role] = {}
    for weight, value in measured.weights.items():
        matrix = next((name for name, shape in shapes.items() if value.shape in (shape, shape[::-1])), None)
        name = vectors.get(value.size) if max(value.shape, default=0) == value.size else matrix
        if name is None or name in {role.name for role in roles.values()}:
            return None
        roles[weight] = Role(name, name in shapes and value.shape != shapes[name])
    return roles if {role.name for role in roles.values()} >= set(MATRICES) else None


def rate_matters(measured: Measured) -> bool:
    """Returns whether a large learning rate gives another gradient: weights were then changed before their use."""
    again = gradient(measured.student, measured.weights, measured.x, measured.y, measured.precision.large_rate)
    gaps = (mistakes.distance(again[w], value) for w, value in measured.found.items() if value.any())
    return any(gap > 10 * measured.precision.tolerance for gap in gaps)


def clipping(measured: Measured) -> str | None:
    """Returns how the program clips gradients, from errors that are LARGE times as large; None where it does not."""
    y = measured.passed.y + LARGE * (measured.y - measured.passed.y)
    large = gradient(measured.student, measured.weights, measured.x, y, measured.precision.rate)
    expected = {weight: LARGE * value for weight, value in measured.found.items()}
    if _near(large, expected, 100 * measured.precision.tolerance):
        return None
    highest = max(float(np.abs(value).max()) for value in large.values())
    if _near(large, {w: np.clip(value, -highest, highest) for w, value in expected.items()}, 1e-3):
        return f"large gradients are clipped to [-{highest:.3g}, {highest:.3g}]"
    norms = {w: (float(np.linalg.norm(large[w])), float(np.linalg.norm(expected[w]))) for w in large}
    short, whole = (float(np.linalg.norm(side)) for side in zip(*norms.values(), strict=True))
    if _near(large, {w: value * (short / whole) for w, value in expected.items()}, 1e-3):
        return f"large gradients are clipped to the norm {short:.3g}, all weights together"
    if _near(large, {w: value * (norms[w][0] / max(norms[w][1], 1e-300)) for w, value in expected.items()}, 1e-3):
        return f"large gradients are clipped to the norm {max(a for a, _ in norms.values()):.3g}, each weight alone"
    return "gradients do not grow in proportion to large errors: something limits them"


def _near(a: Arrays, b: Arrays, tolerance: float) -> bool:
    """Returns whether each array of a is as near to that of b."""
    return all(mistakes.distance(a[weight], b[weight]) < tolerance for weight in a)
