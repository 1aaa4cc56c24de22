"""The record that every generator of a synthetic task returns, and the check of its arguments."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.core import checks

__all__ = ["Task", "begin"]


class Task(NamedTuple):
    """Sequences with their targets, in the form that `Network.loss` and `Trainer.fit` take.

    x           float32 (n, T, D), or int64 (n, T) for a network that begins with an `Embedding`
    y           float32 (n, T, O) or (n, O); int64 classes (n, T) or (n,)
    weight      float32 (n, T), 0 at steps where nothing is asked (`sample_weight`); None: every step counts
    loss        the loss it is trained and scored with, a name of `elman.losses`
    memoryless  the expectation of that loss for the best answer without memory, which knows only the number of the
                step: at each step the same answer for all sequences
    condition   (n,) what distinguishes the trials of a cognitive task; None elsewhere
    """

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    loss: str
    memoryless: float
    condition: np.ndarray | None = None


def begin(n: int, T: int, seed: int, least: int) -> np.random.Generator:
    """Checks (n, T, seed), and returns the generator of random numbers of this seed."""
    checks.whole("n", n, low=1)
    checks.whole("T", T, low=least)
    return np.random.default_rng(checks.whole("seed", seed, low=0))
