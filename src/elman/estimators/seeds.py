"""Random seeds: every use of randomness has its own child of the user's seed, so no two uses share random numbers.

Child k is the same `numpy.random.SeedSequence` as `SeedSequence(seed).spawn(k + 1)[k]`. Children of different seeds are
independent as well, so two ensembles with different seeds share no random numbers.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["Use", "child", "number"]


class Use(IntEnum):
    """The uses of an estimator's seed; each value is the number of a child."""

    MEMBERS = 0  # the networks of the ensemble
    TRIALS = 1  # the networks that are trained only to choose between configurations
    UPDATE = 2  # further training after new rows
    PATHS = 3  # the noise of sample paths


def child(seed: int | np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """Returns the child of a seed, or of another child, with the spawn key `key`; equal keys give equal children."""
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, *key))


def number(seed: np.random.SeedSequence) -> int:
    """Returns a whole number in [0, 2**64) made from a seed, for functions that expect a number as their seed."""
    return int(seed.generate_state(1, np.uint64)[0])
