"""The data of the check: inputs, states and targets, as arrays (T, B, K), and the words for what arguments may be."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from elman.student.calls import forms
from elman.student.program.sizes import ROWS, STEPS, Sizes

__all__ = ["Data", "Observed", "draw", "items", "mirrored", "opened"]


class Data(NamedTuple):
    """Inputs x (T, B, D), one-hot where classes are given; states h0, c0 (1, B, H); arbitrary directions in which
    outputs and states are differentiated where a program takes the gradient of its output."""

    x: np.ndarray
    h0: np.ndarray
    c0: np.ndarray
    dy: np.ndarray  # (T, B, O)
    dh: np.ndarray  # (T, B, H)
    dc: np.ndarray  # (1, B, H)
    labels: np.ndarray  # (T, B), classes
    noise: np.ndarray  # (T, B, O)


class Observed(NamedTuple):
    """What a forward pass gave."""

    y: np.ndarray | None  # (T, B, O), or (1, B, O) of the last step
    h: np.ndarray | None  # (T, B, H), or (1, B, H)
    c: np.ndarray | None
    loss: float | None
    places: dict[str, Any]  # "y", "h", "c" -> that part as it came
    parts: list[tuple[str, Any]]  # all that was returned, with its names
    whole: Any
    single: bool  # computed in float32


def draw(axes: str, sizes: Sizes, rng: np.random.Generator, *, ids: bool) -> Data:
    """Draws data for inputs of a form."""
    steps = STEPS if forms.steps(axes) else 1
    rows = ROWS if forms.batched(axes) and axes not in forms.WINDOWS else 1
    x = rng.normal(size=(steps, rows, sizes.inputs))
    if ids and sizes.inputs > 1:
        x = np.eye(sizes.inputs)[rng.integers(0, sizes.inputs, (steps, rows))]

    def near(*shape: int, scale: float = 1.0) -> np.ndarray:
        return scale * rng.normal(size=shape)

    return Data(
        x,
        near(1, rows, sizes.hidden, scale=0.5),
        near(1, rows, sizes.hidden, scale=0.5),
        near(steps, rows, sizes.outputs, scale=0.1),
        near(steps, rows, sizes.hidden, scale=0.1),
        near(1, rows, sizes.hidden, scale=0.1),
        rng.integers(0, max(sizes.outputs, 1), (steps, rows)),
        near(steps, rows, sizes.outputs),
    )


def items(value: Any, names: list[str]) -> list[tuple[str, Any]]:
    """Returns what a function gave as a list with names: the elements of a tuple, or the one value."""
    several = isinstance(value, list) and len(names) == len(value) > 1 and forms.plain(value) is None
    if isinstance(value, tuple) or several:
        return list(zip(names if len(names) == len(value) else [""] * len(value), value, strict=True))
    return [] if value is None else [(names[0] if len(names) == 1 else "", value)]


def opened(parts: list[tuple[str, Any]], *, tuples: bool = False) -> list[tuple[str, Any]]:
    """Returns parts with dictionaries by word, and perhaps tuples, replaced by what is in them."""
    found: list[tuple[str, Any]] = []
    for name, part in parts:
        if isinstance(part, dict) and part and all(isinstance(key, str) for key in part):
            found += opened(list(part.items()), tuples=tuples)
        elif tuples and isinstance(part, tuple):
            found += opened([(name, item) for item in part], tuples=True)
        else:
            found.append((name, part))
    return found


def mirrored(raw: Any, core: np.ndarray, axes: str) -> Any:
    """Returns data (T, B, K) in the structure of outputs that came in a form."""
    flat = axes.replace("|", "")
    if flat.startswith("T") and isinstance(raw, list | tuple | dict):
        return forms.give("T|" + flat[1:], core)
    return forms.give(flat, core)
