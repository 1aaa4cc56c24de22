"""Sounds for tests: words of letters, each two tones at once, with noise between them."""

from __future__ import annotations

import numpy as np

RATE = 8000
LETTERS = {"a": (700.0, 1200.0), "b": (400.0, 2000.0), "c": (900.0, 1700.0)}


def spoken(word: str, seed: int = 0) -> np.ndarray:
    """Returns a word as samples (N,), float64."""
    rng = np.random.default_rng([seed, *map(ord, word)])
    parts = [0.01 * rng.normal(size=500)]
    for letter in word:
        seconds = np.arange(int(rng.integers(900, 1400))) / RATE
        parts.append(sum(0.2 * np.sin(2 * np.pi * each * seconds) for each in LETTERS[letter]))
        parts.append(0.01 * rng.normal(size=int(rng.integers(300, 700))))
    sound = np.concatenate(parts)
    return sound + 0.005 * rng.normal(size=len(sound))


def words(n: int = 40, seed: int = 0) -> tuple[list[np.ndarray], list[str]]:
    """Returns n sounds and the 1 to 3 letters that each says."""
    rng = np.random.default_rng(seed)
    labels = ["".join(rng.choice([*LETTERS], rng.integers(1, 4))) for _ in range(n)]
    return [spoken(label, i) for i, label in enumerate(labels)], labels
