"""Trainings whose budget is a number of updates: the learning rate over them, and how long each takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from elman.core.schedules import Cosine, WarmUp

__all__ = ["rise_and_fall", "seconds_a_call"]

WARM_UP = 0.05  # share of the updates
TIMED = 3.0  # seconds that are measured


def rise_and_fall(updates: int) -> WarmUp:
    """Returns a schedule whose learning rate rises in a straight line for a twentieth of the updates, then falls along
    half a cosine to 0."""
    warm = max(1, int(WARM_UP * updates))
    return WarmUp(warm, Cosine(max(1, updates - warm)))


def seconds_a_call(update: Callable[[], object]) -> float:
    """Returns how long a call of `update` takes on this machine now, measured for some seconds; the first call is not
    timed."""
    update()
    done, began = 0, time.perf_counter()
    while True:
        update()
        done += 1
        if (seconds := time.perf_counter() - began) >= TIMED:
            return seconds / done
