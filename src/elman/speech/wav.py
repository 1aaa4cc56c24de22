"""Sound files as samples. WAV files are read by scipy, FLAC and Ogg files by soundfile."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from elman.core import checks
from elman.series.errors import DataError

__all__ = ["ENDINGS", "FASTEST", "SLOWEST", "read_sound"]

ENDINGS = (".wav", ".wave", ".flac", ".ogg")
SLOWEST, FASTEST = 1_000, 768_000  # samples a second
NEEDED = "reading {} files needs {}; type: pip install 'elman[speech]'"


def read_sound(path: str | os.PathLike[str]) -> tuple[int, np.ndarray]:
    """Returns the rate of a sound file, samples a second, and its samples (N,), or (N, C) of several channels.

    Samples of 16 bits are int16 as they are; those of 8, 24 and 32 bits, and floats, are float32 with full scale 1.

    Raises DataError, which names the file, for one that is empty, no sound, cut short, of a form that cannot be read
    (compressed WAV), without samples, or at a rate out of bounds; OSError where it cannot be opened;
    ModuleNotFoundError, with what to type, where the library for such files is missing.
    """
    file = Path(checks.path("path", path))
    raw = file.read_bytes()
    if not raw:
        raise DataError("expected a sound, got an empty file", path=file)
    rate, samples = _wav(raw, file) if raw[:4] in (b"RIFF", b"RIFX", b"RF64") else _other(raw, file)
    if not SLOWEST <= rate <= FASTEST:
        raise DataError(f"expected {SLOWEST:,} to {FASTEST:,} samples a second, got {rate:,}", path=file)
    if not len(samples):
        raise DataError("expected a sound, got a file without samples", path=file)
    return rate, _scaled(samples, file)


def _wav(raw: bytes, file: Path) -> tuple[int, np.ndarray]:
    try:
        from scipy.io import wavfile
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED.format("WAV", "scipy"), name="scipy") from None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            rate, samples = wavfile.read(io.BytesIO(raw))  # from memory: what a header promises is not allocated
        except Exception as error:  # scipy has no error of its own: a broken header may raise nearly anything
            why = str(error).splitlines()[0] if isinstance(error, ValueError) and str(error) else "its header is broken"
            raise DataError(f"cannot be read as WAV ({why}); {_remedy(file)}", path=file) from None
    if any("prematurely" in str(each.message) or "Incomplete" in str(each.message) for each in told):
        raise DataError(f"is shorter than its header says: it was cut short; {_remedy(file)}", path=file)
    return int(rate), samples


def _other(raw: bytes, file: Path) -> tuple[int, np.ndarray]:
    if raw[:4] not in (b"fLaC", b"OggS"):
        raise DataError(f"expected a WAV, FLAC or Ogg file, got something else; {_remedy(file)}", path=file)
    try:
        import soundfile
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED.format("FLAC and Ogg", "soundfile"), name="soundfile") from None
    library: Any = soundfile
    try:
        samples, rate = library.read(io.BytesIO(raw), dtype="float32")
    except library.LibsndfileError as error:
        raise DataError(f"cannot be read ({error.error_string}); {_remedy(file)}", path=file) from None
    return int(rate), samples


def _scaled(samples: np.ndarray, file: Path) -> np.ndarray:
    """Returns samples as int16, or as float32 with full scale 1."""
    kind = samples.dtype
    if kind.kind == "f":
        if not np.isfinite(samples).all():
            raise DataError("expected finite samples, got NaN or infinity", path=file)
        return samples.astype(np.float32)
    if kind.kind == "u":  # of 8 bits, whose silence is 128
        return ((samples.astype(np.float32) - 128.0) / 128.0).astype(np.float32)
    if kind.itemsize == 2:
        return samples.astype(np.int16)
    return (samples / 2.0 ** (8 * kind.itemsize - 1)).astype(np.float32)


def _remedy(file: Path) -> str:
    return f"write it again, as by: ffmpeg -i {file.name} -c:a pcm_s16le new.wav"
