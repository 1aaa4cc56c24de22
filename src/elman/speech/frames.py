"""Log-mel frames: what a recogniser reads of a sound, whole or a chunk of samples at a time, to the same bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["MOST_BANDS", "MOST_STACKED", "FrameStream", "Frames"]

FLOOR = 1e-8  # of a band's power: about that of the rounding to 16 bits
MOST_SAMPLES, MOST_BANDS, MOST_STACKED = 2**20, 1024, 64  # of a frame and a step: far above any use
BLOCK = 4096  # frames that are computed at a time, so that memory does not grow with a sound


@dataclass(frozen=True)
class Frames:
    """How samples x (N,) in [-1, 1] become steps (T, stack * bands), float32.

    1. Frame t is the samples from t * step on, `frame` of them, times a Hann window (periodic): nothing is padded, so
       that samples at the end which fill no frame are left out.
    2. Its power at the frequencies k * rate / n is |FFT|^2, n being the power of two that holds a frame.
    3. Band b is the sum of the powers times a triangle that rises from edge b to edge b + 1, and falls to edge b + 2.
       The bands + 2 edges lie evenly between `low` and `high` in mel, 2595 log10(1 + f / 700) (HTK's formula; no
       triangle is scaled by its width).
    4. The natural logarithm of each band, at least FLOOR; `stack` frames side by side make one step.

    rate        samples a second;  frame, step  in samples
    bands       of the spectrum, from `low` to `high` Hz
    stack       frames of a step
    """

    rate: int
    frame: int
    step: int
    bands: int
    low: float
    high: float
    stack: int = 1

    def validate(self) -> None:
        """Raises ValueError for frames of which nothing can be computed."""
        if not 0 < self.step <= self.frame:
            raise ValueError(f"step: expected 1 to {self.frame} samples, the frame's, got {self.step}")
        if not 0 <= self.low < self.high <= self.rate / 2:
            raise ValueError(
                f"high: expected low < high <= {self.rate / 2:g} Hz, half of the rate, got {self.low:g} and "
                f"{self.high:g} Hz"
            )
        if self.bands < 1 or self.stack < 1:
            raise ValueError(f"bands: expected at least one, and one frame a step, got {self.bands} and {self.stack}")
        if self.frame > MOST_SAMPLES or self.bands > MOST_BANDS or self.stack > MOST_STACKED:
            raise ValueError(
                f"frame: expected at most {MOST_SAMPLES} samples, {MOST_BANDS} bands and {MOST_STACKED} frames a step, "
                f"got {self.frame}, {self.bands} and {self.stack}"
            )
        empty = ~self._triangles[1].any(axis=0)
        if empty.any():
            raise ValueError(
                f"bands: expected fewer, since band {int(empty.argmax())} of {self.bands} lies between two frequencies"
                f" of frames of {self.frame} samples; or take longer frames"
            )

    @property
    def size(self) -> int:
        """Numbers of a step."""
        return self.bands * self.stack

    @property
    def least(self) -> int:
        """Samples of one step, the fewest that a sound may have."""
        return self.frame + (self.stack - 1) * self.step

    @property
    def seconds(self) -> float:
        """From the beginning of a step to that of the next."""
        return self.stack * self.step / self.rate

    def steps(self, samples: int) -> int:
        """Returns how many steps a sound of so many samples has."""
        return 0 if samples < self.least else (samples - self.least) // (self.stack * self.step) + 1

    @cached_property
    def points(self) -> int:
        """Points of the Fourier transform: the power of two that holds a frame."""
        return 1 << (self.frame - 1).bit_length()

    @cached_property
    def window(self) -> np.ndarray:
        """Hann's window (frame,)."""
        return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(self.frame) / self.frame)

    @cached_property
    def edges(self) -> np.ndarray:
        """Frequencies between which the bands' triangles rise and fall, Hz (bands + 2,)."""
        low, high = 2595.0 * np.log10(1.0 + np.array([self.low, self.high]) / 700.0)
        return 700.0 * (10.0 ** (np.linspace(low, high, self.bands + 2) / 2595.0) - 1.0)

    @cached_property
    def _triangles(self) -> tuple[np.ndarray, np.ndarray]:
        """Which points of the transform each band sums, and their weights, as many as the widest band has: (W, bands)
        each. The weight of a point outside of a band is 0."""
        spacing = self.rate / self.points
        low, middle, high = (self.edges[k : k + self.bands] for k in range(3))
        first = np.floor(low / spacing).astype(np.int64) + 1
        width = max(1, int((np.ceil(high / spacing) - first).max()))
        which = first + np.arange(width)[:, None]
        frequency = which * spacing
        weights = np.maximum(0.0, np.minimum((frequency - low) / (middle - low), (high - frequency) / (high - middle)))
        return np.minimum(which, self.points // 2), weights

    def log_mel(self, samples: np.ndarray) -> np.ndarray:
        """Returns the logarithms of the bands of each frame, float32 (frames, bands), of samples (N,).

        Each number is computed from its own frame in one order, whatever lies beside it: so a stream of chunks gives
        the bits of the whole.
        """
        count = max(0, (len(samples) - self.frame) // self.step + 1)
        found = np.empty((count, self.bands), np.float32)
        for begin in range(0, count, BLOCK):
            end = min(begin + BLOCK, count)
            part = samples[begin * self.step : (end - 1) * self.step + self.frame]
            frames = np.lib.stride_tricks.sliding_window_view(part, self.frame)[:: self.step]
            spectrum = np.fft.rfft(frames * self.window, self.points)
            found[begin:end] = np.log(np.maximum(self._banded(spectrum.real**2 + spectrum.imag**2), FLOOR))
        return found

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Returns the steps of samples (N,), float32 (T, stack * bands)."""
        count = self.steps(len(samples))
        return self.log_mel(samples)[: count * self.stack].reshape(count, self.size)

    def _banded(self, power: np.ndarray) -> np.ndarray:
        """Returns the bands (frames, bands) of powers (frames, points / 2 + 1). No product of matrices, whose sums
        depend on how many rows there are."""
        columns = np.ascontiguousarray(power.T)
        found = np.zeros((self.bands, len(power)))
        for which, weights in zip(*self._triangles, strict=True):
            found += columns[which] * weights[:, None]
        return np.ascontiguousarray(found.T)


class FrameStream:
    """Turns chunks of samples into steps; what fills no step yet is kept for the next chunk."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.samples = np.zeros(0)  # of the steps to come

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Returns the steps that these samples (N,) complete, float32 (T, stack * bands)."""
        self.samples = np.concatenate([self.samples, samples])
        found = self.frames(self.samples)
        self.samples = self.samples[len(found) * self.frames.stack * self.frames.step :]
        return found
