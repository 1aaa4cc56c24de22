"""Figures of music: what generated pieces are compared by with those that were learned from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from elman.music.keyboard import LOWEST_KEY

__all__ = ["Figures", "figures_of"]

MAJOR = (0, 2, 4, 5, 7, 9, 11)  # semitones of a major key above its tonic; its relative minor has the same
IN_KEY = np.array([np.isin(np.arange(12), (np.array(MAJOR) + tonic) % 12) for tonic in range(12)])  # (12, 12)


class Figures(NamedTuple):
    """What pieces are like.

    repeated        share of steps that are equal to the step before
    silent          share of steps in which nothing sounds
    longest         steps of the longest run without a change
    lowest, highest   MIDI's numbers of the lowest and highest key that sounds
    in_key          share of sounding keys that belong to the major or minor key that fits the piece best
    sounding        mean number of keys that sound in a step
    """

    repeated: float
    silent: float
    longest: int
    lowest: int
    highest: int
    in_key: float
    sounding: float


def figures_of(pieces: Iterable[np.ndarray]) -> Figures:
    """Returns the figures of pieces, each bool (T, 88), over all their steps together."""
    steps = compared = repeated = silent = sounding = fitting = 0
    longest = 0
    used = np.zeros(1, bool)
    for keys in pieces:
        same = (keys[1:] == keys[:-1]).all(axis=1)
        changes = np.flatnonzero(np.concatenate([[True], ~same, [True]]))
        classes = np.bincount(np.nonzero(keys)[1] + LOWEST_KEY, minlength=132)[:132].reshape(-1, 12).sum(axis=0)
        steps, compared, repeated = steps + len(keys), compared + len(same), repeated + int(same.sum())
        silent += int((~keys.any(axis=1)).sum())
        sounding, fitting = sounding + int(keys.sum()), fitting + int((IN_KEY @ classes).max())
        longest = max(longest, int(np.diff(changes).max()))
        used = used | keys.any(axis=0)
    pitches = np.flatnonzero(used) + LOWEST_KEY
    low, high = (int(pitches[0]), int(pitches[-1])) if len(pitches) else (0, 0)
    return Figures(
        repeated / max(compared, 1), silent / steps, longest, low, high, fitting / max(sounding, 1), sounding / steps
    )
