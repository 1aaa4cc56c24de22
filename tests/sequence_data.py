"""Small sequences with an answer that networks learn at once, for the tests of their estimators."""

from __future__ import annotations

from typing import Any

import numpy as np

SMALL: dict[str, Any] = {"hidden_size": 4, "members": 1, "epochs": 3}


def ragged(n: int = 24, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """n sequences of 2 columns and 2 to 6 steps, and whether the first column's mean is above 0: "up" or "down"."""
    rng = np.random.default_rng(seed)
    signs = np.where(np.arange(n) % 2, 1.0, -1.0)
    rows = [rng.normal(size=(int(steps), 2)) for steps in rng.integers(2, 7, n)]
    for row, sign in zip(rows, signs, strict=True):
        row[:, 0] = sign * (1.0 + np.abs(row[:, 0]))
    return rows, np.where(signs > 0, "up", "down")


def tags(rows: list[np.ndarray]) -> list[np.ndarray]:
    """The sign of the second column at each step: "high" or "low"."""
    return [np.where(row[:, 1] > 0, "high", "low") for row in rows]


def sentences() -> tuple[list[list[str]], list[str]]:
    """Twelve sequences of words, and whether "good" is among them."""
    words = ["a", "the", "film", "plot", "was", "is"]
    rows = [[words[(i + j) % 6] for j in range(2 + i % 4)] + [["good", "bad"][i % 2]] for i in range(12)]
    return rows, ["praise" if "good" in row else "blame" for row in rows]
