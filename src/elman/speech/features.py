"""What a network reads of a sound: log-mel steps, brought to a common scale."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from elman.core import checks
from elman.speech.frames import Frames

__all__ = ["SCALINGS", "Features", "frames_of", "learned_features"]

SCALINGS = ("recording", "training")
RANGE = 6.0 * np.log(10.0)  # of a recording's logarithms, 60 dB: digital silence is no softer than that
LEAST = 0.1  # standard deviation by which logarithms are divided, as for a silent recording


@dataclass(frozen=True, eq=False)
class Features:
    """Makes the steps (T, D) of samples, each band with mean 0 and variance 1.

    scaling      "recording": by the mean and deviation of each recording, which must be known to its end; what is more
                 than 60 dB below its loudest number is taken to be there. "training": by those of all that was learned
                 from, so that a stream needs no later samples
    mean, scale  of each band in all that was learned from: the mean, and 1 / deviation
    """

    frames: Frames
    scaling: str
    mean: Annotated[np.ndarray, "float32 (bands,)"]
    scale: Annotated[np.ndarray, "float32 (bands,)"]

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        checks.choice("scaling", self.scaling, SCALINGS)
        if len(self.mean) != self.frames.bands or not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all()):
            raise ValueError(f"mean: expected finite numbers for {self.frames.bands} bands")

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Returns the steps of samples (N,) with full scale 1: float32 (T, D)."""
        return self.scaled(self.frames(samples))

    def scaled(self, steps: np.ndarray) -> np.ndarray:
        """Returns log-mel steps (T, D) on the common scale."""
        bands = steps.reshape(-1, self.frames.bands)
        if self.scaling == "training":
            return ((bands - self.mean) * self.scale).reshape(steps.shape)
        exact = np.maximum(bands.astype(np.float64), bands.max() - RANGE)
        found = (exact - exact.mean(axis=0)) / np.maximum(exact.std(axis=0), LEAST)
        return found.astype(np.float32).reshape(steps.shape)


def frames_of(rate: int, options: dict[str, Any]) -> Frames:
    """Returns the frames that options ask for at a rate; ValueError for a combination that has none."""
    high = options["high"] or rate / 2
    frame, step = (max(1, round(rate * options[name] / 1000)) for name in ("frame_ms", "step_ms"))
    made = Frames(rate, frame, step, options["bands"], options["low"], high, options["stack"])
    made.validate()
    return made


def learned_features(frames: Frames, scaling: str, sounds: Iterable[np.ndarray]) -> Features:
    """Returns features with the mean and deviation of each band over all sounds, samples (N,) with full scale 1."""
    count, total, squares = 0, np.zeros(frames.bands), np.zeros(frames.bands)
    for samples in sounds:
        bands = frames(samples).reshape(-1, frames.bands).astype(np.float64)
        count, total, squares = count + len(bands), total + bands.sum(axis=0), squares + (bands**2).sum(axis=0)
    mean = total / count
    deviation = np.maximum(np.sqrt(np.maximum(squares / count - mean**2, 0.0)), LEAST)
    return Features(frames, scaling, mean.astype(np.float32), (1.0 / deviation).astype(np.float32))
