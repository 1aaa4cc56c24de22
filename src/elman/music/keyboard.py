"""The keys of a piano, and bounds of the grid of time."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["FASTEST", "KEYS", "LOWEST_KEY", "MOST_STEPS_PER_BEAT", "SLOWEST", "as_keys"]

KEYS = 88
LOWEST_KEY = 21  # the MIDI number of the piano's lowest key, A0; the highest, C8, is 108
SLOWEST, FASTEST = 4.0, 1000.0  # beats a minute; a MIDI file can say no slower tempo
MOST_STEPS_PER_BEAT = 96


def as_keys(name: str, value: Any) -> np.ndarray:
    """Returns the keys of a roll as a bool array (T, 88). TypeError or ValueError for anything else."""
    array: np.ndarray = np.asarray(value)
    if array.ndim != 2 or array.shape[1] != KEYS or not len(array):
        raise ValueError(f"{name}: expected shape (T, {KEYS}), a row for each step, got {array.shape}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected True or False for each key, got an array of {array.dtype}")
    if array.dtype.kind != "b" and not ((array == 0) | (array == 1)).all():
        step, key = np.argwhere((array != 0) & (array != 1))[0]
        raise ValueError(f"{name}: expected 0 or 1 for each key, got {array[step, key]} at step {step}, key {key}")
    return array.astype(bool)
