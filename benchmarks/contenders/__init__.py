"""One file a contender: `build` makes it ready, and what comes back is timed.

Every file has `build(case, thorough) -> Work` and `versions() -> dict`; `Refused` is raised for what a peer does not
offer. Each is called in the fastest way known; where several may win, all are tried on the spot (`fastest`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["NAMES", "Answer", "Refused", "Work", "fastest"]

NAMES = ("elman", "torch", "jax", "onnxruntime", "numpy")

Answer = dict[str, np.ndarray]


class Refused(Exception):
    """This contender does not do this case; the text says why."""


class Work(NamedTuple):
    """A case made ready by one contender."""

    way: str  # how the peer is called
    run: Callable[[int], int]  # does about so many repetitions; returns how many it did
    answer: (
        Answer  # "output" (B, T, 1), 0 past a row's length; in training the first batch's gradients by elman's names
    )


def fastest(ways: Sequence[Callable[[], Work]], thorough: bool, seconds: float = 0.03) -> Work:
    """The work whose repetition takes the least time, each warmed up and tried three times in turn.

    Not thorough: the first, which should be the likely winner.
    """
    if len(ways) == 1 or not thorough:
        return ways[0]()
    works = [way() for way in ways]
    counts, best = [], [float("inf")] * len(works)
    for work in works:
        work.run(1)
        began = time.perf_counter()
        done = work.run(1)
        counts.append(max(1, int(seconds * done / (time.perf_counter() - began))))
    for _ in range(3):
        for k, work in enumerate(works):
            began = time.perf_counter()
            done = work.run(counts[k])
            best[k] = min(best[k], (time.perf_counter() - began) / done)
    return works[int(np.argmin(best))]
