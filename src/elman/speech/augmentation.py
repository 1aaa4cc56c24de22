"""Changes of sounds in training, drawn anew each time that a sound is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Augmentation"]

MASKS = 2  # of each kind


@dataclass(frozen=True)
class Augmentation:
    """How far sounds are changed at random in training; 0: not at all.

    speed         samples are played faster or slower by up to this share, and higher or lower with it
    gain          decibels by which they are louder or softer
    noise         white noise is added, of a deviation of up to this share of the sound's own
    mask_bands    bands that are hidden: two stretches of up to so many (SpecAugment, Park et al. 2019)
    mask_seconds  time that is hidden: two stretches of up to so many seconds
    """

    speed: float
    gain: float
    noise: float
    mask_bands: int
    mask_seconds: float

    @classmethod
    def of(cls, options: dict[str, Any]) -> Augmentation:
        """Returns the one that options ask for."""
        return cls(**{name: options[name] for name in cls.__dataclass_fields__})

    @property
    def of_samples(self) -> bool:
        """Whether it changes samples, so that their frames are computed each time."""
        return bool(self.speed or self.gain or self.noise)

    def samples(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns changed samples (N',) of samples (N,)."""
        if self.speed:
            x = _played(x, 1.0 + rng.uniform(-self.speed, self.speed))
        if self.noise:
            x = x + rng.normal(size=len(x)) * (rng.uniform(0.0, self.noise) * x.std())
        if self.gain:
            x = x * 10.0 ** (rng.uniform(-self.gain, self.gain) / 20.0)
        return x

    def steps(self, x: np.ndarray, bands: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
        """Returns steps (T, stack * bands), of so many seconds each, with stretches hidden behind 0, their mean."""
        if not self.mask_bands and not self.mask_seconds:
            return x
        x = x.copy()
        frames = x.reshape(-1, bands)
        for _ in range(MASKS):
            if self.mask_bands:
                begin, end = _stretch(bands, min(self.mask_bands, bands // 2), rng)
                frames[:, begin:end] = 0.0
            if self.mask_seconds:
                begin, end = _stretch(len(x), min(round(self.mask_seconds / seconds), len(x) // 4), rng)
                x[begin:end] = 0.0
        return x


def _played(x: np.ndarray, speed: float) -> np.ndarray:
    """Returns samples played at another speed, by straight lines between them."""
    return np.interp(np.arange(0.0, len(x) - 1, speed), np.arange(len(x)), x)


def _stretch(of: int, most: int, rng: np.random.Generator) -> tuple[int, int]:
    """Returns where a stretch of 0 to `most` of so many begins and ends."""
    width = int(rng.integers(0, most + 1))
    begin = int(rng.integers(0, of - width + 1))
    return begin, begin + width
