"""Strings of spoken digits: recordings of one speaker joined with gaps, for `python -m benchmarks.digits`.

The recordings are those of the Free Spoken Digit Dataset as `fsdd.npz` holds them: 3,000 at 8 kHz, of six speakers, ten
digits and indices 0 to 49. A pass over some of them uses each once: a speaker's recordings are drawn in any order and
cut into strings of 3 to 7, on the mean 5. Before, between and behind the recordings of a string are gaps of 0.05 to
0.30 s, filled with white noise that is 30 to 60 dB below the string's own mean power, one level a string. Recordings
are taken as they are, at their own level.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

__all__ = ["RATE", "Recordings", "Strings", "load", "strings"]

RATE = 8000
SHORTEST, LONGEST, MEAN = 3, 7, 5  # recordings of a string
GAP = (0.05, 0.30)  # seconds
NOISE = (-60.0, -30.0)  # decibels


class Recordings(NamedTuple):
    """Recordings and what is known of each (n,)."""

    samples: list[np.ndarray]  # int16
    digit: np.ndarray
    speaker: np.ndarray
    index: np.ndarray

    def take(self, rows: np.ndarray) -> Recordings:
        rows = np.flatnonzero(rows)
        return Recordings([self.samples[i] for i in rows], self.digit[rows], self.speaker[rows], self.index[rows])


class Strings(NamedTuple):
    """Strings: samples, float32 with full scale 1; the digits said in each; whose they are; the rows joined in each."""

    sounds: list[np.ndarray]
    labels: list[str]
    speakers: list[str]
    rows: list[np.ndarray]


def load(path: Path) -> Recordings:
    """Reads fsdd.npz."""
    with np.load(path) as found:
        ends = np.cumsum(found["lengths"].astype(np.int64))
        samples = np.split(found["samples"], ends[:-1])
        return Recordings(samples, found["digit"], found["speaker"], found["index"])


def strings(recordings: Recordings, seed: Sequence[int], passes: int = 1) -> Strings:
    """Returns the strings of so many passes over the recordings, a function of the seed alone."""
    rng, found = np.random.default_rng([*seed]), Strings([], [], [], [])
    for _ in range(passes):
        for speaker in np.unique(recordings.speaker):
            rows = rng.permutation(np.flatnonzero(recordings.speaker == speaker))
            for some in np.split(rows, np.cumsum(lengths(len(rows), rng))[:-1]):
                found.sounds.append(joined([recordings.samples[i] for i in some], rng))
                found.labels.append("".join(str(recordings.digit[i]) for i in some))
                found.speakers.append(str(speaker))
                found.rows.append(some)
    return found


def lengths(count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns the lengths of strings, 3 to 7 each, that take `count` recordings: always as many strings, a fifth."""
    found = rng.integers(SHORTEST, LONGEST + 1, max(1, round(count / MEAN)))
    while (more := count - int(found.sum())) != 0:
        free = np.flatnonzero(found < LONGEST if more > 0 else found > SHORTEST)
        found[rng.choice(free)] += np.sign(more)
    return found


def joined(recordings: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Returns recordings in a row with gaps around each."""
    parts = [each / np.float32(32768.0) for each in recordings]
    power = float(np.mean(np.concatenate(parts) ** 2))
    deviation = np.sqrt(power * 10.0 ** (rng.uniform(*NOISE) / 10.0))
    gaps = [deviation * rng.normal(size=int(RATE * rng.uniform(*GAP))) for _ in range(len(parts) + 1)]
    return np.concatenate([gaps[0], *(part for pair in zip(parts, gaps[1:], strict=True) for part in pair)]).astype(
        np.float32
    )
