"""Log-mel frames: those of librosa, the same bits in a stream, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.speech.frames import FLOOR, Frames, FrameStream

GOLDEN = np.load(Path(__file__).parent / "golden" / "log_mel.npz")
CASES = sorted({name.partition(".")[0] for name in GOLDEN.files})
FRAMES = Frames(8000, 200, 80, 40, 20.0, 4000.0, 3)


def sound(seconds: float = 1.0) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).normal(size=int(8000 * seconds))


def of_case(name: str) -> Frames:
    rate, frame, step, bands, low, high = GOLDEN[f"{name}.case"].tolist()
    return Frames(int(rate), int(frame), int(step), int(bands), low, high)


@pytest.mark.parametrize("name", CASES)
def test_they_are_those_of_librosa(name: str):
    expected = np.log(np.maximum(GOLDEN[f"{name}.power"], FLOOR))
    found = of_case(name).log_mel(GOLDEN[f"{name}.samples"])
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)  # the rounding of logarithms up to 18 to float32
    assert np.ptp(expected) > 8


@pytest.mark.parametrize("name", CASES)
def test_powers_are_those_of_librosa_to_the_rounding_of_float64(name: str):
    frames, samples = of_case(name), GOLDEN[f"{name}.samples"]
    cut = np.lib.stride_tricks.sliding_window_view(samples, frames.frame)[:: frames.step]
    power = np.abs(np.fft.rfft(cut * frames.window, frames.points)) ** 2
    np.testing.assert_allclose(frames._banded(power), GOLDEN[f"{name}.power"], rtol=1e-10)


def test_a_step_is_several_frames_side_by_side_and_the_rest_is_left_out():
    samples = sound()
    bands, steps = FRAMES.log_mel(samples), FRAMES(samples)
    assert bands.shape == (98, 40)
    assert steps.shape == (32, 120) == (FRAMES.steps(len(samples)), FRAMES.size)
    np.testing.assert_array_equal(steps.reshape(96, 40), bands[:96])
    assert FRAMES.seconds == pytest.approx(0.03)


@pytest.mark.parametrize("count", [0, 1, FRAMES.least - 1, FRAMES.least, FRAMES.least + 1, 1000, 5000])
def test_the_number_of_steps_is_told_beforehand(count: int):
    assert len(FRAMES(sound()[:count])) == FRAMES.steps(count)


@pytest.mark.parametrize("size", [1, 79, 80, 240, 1000, 7999])
def test_a_stream_of_chunks_gives_the_bits_of_the_whole(size: int):
    samples = sound()
    stream = FrameStream(FRAMES)
    found = [stream.feed(samples[begin : begin + size]) for begin in range(0, len(samples), size)]
    np.testing.assert_array_equal(np.concatenate(found), FRAMES(samples))
    assert len(stream.samples) < FRAMES.least  # memory does not grow


def test_long_sounds_are_computed_in_blocks_to_the_same_bits(monkeypatch: pytest.MonkeyPatch):
    whole = FRAMES.log_mel(sound())
    monkeypatch.setattr("elman.speech.frames.BLOCK", 7)
    np.testing.assert_array_equal(FRAMES.log_mel(sound()), whole)


def test_silence_is_finite():
    assert (FRAMES(np.zeros(2000)) == np.float32(np.log(FLOOR))).all()


def test_a_tone_is_loudest_in_the_band_of_its_frequency():
    for band in (5, 20, 38):
        tone = np.sin(2 * np.pi * FRAMES.edges[band + 1] * np.arange(2000) / 8000)
        assert (FRAMES.log_mel(tone).argmax(axis=1) == band).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"step": 0}, "step: expected 1 to 200 samples, the frame's, got 0"),
        ({"step": 201}, "step: expected 1 to 200 samples"),
        ({"high": 4001.0}, "high: expected low < high <= 4000 Hz, half of the rate, got 20 and 4001 Hz"),
        ({"low": 4000.0}, "high: expected low < high"),
        ({"bands": 200}, "bands: expected fewer, since band .* of 200 lies between two frequencies"),
        ({"stack": 0}, "bands: expected at least one, and one frame a step"),
        (
            {"rate": 2**40, "frame": 2**30, "high": 2.0**39},
            "frame: expected at most 1048576 samples, 1024 bands and 64",
        ),
        ({"bands": 2**40}, "frame: expected at most"),
    ],
)
def test_frames_of_which_nothing_can_be_computed_are_refused(changed: dict[str, Any], said: str):
    given = {"rate": 8000, "frame": 200, "step": 80, "bands": 40, "low": 20.0, "high": 4000.0, "stack": 3}
    with pytest.raises(ValueError, match=said):
        Frames(**(given | changed)).validate()
