"""Sequences of dialling tones: short sounds with labels, made by rule, for a recogniser to try itself on."""

from __future__ import annotations

import numpy as np

from elman.core import checks

__all__ = ["TONES_RATE", "dialled_tones"]

TONES_RATE = 8000  # samples a second
ROWS, COLUMNS = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0)  # Hz, of a telephone's keys
KEYS = "123456789*0#"  # row by row
SHORTEST, LONGEST = 2, 6  # keys of a sequence
TONE, GAP = (0.05, 0.16), (0.04, 0.12)  # seconds
LEVEL = (-30.0, -6.0)  # decibels of a tone
NOISE = (-30.0, -10.0)  # of white noise beside it


def dialled_tones(n: int = 200, seed: int = 0) -> tuple[list[np.ndarray], list[str]]:
    """Makes n sounds at 8 kHz, int16 (N,), and the 2 to 6 keys of a telephone that are dialled in each.

    Each key is two tones at once (DTMF), one by its row and one by its column, 50 to 160 ms long, with gaps of 40 to
    120 ms around. A sequence has one loudness, -30 to -6 dB of full scale, and white noise 10 to 30 dB below it; each
    tone's frequencies are off by up to 1.5 %. All of it is a function of the seed.
    """
    rng = np.random.default_rng(checks.whole("seed", seed, low=0))
    sounds: list[np.ndarray] = []
    labels: list[str] = []
    for _ in range(checks.count("n", n)):
        keys = rng.integers(0, len(KEYS), int(rng.integers(SHORTEST, LONGEST + 1)))
        parts = [_silence(rng)]
        for key in keys:
            parts += [_tone(int(key), rng), _silence(rng)]
        clean = np.concatenate(parts)
        noise = rng.normal(size=len(clean)) * 10.0 ** (rng.uniform(*NOISE) / 20.0)
        loudness = 10.0 ** (rng.uniform(*LEVEL) / 20.0)
        sounds.append(np.clip((clean + noise) * loudness / 2.0 * 32767.0, -32768, 32767).astype(np.int16))
        labels.append("".join(KEYS[key] for key in keys))
    return sounds, labels


def _silence(rng: np.random.Generator) -> np.ndarray:
    return np.zeros(int(TONES_RATE * rng.uniform(*GAP)))


def _tone(key: int, rng: np.random.Generator) -> np.ndarray:
    seconds = np.arange(int(TONES_RATE * rng.uniform(*TONE))) / TONES_RATE
    both = np.array([ROWS[key // len(COLUMNS)], COLUMNS[key % len(COLUMNS)]]) * (1.0 + rng.uniform(-0.015, 0.015, 2))
    return np.sin(2.0 * np.pi * (both[:, None] * seconds + rng.random((2, 1)))).sum(axis=0)
