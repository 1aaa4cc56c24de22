"""Random seeds: every use of randomness gets a child of the user's seed, so that no two uses share a stream.

A child is what `numpy.random.SeedSequence(seed).spawn` gives, reached by its number alone. Children of different seeds
are independent too: the members of two ensembles have nothing in common unless their seeds are equal.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["Use", "child", "number"]


class Use(IntEnum):
    """What a child of an estimator's seed is for."""

    MEMBERS = 0  # the networks of the ensemble
    TRIALS = 1  # those that are trained to choose between configurations, and then dropped
    UPDATE = 2  # training on, after new rows
    PATHS = 3  # the noise of sample paths


def child(seed: int | np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """The child of a seed, or of another child, with these numbers; the same numbers give the same child."""
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, *key))


def number(seed: np.random.SeedSequence) -> int:
    """A seed as one whole number in [0, 2**64), for functions that take such a one."""
    return int(seed.generate_state(1, np.uint64)[0])
