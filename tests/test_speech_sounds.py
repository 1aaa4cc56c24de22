"""Sound files and arrays: every form of WAV to the same samples, and each bad one refused by its name."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.series.errors import DataError
from elman.speech.sounds import Reading, Sound, as_samples, as_sounds, is_one, unit
from elman.speech.wav import read_sound

wavfile = pytest.importorskip("scipy.io.wavfile")
WAVE = 0.5 * np.sin(np.arange(800) / 5.0)


def wav(path: Path, samples: np.ndarray, rate: int = 8000) -> Path:
    wavfile.write(path, rate, samples)
    return path


def pcm24(path: Path, samples: np.ndarray) -> Path:
    """A file of 24 bits, which scipy reads but does not write."""
    whole = np.round(samples * (2**23 - 1)).astype("<i4")
    body = whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    form = struct.pack("<HHIIHH", 1, 1, 8000, 24000, 3, 24)
    chunks = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(body)) + body
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    return path


# ------------------------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("made", "within"),
    [
        (lambda x: np.round(x * 127 + 128).astype(np.uint8), 1e-2),
        (lambda x: np.round(x * 32767).astype(np.int16), 5e-5),
        (lambda x: np.round(x * (2**31 - 1)).astype(np.int32), 1e-7),
        (lambda x: x.astype(np.float32), 1e-7),
        (lambda x: x, 1e-7),
    ],
    ids=["8 bits", "16 bits", "32 bits", "float32", "float64"],
)
def test_each_form_of_wav_gives_the_samples(made: Callable[[np.ndarray], np.ndarray], within: float, tmp_path: Path):
    rate, samples = read_sound(wav(tmp_path / "a.wav", made(WAVE)))
    assert rate == 8000
    np.testing.assert_allclose(unit(samples), WAVE, atol=within)


def test_24_bits_give_the_samples(tmp_path: Path):
    np.testing.assert_allclose(unit(read_sound(pcm24(tmp_path / "a.wav", WAVE))[1]), WAVE, atol=3e-7)


def test_16_bits_stay_as_they_are(tmp_path: Path):
    given = np.array([0, -32768, 32767, 5], np.int16)
    samples = read_sound(wav(tmp_path / "a.wav", given))[1]
    assert samples.dtype == np.int16
    np.testing.assert_array_equal(samples, given)
    np.testing.assert_array_equal(unit(samples), [0.0, -1.0, 32767 / 32768, 5 / 32768])


def test_chunks_of_other_programs_are_passed_over(tmp_path: Path):
    path = wav(tmp_path / "a.wav", (WAVE * 32767).astype(np.int16))
    raw = path.read_bytes() + b"cue " + struct.pack("<I", 4) + b"abcd"
    path.write_bytes(raw[:4] + struct.pack("<I", len(raw) - 8) + raw[8:])
    assert len(read_sound(path)[1]) == 800


def test_flac_is_read_where_soundfile_is_there(tmp_path: Path):
    soundfile: Any = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "a.flac", WAVE, 8000)
    rate, samples = read_sound(tmp_path / "a.flac")
    assert rate == 8000
    np.testing.assert_allclose(samples, WAVE, atol=5e-5)
    raw = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(raw[:60])
    with pytest.raises(DataError, match=r"a\.flac: cannot be read"):
        read_sound(tmp_path / "a.flac")


# ---------------------------------------------------------------------------------------------------- bad files


def altered(change: Callable[[bytearray], bytes]) -> Callable[[Path], None]:
    def alter(path: Path) -> None:
        path.write_bytes(change(bytearray(path.read_bytes())))

    return alter


def put(at: int, form: str, value: int) -> Callable[[bytearray], bytes]:
    def change(raw: bytearray) -> bytes:
        struct.pack_into(form, raw, at, value)
        return bytes(raw)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: b"", "expected a sound, got an empty file"),
        (lambda raw: b"hello, I am no sound", "expected a WAV, FLAC or Ogg file, got something else; write it again"),
        (lambda raw: bytes(raw[:900]), "is shorter than its header says: it was cut short"),
        (lambda raw: bytes(raw[:901]), "cannot be read as WAV|is shorter than its header says"),
        (lambda raw: bytes(raw[:30]), "cannot be read as WAV"),
        (lambda raw: bytes(raw[:12]), "cannot be read as WAV"),
        (lambda raw: bytes(raw[:4]), "cannot be read as WAV .its header is broken"),
        (put(8, "<4s", b"AVI "), "cannot be read as WAV .Not a WAV file"),  # type: ignore[arg-type]
        (put(20, "<H", 2), "cannot be read as WAV .Unknown wave file format: ADPCM"),
        (put(22, "<H", 0), "cannot be read as WAV .its header is broken"),
        (put(34, "<H", 65), "cannot be read as WAV|expected"),
        (put(40, "<I", 0), "expected a sound, got a file without samples|cannot be read"),
        (put(4, "<I", 2**32 - 1), "is shorter than its header says"),
    ],
    ids=["empty", "text", "cut", "cut within a sample", "cut in the header", "header alone", "four bytes", "AVI",
         "ADPCM", "no channels", "65 bits", "no samples", "written to a pipe"],
)  # fmt: skip
def test_a_broken_wav_is_refused_by_its_name_and_what_to_do(
    change: Callable[[bytearray], bytes], said: str, tmp_path: Path
):
    path = wav(tmp_path / "broken one.wav", (WAVE * 32767).astype(np.int16))
    altered(change)(path)
    with pytest.raises(DataError, match=said) as error:
        read_sound(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("rate", [0, 999, 800_000, 2**31])
def test_a_rate_out_of_bounds_is_refused(rate: int, tmp_path: Path):
    path = wav(tmp_path / "a.wav", (WAVE * 32767).astype(np.int16))
    raw = bytearray(path.read_bytes())
    struct.pack_into("<II", raw, 24, rate, 2 * rate % 2**32)
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"expected 1,000 to 768,000 samples a second, got|cannot be read"):
        read_sound(path)


def test_nan_in_a_file_is_refused(tmp_path: Path):
    samples = WAVE.astype(np.float32)
    samples[7] = np.nan
    with pytest.raises(DataError, match="expected finite samples, got NaN or infinity"):
        read_sound(wav(tmp_path / "a.wav", samples))


def test_altered_bytes_of_a_header_never_raise_anything_else(tmp_path: Path):
    path, rng = wav(tmp_path / "a.wav", (WAVE[:50] * 32767).astype(np.int16)), np.random.default_rng(0)
    raw = path.read_bytes()
    for _ in range(500):
        changed = bytearray(raw)
        for place in rng.integers(0, 44, 3):
            changed[place] = rng.integers(256)
        path.write_bytes(changed)
        try:
            rate, samples = read_sound(path)
        except DataError:
            continue
        assert len(samples)
        assert len(samples) <= len(raw)
        assert 1000 <= rate <= 768_000


def test_a_missing_file_is_the_systems_error_and_a_folder_too(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_sound(tmp_path / "none.wav")
    with pytest.raises(OSError, match="directory"):
        read_sound(tmp_path)


def test_without_scipy_what_to_type_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = wav(tmp_path / "a.wav", (WAVE * 32767).astype(np.int16))
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    monkeypatch.setitem(sys.modules, "scipy.signal", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"reading WAV files needs scipy; type: pip install 'elman\[speech\]'"
    ):
        read_sound(path)
    with pytest.raises(ModuleNotFoundError, match=r"resampling needs scipy; type: pip install 'elman\[speech\]'"):
        as_sounds("sounds", [WAVE], 16000, 8000, Reading(resample=True))


# ---------------------------------------------------------------------------------------------- lists of sounds


def test_files_and_arrays_become_sounds_at_one_rate(tmp_path: Path):
    path = wav(tmp_path / "a.wav", (WAVE * 32767).astype(np.int16))
    found = as_sounds("sounds", [path, WAVE, (WAVE * 32767).astype(np.int16)], None, None, Reading())
    assert [(each.rate, each.samples.dtype) for each in found] == [
        (8000, np.int16),
        (8000, np.float32),
        (8000, np.int16),
    ]
    assert [each.name for each in found] == [str(path), "sounds[1]", "sounds[2]"]
    again = as_sounds("others", found, None, 8000, Reading())
    assert again == found


@pytest.mark.parametrize(
    ("given", "rate", "error", "said"),
    [
        ([WAVE], None, ValueError, "rate: expected the sampling rate of the arrays in Hz, such as 8000, got None"),
        ([WAVE], 10, ValueError, r"rate: expected a whole number in \[1000, 768000\], got 10"),
        ([WAVE.astype(np.int32)], 8000, TypeError, r"sounds\[0\]: expected samples as int16, or as floats with full"),
        (
            [WAVE * 32768],
            8000,
            ValueError,
            r"sounds\[0\]: expected finite samples with full scale 1, got 16\d+; divide",
        ),
        ([WAVE, WAVE * np.nan], 8000, ValueError, r"sounds\[1\]: expected finite samples with full scale 1, got nan"),
        ([WAVE[:0]], 8000, DataError, r"sounds\[0\]: expected samples \(N,\), got array of shape \(0,\)"),
        ([WAVE.reshape(2, 2, 200)], 8000, DataError, r"sounds\[0\]: expected samples \(N,\)"),
        ([np.stack([WAVE, WAVE], 1)], 8000, DataError, r'sounds\[0\]: expected one channel, got 2; .*channels="mean"'),
        (["a", 1.0], 8000, OSError, "a"),
        ([], 8000, DataError, "sounds: expected at least one sound, got none"),
        ("a.wav", 8000, TypeError, "sounds: expected a list of files or arrays, got 'a.wav'"),
        (None, 8000, TypeError, "sounds: expected a list of files or arrays, got None"),
    ],
)
def test_what_is_no_list_of_sounds_is_refused_by_its_place(given: Any, rate: Any, error: type[Exception], said: str):
    with pytest.raises(error, match=said):
        as_sounds("sounds", given, rate, None, Reading())


def test_several_channels_are_refused_averaged_or_the_first_taken(tmp_path: Path):
    both = np.stack([WAVE, -0.5 * WAVE], axis=1)
    path = wav(tmp_path / "two.wav", np.round(both * 32767).astype(np.int16))
    with pytest.raises(DataError, match=r"two\.wav: expected one channel, got 2; ask for their mean .*--mono"):
        as_sounds("sounds", [path], None, None, Reading())
    mean, first = (as_sounds("sounds", [path], None, None, Reading(how))[0].samples for how in ("mean", "first"))
    np.testing.assert_allclose(unit(mean), 0.25 * WAVE, atol=5e-5)
    np.testing.assert_allclose(unit(first), WAVE, atol=5e-5)


def test_another_rate_is_refused_or_resampled(tmp_path: Path):
    tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    path = wav(tmp_path / "fast.wav", tone, 16000)
    with pytest.raises(DataError, match=r"fast\.wav: expected 8000 samples a second, got 16000; .*--resample"):
        as_sounds("sounds", [path], None, 8000, Reading())
    with pytest.raises(DataError, match=r"fast\.wav: expected 8000 samples a second, got 16000"):
        as_sounds("sounds", [WAVE, path], 8000, None, Reading())  # at the rate of the first
    found = as_sounds("sounds", [path], None, 8000, Reading(resample=True))[0]
    assert (found.rate, len(found.samples)) == (8000, 8000)
    expected = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    np.testing.assert_allclose(found.samples[200:-200], expected[200:-200], atol=5e-3)


def test_one_sound_is_told_from_a_list():
    assert all(map(is_one, ["a.wav", Path("a.wav"), WAVE, Sound(WAVE, 8000, "a")]))
    assert not any(map(is_one, [["a.wav"], [WAVE], (WAVE,), np.array([WAVE, WAVE[:5]], dtype=object)]))


def test_samples_of_16_bits_and_floats_are_not_copied_to_more():
    assert as_samples("x", WAVE).dtype == np.float32
    assert as_samples("x", [0.5, -0.5]).dtype == np.float32
    assert as_samples("x", np.zeros(3, np.int16)).dtype == np.int16
