"""Log-mel frames as librosa computes them, for test_speech_frames.py.

python tests/golden/make_log_mel.py    writes log_mel.npz beside this program (librosa 0.11, float64)

librosa lays a window that is shorter than the Fourier transform into its middle, so that a sound padded with half of
the difference on both sides has the frames of one that is not padded; nothing else is padded (center=False).
"""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np

CASES = {  # rate, frame, step, points of the transform, bands, low, high
    "digits": (8000, 200, 80, 256, 40, 20.0, 4000.0),
    "wide": (16000, 400, 160, 512, 80, 0.0, 8000.0),
    "odd": (11025, 256, 100, 256, 13, 133.3, 5000.0),
}


def main() -> None:
    found: dict[str, np.ndarray] = {}
    for name, (rate, frame, step, points, bands, low, high) in CASES.items():
        rng = np.random.default_rng(len(name))
        seconds = np.arange(rate // 8) / rate
        samples = 0.3 * np.sin(2 * np.pi * (200 * seconds + 1500 * seconds**2)) + 0.02 * rng.normal(size=len(seconds))
        beside = (points - frame) // 2
        power = librosa.feature.melspectrogram(
            y=np.pad(samples, (beside, points - frame - beside)), sr=rate, n_fft=points, hop_length=step,
            win_length=frame, window="hann", center=False, power=2.0, n_mels=bands, fmin=low, fmax=high, htk=True,
            norm=None, dtype=np.float64,
        )  # fmt: skip
        found[f"{name}.samples"], found[f"{name}.power"] = samples, power.T
        found[f"{name}.case"] = np.array([rate, frame, step, bands, low, high])
    np.savez_compressed(Path(__file__).with_name("log_mel.npz"), **found)


if __name__ == "__main__":
    main()
