"""The losses that programs train with, and their derivatives by the outputs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.student.calls.backward import Backward
from elman.student.calls.data import Data, Observed

__all__ = [
    "CLASSES",
    "SQUARES",
    "SWITCHES",
    "Base",
    "bases",
    "factors",
    "is_probability",
    "standard",
    "targets",
    "value",
]

SQUARES, CLASSES, SWITCHES = "half the sum of squares", "cross-entropy", "binary cross-entropy"


class Base(NamedTuple):
    """A loss up to a factor: its name and its derivative by what the forward pass gives.

    slopes  "y", "h" or "c" -> dL/d of it, of its shape
    raw     dL/d(outputs before their softmax or sigmoid), where the loss knows them
    """

    name: str
    slopes: dict[str, np.ndarray]
    raw: np.ndarray | None = None


def is_probability(y: np.ndarray) -> bool:
    """Returns whether outputs (T, B, O) are probabilities of classes."""
    return y.shape[2] > 1 and bool((y > 0).all()) and bool(np.abs(y.sum(axis=2) - 1).max() < 1e-5)


def targets(seen: Observed, data: Data, *, ids: bool) -> np.ndarray | None:
    """Returns targets (T, B, O) or (1, B, O): near the outputs, so that gradients are small and are not clipped, or
    classes, one-hot."""
    y = seen.y if seen.y is not None else seen.h
    if y is None:
        return None
    if ids:
        return np.eye(y.shape[2])[data.labels[-len(y) :] % y.shape[2]]
    noise = data.noise[-len(y) :] if seen.y is not None else data.dh[-len(y) :]
    if is_probability(y):
        near = y * np.exp(0.02 * noise)
        return near / near.sum(axis=2, keepdims=True)
    if ((y > 0) & (y < 1)).all():
        return y + 0.01 * noise * y * (1 - y)
    return y + 0.01 * noise


def bases(seen: Observed, data: Data, backward: Backward, target: np.ndarray | None) -> list[Base]:
    """Returns the losses that a backward pass may differentiate."""
    if seen.loss is not None:
        return [Base("the loss that the program returns", {"loss": np.ones((1, 1, 1))})]
    if backward.upstream:
        slopes: dict[str, np.ndarray] = {}
        for role, part, direction in (("dy", "y", data.dy), ("dh", "h", data.dh), ("dc", "c", data.dc)):
            values = getattr(seen, part)
            if role in backward.takes and values is not None:
                slopes[part] = direction[-len(values) :]
        return [Base("what is given as the gradient of the outputs", slopes)]
    if target is None:
        return []
    if seen.y is None:
        assert seen.h is not None
        return [Base(SQUARES, {"h": seen.h - target})]
    y, found = seen.y, []
    ids = "ids" in backward.target
    if is_probability(y):
        found.append(Base(CLASSES, {"y": -target / y}, y - target))
    elif y.shape[2] > 1:
        e = np.exp(y - y.max(axis=2, keepdims=True))
        soft = Base(CLASSES, {"y": e / e.sum(axis=2, keepdims=True) - target})
        if ids:
            found.append(soft)
    if ((y > 0) & (y < 1)).all() and not (is_probability(y) and ids):
        found.append(Base(SWITCHES, {"y": (y - target) / (y * (1 - y))}, y - target))
    found.append(Base(SQUARES, {"y": y - target}))
    return found


def value(base: str, y: np.ndarray, target: np.ndarray) -> float:
    """Returns a loss by its name, without a factor."""
    if base == SQUARES:
        return float(((y - target) ** 2).sum()) / 2
    with np.errstate(all="ignore"):
        if base == SWITCHES:
            return -float((target * np.log(y) + (1 - target) * np.log(1 - y)).sum())
        if is_probability(y):
            return -float((target * np.log(y)).sum())
        top = y.max(axis=2, keepdims=True)
        return -float((target * (y - top - np.log(np.exp(y - top).sum(axis=2, keepdims=True)))).sum())


def standard(y: np.ndarray, target: np.ndarray, loss: float) -> tuple[str, float] | None:
    """Returns the name and the factor of the standard loss that has this value for outputs and targets; None for
    none."""
    steps, rows, outputs = y.shape
    names = [CLASSES, SQUARES] if y.shape[2] > 1 else [SQUARES]
    if ((y > 0) & (y < 1)).all():
        names.append(SWITCHES)
    for name in names:
        whole = value(name, y, target)
        for factor in factors(steps, rows, outputs):
            if np.isfinite(whole) and abs(loss - factor * whole) <= 1e-7 * abs(factor * whole) + 1e-15:
                return name, factor
    return None


def factors(steps: int, rows: int, outputs: int) -> list[float]:
    """Returns the factors of a sum's usual forms: sums and means over steps, rows and outputs, with the half or not."""
    means = [
        1 / n for n in (1, steps, rows, outputs, steps * rows, steps * outputs, rows * outputs, steps * rows * outputs)
    ]
    return list(dict.fromkeys([*means, *(2 * mean for mean in means)]))
