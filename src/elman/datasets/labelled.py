"""Generated tables of sequences with labels, in long form: a row is a step. The order of the steps decides each label,
so that statistics of a sequence do not tell it.

    gestures   where a pen is, and the figure that it draws (a class)
    pendulum   the angle of a pendulum, and its length (a value)
    travel     words of requests for a journey, and what each word names (a tag)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from elman.core import checks

__all__ = ["LabelledTable", "gestures", "pendulum", "travel"]

GESTURES = ("clockwise", "anticlockwise", "up and down", "figure eight")
CITIES = ("paris", "rome", "oslo", "madrid", "vienna", "lisbon", "prague", "dublin", "athens", "warsaw")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
GRAVITY = 9.81


class LabelledTable(NamedTuple):
    """A table with the names of its columns, the rows, and what it is about in a sentence."""

    names: tuple[str, ...]
    rows: list[tuple[object, ...]]
    about: str


def gestures(n: int = 240, seed: int = 0) -> LabelledTable:
    """Draws n figures of a pen, each in 30 to 50 steps: columns id, step, x, y, label. Circles in both directions, with
    a start anywhere, have the same statistics."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    for i in range(checks.whole("n", n, low=1)):
        label, steps = GESTURES[i % len(GESTURES)], int(rng.integers(30, 51))
        angle = rng.uniform(0, 2 * math.pi) + np.linspace(0, rng.uniform(1.0, 1.6) * 2 * math.pi, steps)
        size = rng.uniform(0.7, 1.3)
        x, y = np.cos(angle), np.sin(angle)
        if label == "clockwise":
            y = -y
        elif label == "up and down":
            x = 0.2 * x
        elif label == "figure eight":
            y = np.sin(2 * angle)
        points = size * np.stack([x, y], 1) + rng.normal(0, 0.3, (steps, 2)) + rng.normal(0, 0.3, 2)
        rows += [(f"g{i + 1}", t, round(float(a), 3), round(float(b), 3), label) for t, (a, b) in enumerate(points)]
    return LabelledTable(("id", "step", "x", "y", "label"), rows, "which figure a pen draws")


def pendulum(n: int = 300, seed: int = 0) -> LabelledTable:
    """Draws the angle of n pendulums for 6 to 8 seconds, 10 times a second, with noise: columns id, time, angle,
    length. A length of L metres swings in 2 pi sqrt(L / 9.81) seconds."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    for i in range(checks.whole("n", n, low=1)):
        length, steps = float(rng.uniform(0.2, 2.0)), int(rng.integers(60, 81))
        time = np.arange(steps) / 10
        swing = np.cos(math.sqrt(GRAVITY / length) * time + rng.uniform(0, 2 * math.pi))
        angle = rng.uniform(5, 15) * np.exp(-rng.uniform(0.02, 0.1) * time) * swing + rng.normal(0, 1.0, steps)
        rows += [
            (f"p{i + 1}", round(float(t), 1), round(float(a), 2), round(length, 3))
            for t, a in zip(time, angle, strict=True)
        ]
    return LabelledTable(("id", "time", "angle", "length"), rows, "how long a pendulum is, in metres")


def travel(n: int = 300, seed: int = 0) -> LabelledTable:
    """Draws n requests for a journey: columns id, word, tag. The same city is where a journey begins in one and ends in
    another, which the words around it tell."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    for i in range(checks.whole("n", n, low=1)):
        a, b = rng.choice(CITIES, 2, replace=False).tolist()
        parts: list[list[tuple[str, str]]] = [
            [("from", "-"), (a, "origin")],
            [("to", "-"), (b, "destination")],
            [("on", "-"), (str(rng.choice(DAYS)), "day")],
        ]
        if rng.random() < 0.3:  # the same thing said otherwise
            parts[0] = [("leaving", "-"), (a, "origin")]
        if rng.random() < 0.3:
            parts[1] = [("reach", "-"), (b, "destination")]
        kept = [parts[k] for k in rng.permutation(3 if rng.random() < 0.7 else 2)]
        if rng.random() < 0.25:  # a stop is neither
            stop = str(rng.choice([city for city in CITIES if city not in (a, b)]))
            kept.append([("via", "-"), (stop, "stop")])
        opening = str(rng.choice(["a ticket", "i want to go", "please book", "one seat", "show me trains"])).split()
        words = [*((word, "-") for word in opening), *(pair for part in kept for pair in part)]
        rows += [(f"r{i + 1}", word, tag) for word, tag in words]
    return LabelledTable(("id", "word", "tag"), rows, "what each word of a request for a journey names")
