"""Tunes made by rule: a progression of chords in a major or minor key, a bass, and a melody above it."""

from __future__ import annotations

import numpy as np

from elman.core import checks

__all__ = ["TUNE_STEPS_PER_BEAT", "tunes"]

TUNE_STEPS_PER_BEAT = 2  # a step is an eighth note
BAR = 8  # steps of a bar of four beats
KEYS = 88  # of a piano, from MIDI's 21
MIDDLE_C = 60 - 21
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 11)}  # minor is the harmonic one
# The degree of a bar's chord (0: the tonic's) -> those that may follow
FOLLOWING = {0: (3, 4, 5, 1), 1: (4,), 3: (4, 0, 1), 4: (0, 0, 5), 5: (3, 1)}
RHYTHMS = ((2, 2, 2, 2), (4, 2, 2), (2, 2, 4), (3, 1, 2, 2), (2, 1, 1, 4), (4, 4))  # steps of a bar's melody notes


def tunes(n: int = 60, seed: int = 0, *, bars: int = 8) -> list[np.ndarray]:
    """Makes n tunes, each bool (8 bars, 88): which of the piano's keys sound in each eighth note.

    A tune is in one of the twelve major or minor keys, in bars of four beats. Each bar has a chord, drawn by those that
    may follow one another, with the tonic's at the beginning and the end and the dominant's before it: its root in the
    bass, again in the middle of the bar, two keys of it above, and a melody that goes by steps of the scale, with a key
    of the chord at the beginning of each bar. All of it is a function of the seed.
    """
    rng = np.random.default_rng(checks.whole("seed", seed, low=0))
    count, length = checks.count("n", n), checks.whole("bars", bars, low=3)
    return [_tune(rng, length) for _ in range(count)]


def _tune(rng: np.random.Generator, bars: int) -> np.ndarray:
    scale = SCALES["major" if rng.random() < 0.6 else "minor"]
    tonic = MIDDLE_C + int(rng.integers(-5, 7))
    chords = [0]
    while len(chords) < bars - 2:
        chords.append(int(rng.choice(FOLLOWING[chords[-1]])))
    chords += [4, 0]

    def key(degree: int) -> int:
        """The key of a degree of the scale, 0 the tonic, 7 an octave above it."""
        return tonic + 12 * (degree // 7) + scale[degree % 7]

    keys = np.zeros((bars * BAR, KEYS), bool)
    melody = 7
    for bar, chord in enumerate(chords):
        begin = bar * BAR
        bass = key(chord) - (12 if chord < 3 else 24)
        keys[begin : begin + BAR - 1, bass] = True  # struck again in the middle: a gap of one step before it
        keys[begin + 3, bass] = False
        for degree in (chord + 2, chord + 4):
            keys[begin : begin + BAR, key(degree) - (12 if degree >= 7 else 0)] = True
        if bar == bars - 1:
            keys[begin : begin + BAR, key(7)] = True  # the tonic, held
            break
        at = begin
        for note, steps in enumerate(RHYTHMS[rng.integers(len(RHYTHMS))]):
            if note == 0:
                tones = [degree for degree in range(4, 13) if (degree - chord) % 7 in (0, 2, 4)]
                melody = min(tones, key=lambda degree: (abs(degree - melody), rng.random()))
            else:
                melody = int(np.clip(melody + rng.choice([-2, -1, -1, 1, 1, 2]), 4, 12))
            keys[at : at + steps, key(melody)] = True
            at += steps
    return keys
