"""Sounds in whatever a caller hands over: files, arrays, and lists of these."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.series.errors import DataError
from elman.speech.wav import FASTEST, SLOWEST, read_sound

__all__ = ["Reading", "Sound", "as_samples", "as_sounds", "is_one", "unit"]

LOUDEST = 10.0  # of floats, whose full scale is 1


class Sound(NamedTuple):
    """A sound of one channel: samples (N,), int16 or float32 with full scale 1, `rate` of them a second, and what
    messages call it."""

    samples: np.ndarray
    rate: int
    name: str


@dataclass(frozen=True)
class Reading:
    """What is done about sounds that are not as a model needs them.

    channels   several: "error", their "mean", or the "first" alone
    resample   whether a sound at another rate is brought to that of the model; else it is an error
    """

    channels: str = "error"
    resample: bool = False


def is_one(given: Any) -> bool:
    """Returns whether a caller handed over one sound, not a list of them."""
    return isinstance(given, str | os.PathLike | Sound) or (isinstance(given, np.ndarray) and given.dtype != object)


def as_sounds(name: str, given: Any, rate: int | None, model_rate: int | None, reading: Reading) -> list[Sound]:
    """Returns the sounds of a list of files and arrays, all at one rate.

    name        of the argument, for messages
    rate        of arrays; None: they have the model's
    model_rate  at which sounds are wanted; None: at that of the first

    Raises DataError for files and samples that cannot be used, ValueError or TypeError for anything else; each message
    says which sound it is, and what to do.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"{name}: expected a list of files or arrays, got {checks.shown(given)}")
    if rate is not None:
        rate = checks.whole("rate", rate, SLOWEST, FASTEST)
    found: list[Sound] = []
    for i, each in enumerate(given):
        sound = _one(f"{name}[{i}]", each, rate, model_rate, reading.channels)
        model_rate = model_rate or sound.rate
        found.append(_at(sound, model_rate, reading.resample))
    if not found:
        raise DataError(f"{name}: expected at least one sound, got none")
    return found


def unit(samples: np.ndarray) -> np.ndarray:
    """Returns samples as float64 with full scale 1."""
    return samples / 32768.0 if samples.dtype == np.int16 else samples.astype(np.float64)


def as_samples(name: str, given: Any) -> np.ndarray:
    """Returns an array of samples as int16, or as float32 with full scale 1; it may have several channels. TypeError
    for other types, ValueError for values that are none."""
    array = np.asarray(given)
    if array.dtype != np.int16 and array.dtype.kind != "f":
        raise TypeError(
            f"{name}: expected samples as int16, or as floats with full scale 1, got {checks.shown(array)}; divide"
            " other integers by their full scale"
        )
    if array.dtype.kind == "f":
        array = array.astype(np.float32, copy=False)
        largest = float(np.abs(array).max(initial=0.0))
        if not largest <= LOUDEST:  # also for NaN
            raise ValueError(
                f"{name}: expected finite samples with full scale 1, got {largest:g}; divide by the full scale (32768"
                " for those of 16 bits)"
            )
    return array


def _one(name: str, given: Any, rate: int | None, model_rate: int | None, channels: str) -> Sound:
    if isinstance(given, Sound):
        return given
    if isinstance(given, str | os.PathLike):
        found, samples = read_sound(given)
        name = str(Path(given))
    else:
        samples, known = as_samples(name, given), rate or model_rate
        if known is None:
            raise ValueError("rate: expected the sampling rate of the arrays in Hz, such as 8000, got None")
        found = known
    if samples.ndim == 2 and samples.shape[1] > 1:
        if channels == "error":
            raise DataError(
                f'{name}: expected one channel, got {samples.shape[1]}; ask for their mean (channels="mean", --mono),'
                ' or for the first (channels="first")'
            )
        samples = samples[:, 0] if channels == "first" else unit(samples).mean(axis=1).astype(np.float32)
    elif samples.ndim == 2:
        samples = samples[:, 0]
    if samples.ndim != 1 or not len(samples):
        raise DataError(f"{name}: expected samples (N,), got {checks.shown(samples)}")
    return Sound(np.ascontiguousarray(samples), found, name)


def _at(sound: Sound, rate: int, resample: bool) -> Sound:
    """Returns a sound at a rate. DataError where it has another and is not to be resampled."""
    if sound.rate == rate:
        return sound
    if not resample:
        raise DataError(
            f"{sound.name}: expected {rate} samples a second, got {sound.rate}; ask for it to be resampled"
            " (resample=True, --resample)"
        )
    try:
        from scipy.signal import resample_poly
    except ModuleNotFoundError:
        raise ModuleNotFoundError("resampling needs scipy; type: pip install 'elman[speech]'", name="scipy") from None
    common = gcd(sound.rate, rate)
    samples = resample_poly(unit(sound.samples), rate // common, sound.rate // common)
    return Sound(np.asarray(samples, np.float32), rate, sound.name)
