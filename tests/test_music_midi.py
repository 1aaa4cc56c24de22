"""MIDI files and piano rolls: what is read, what is written, and what is refused."""

from __future__ import annotations

import io
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.music import PianoRoll, read_midi
from elman.music.midi.reading import LONGEST_NUMBER, MOST_BYTES
from elman.series.errors import DataError

mido = pytest.importorskip("mido")
C4 = 60 - 21  # its column


def file_of(path: Path, *tracks: list[Any], type: int = 1, ticks: int = 480) -> Path:
    """Writes a MIDI file of messages; each is (time, kind, fields)."""
    file = mido.MidiFile(type=type, ticks_per_beat=ticks)
    for messages in tracks:
        track = mido.MidiTrack()
        for wait, kind, fields in messages:
            made = mido.MetaMessage if kind in ("set_tempo", "key_signature") else mido.Message
            track.append(made(kind, time=wait, **fields))
        file.tracks.append(track)
    file.save(path)
    return path


def note(wait: int, length: int, key: int = 60, channel: int = 0) -> list[Any]:
    return [
        (wait, "note_on", {"note": key, "channel": channel, "velocity": 64}),
        (length, "note_off", {"note": key, "channel": channel}),
    ]


def roll_of(*spans: tuple[int, int, int], steps: int) -> np.ndarray:
    keys = np.zeros((steps, 88), bool)
    for key, begin, end in spans:
        keys[begin:end, key - 21] = True
    return keys


# ------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("type", [0, 1])
def test_notes_lie_on_the_grid_of_beats(tmp_path: Path, type: int):
    path = file_of(tmp_path / "a.mid", [*note(0, 480, 60), *note(240, 120, 64)], type=type)
    found = read_midi(path, 4)
    np.testing.assert_array_equal(found.keys, roll_of((60, 0, 4), (64, 6, 7), steps=7))
    assert (found.tempo, found.steps_per_beat, found.notes) == (120.0, 4, ())
    assert found.seconds == pytest.approx(7 / 8)


def test_tracks_and_channels_sound_together(tmp_path: Path):
    path = file_of(tmp_path / "a.mid", note(0, 480, 60), note(240, 480, 67, channel=3), [])
    np.testing.assert_array_equal(read_midi(path, 2).keys, roll_of((60, 0, 2), (67, 1, 3), steps=3))


@pytest.mark.parametrize(
    ("begin", "length", "steps"),
    [(59, 100, (0, 1)), (60, 100, (1, 2)), (0, 10, (0, 1)), (0, 179, (0, 1)), (0, 180, (0, 2)), (100, 500, (1, 5))],
)
def test_beginnings_and_ends_go_to_the_nearest_step_and_no_note_is_lost(
    tmp_path: Path, begin: int, length: int, steps: tuple[int, int]
):
    found = read_midi(file_of(tmp_path / "a.mid", note(begin, length)), 4)
    np.testing.assert_array_equal(found.keys, roll_of((60, *steps), steps=steps[1]))
    moved = "1 of 1 notes begin between the steps of 1/4 beat; each was moved to the nearest"
    assert found.notes == ((moved,) if begin else ())


def test_changes_of_the_tempo_move_no_note_and_the_first_is_kept(tmp_path: Path):
    tempos = [(0, "set_tempo", {"tempo": 600_000}), (480, "set_tempo", {"tempo": 300_000})]
    found = read_midi(file_of(tmp_path / "a.mid", tempos, [*note(480, 480), *note(480, 480)]), 1)
    np.testing.assert_array_equal(found.keys[:, C4], [False, True, False, True])
    assert found.tempo == 100.0
    assert found.notes == ("2 tempos; the first, 100 beats a minute, is kept",)


@pytest.mark.parametrize("tempo", [0, 1, 16_777_215])
def test_tempos_that_nobody_plays_are_taken_as_120(tmp_path: Path, tempo: int):
    found = read_midi(file_of(tmp_path / "a.mid", [(0, "set_tempo", {"tempo": tempo}), *note(0, 480)]))
    assert found.tempo == 120.0
    assert "is taken as 120" in found.notes[0]


def test_drums_and_keys_that_no_piano_has_are_left_out_and_told(tmp_path: Path):
    messages = [*note(0, 480), *note(0, 480, 35, channel=9), *note(0, 480, 20), *note(0, 480, 109)]
    found = read_midi(file_of(tmp_path / "a.mid", messages), 1)
    np.testing.assert_array_equal(found.keys, roll_of((60, 0, 1), steps=1))
    assert found.notes == (
        "1 note of drums (channel 10) left out",
        "2 notes outside of the piano's 88 keys (21 to 108) left out",
    )


@pytest.mark.parametrize("key", [21, 108])
def test_the_lowest_and_the_highest_key_are_read(tmp_path: Path, key: int):
    np.testing.assert_array_equal(
        read_midi(file_of(tmp_path / "a.mid", note(0, 480, key)), 1).keys, roll_of((key, 0, 1), steps=1)
    )


def test_a_key_struck_again_ends_its_note_and_an_open_note_ends_with_its_track(tmp_path: Path):
    on = {"note": 60, "velocity": 64}
    messages = [
        (0, "note_on", on),
        (480, "note_on", on),
        (480, "note_on", {"note": 72, "velocity": 0}),
        *note(480, 480, 62),
    ]
    np.testing.assert_array_equal(
        read_midi(file_of(tmp_path / "a.mid", messages), 1).keys, roll_of((60, 0, 4), (62, 3, 4), steps=4)
    )


# ------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize("steps_per_beat", [1, 2, 3, 4, 7, 96])
def test_what_is_written_is_read_again(tmp_path: Path, steps_per_beat: int):
    keys = np.random.default_rng(0).random((50, 88)) < 0.2
    roll = PianoRoll(keys, steps_per_beat, 97.0)
    found = read_midi(roll.write_midi(tmp_path / "a.mid"), steps_per_beat)
    np.testing.assert_array_equal(found.keys, keys)
    assert found.tempo == pytest.approx(97.0, rel=1e-5)
    assert found.notes == ()


def test_a_written_file_plays_as_long_as_the_roll(tmp_path: Path):
    """By mido's own clock, with silence at both ends."""
    keys = roll_of((60, 2, 4), (64, 2, 6), steps=8)
    roll = PianoRoll(keys, 4, 60.0)
    file = mido.MidiFile(roll.write_midi(tmp_path / "a.mid"))
    assert file.length == pytest.approx(roll.seconds) == pytest.approx(2.0)
    struck = [message for message in file if message.type == "note_on" and message.velocity]
    assert [message.note for message in struck] == [60, 64]
    assert sum(message.type == "note_on" and message.velocity == 0 for message in file) == 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (np.zeros((4, 87), bool), r"keys: expected shape \(T, 88\), a row for each step, got \(4, 87\)"),
        (np.zeros((0, 88), bool), r"keys: expected shape \(T, 88\)"),
        (np.full((2, 88), 0.5), "keys: expected 0 or 1 for each key, got 0.5 at step 0, key 0"),
        (np.full((2, 88), np.nan), "keys: expected 0 or 1 for each key, got nan at step 0, key 0"),
        (np.full((2, 88), "x"), "keys: expected True or False for each key"),
    ],
)
def test_what_is_no_roll_is_refused(keys: np.ndarray, message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        PianoRoll(keys)


# ------------------------------------------------------------------------------------------- what is refused


def bytes_of(*tracks: bytes, type: int = 1, ticks: int = 480) -> bytes:
    head = b"MThd" + (6).to_bytes(4, "big") + b"".join(n.to_bytes(2, "big") for n in (type, len(tracks), ticks))
    return head + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)


GOOD = bytes_of(bytes([0, 0x90, 60, 64, 0x83, 0x60, 0x80, 60, 64, 0, 0xFF, 0x2F, 0]))
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty; expected a MIDI file"),
    "text": (b"no music", "is no MIDI file, which would begin with MThd"),
    "cut": (GOOD[:-6], f"ends within a message, after {len(GOOD) - 6} bytes; the file was cut off"),
    "head alone": (GOOD[:10], "ends within a message"),
    "no track": (bytes_of(), "holds no notes; give a file with notes"),
    "no notes": (bytes_of(bytes([0, 0xFF, 0x2F, 0])), "holds no notes"),
    "drums alone": (bytes_of(bytes([0, 0x99, 35, 64, 96, 0x89, 35, 0])), "holds no notes: 1 note of drums"),
    "broken status": (bytes_of(bytes([0, 0xF4, 60, 64])), "is broken at byte 24: undefined status byte 0xf4"),
    "data above 127": (bytes_of(bytes([0, 0x90, 200, 64])), "is broken at byte 26: data byte must be in range"),
    "type 2": (bytes_of(GOOD[22:], type=2), "is of type 2, which holds independent pieces; save each as a file"),
    "type 7": (bytes_of(GOOD[22:], type=7), "is of type 7, which is none of MIDI's"),
    "frames": (bytes_of(GOOD[22:], ticks=0xE728), "counts time in film frames"),
    "no ticks": (bytes_of(GOOD[22:], ticks=0), "counts time in film frames"),
    "endless": (bytes_of(bytes([0, 0x90, 60, 64, *[0xFF] * 3, 0x7F, 0x80, 60, 0])), "lasts .* steps of 1/4 beat"),
    "long number": (
        bytes_of(bytes([0x81]) * 10**6),
        f"is broken at byte .* a number of more than {LONGEST_NUMBER} bytes",
    ),
    "large": (b"MThd" + bytes(MOST_BYTES), ".*expected a MIDI file of at most 1,048,576"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, name: str):
    data, message = BROKEN[name]
    path = tmp_path / "broken.mid"
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"^{path}: {message}"):
        read_midi(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="none"):
        read_midi(tmp_path / "none.mid")


def test_files_with_altered_bytes_are_read_or_refused(tmp_path: Path):
    """Never another error, and never much time or memory."""
    rng = np.random.default_rng(0)
    roll = PianoRoll(rng.random((60, 88)) < 0.05, 4)
    good = bytearray(roll.write_midi(tmp_path / "good.mid").read_bytes())
    path = tmp_path / "altered.mid"
    began, refused = time.perf_counter(), 0
    tracemalloc.start()
    for _ in range(40):
        data = bytearray(good)
        for place in rng.integers(0, len(data), rng.integers(1, 6)):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        try:
            read_midi(path)
        except DataError:
            refused += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 3 < refused < 37
    assert time.perf_counter() - began < 60
    assert peak < 2 * 100_000 * 88 * 4


@pytest.mark.slow
def test_the_longest_files_need_bounded_time(tmp_path: Path):
    track = mido.MidiTrack(mido.Message("note_on", note=21 + i % 88, velocity=64, time=1) for i in range(340_000))
    file = mido.MidiFile(type=0, tracks=[track])
    packed = io.BytesIO()
    file.save(file=packed)
    (tmp_path / "long.mid").write_bytes(packed.getvalue())
    assert len(packed.getvalue()) < MOST_BYTES
    began = time.perf_counter()
    assert len(read_midi(tmp_path / "long.mid")) == -(-340_000 // 120)
    assert time.perf_counter() - began < 60
