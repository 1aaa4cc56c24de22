"""MIDI files as piano rolls, read by mido.

A file is read onto a grid of steps: its ticks are counted in beats (quarter notes), so changes of the tempo move no
note. Beginnings and ends of notes go to the nearest step, and a note lasts one step at least. What is left out or moved
is told in the roll's `notes`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.music.keyboard import FASTEST, KEYS, LOWEST_KEY, MOST_STEPS_PER_BEAT, SLOWEST
from elman.music.midi.writing import needs_mido
from elman.music.roll import PianoRoll
from elman.series.errors import DataError, counted

__all__ = ["read_midi"]

MOST_BYTES = 2**20  # of a file: mido needs 500 bytes of memory for each three of a file
MOST_STEPS = 100_000  # of a piece: hours
LONGEST_NUMBER = 2**14  # bytes of a number in a file; mido reads longer ones too, in time that grows with their square
DRUMS = 9  # channel 10, counted from 0 as in the file


class Note(NamedTuple):
    """One note of a file, in ticks."""

    begin: int
    end: int
    key: int  # 0 to 127


def read_midi(path: str | os.PathLike[str], steps_per_beat: int = 4) -> PianoRoll:
    """Reads a MIDI file of type 0 or 1 onto a grid of so many steps a beat, and returns the piano roll.

    All tracks and channels sound together; channel 10, drums, is left out, and so are keys outside of the piano's 88
    (21 to 108). The pedal is not followed. The first tempo is kept. Silence before the first note stays, silence after
    the last is cut. `DataError` for a file that is broken, holds no note of these, or is longer than 1 MiB or 100,000
    steps; ModuleNotFoundError without mido.
    """
    needs_mido()
    steps = checks.whole("steps_per_beat", steps_per_beat, low=1, high=MOST_STEPS_PER_BEAT)
    path = Path(path)
    file = _parsed(path)
    notes, tempos, drums = _notes(file)
    beyond = [note for note in notes if not 0 <= note.key - LOWEST_KEY < KEYS]
    notes = [note for note in notes if 0 <= note.key - LOWEST_KEY < KEYS]
    told = [f"{counted(drums, 'note')} of drums (channel 10) left out"] if drums else []
    if beyond:
        told.append(f"{counted(len(beyond), 'note')} outside of the piano's 88 keys (21 to 108) left out")
    if not notes:
        raise DataError(f"holds no notes{': ' if told else ''}{', '.join(told)}; give a file with notes", path=path)
    tempo = _tempo(tempos, told)
    return PianoRoll(_on_grid(path, notes, steps, file.ticks_per_beat, told), steps, tempo, tuple(told))


class _Guarded(io.BytesIO):
    """The bytes of a file, which refuse numbers that are longer than any file has a use for."""

    _run = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self._run = self._run + 1 if size == 1 and found >= b"\x80" else 0
        if self._run > LONGEST_NUMBER:
            raise ValueError(f"a number of more than {LONGEST_NUMBER} bytes")
        return found


def _parsed(path: Path) -> Any:
    """Returns a file as mido reads it. `DataError` where it is none of type 0 or 1, or too large."""
    import mido

    size = path.stat().st_size
    if not size:
        raise DataError("is empty; expected a MIDI file", path=path)
    if size > MOST_BYTES:
        raise DataError(f"is {size:,} bytes long; expected a MIDI file of at most {MOST_BYTES:,}", path=path)
    data = _Guarded(path.read_bytes()[: MOST_BYTES + 1])
    if not data.getvalue().startswith(b"MThd"):
        raise DataError("is no MIDI file, which would begin with MThd", path=path)
    try:
        file = mido.MidiFile(file=data)
    except EOFError:
        raise DataError(f"ends within a message, after {size} bytes; the file was cut off", path=path) from None
    except Exception as reason:  # mido has no error of its own: it raises what each broken byte happens to cause
        raise DataError(f"is broken at byte {data.tell()}: {reason or type(reason).__name__}", path=path) from None
    if file.type not in (0, 1):
        what = "which holds independent pieces; save each as a file" if file.type == 2 else "which is none of MIDI's"
        raise DataError(f"is of type {file.type}, {what}; expected type 0 or 1", path=path)
    if file.ticks_per_beat <= 0:
        raise DataError("counts time in film frames (SMPTE), not in beats; save it with ticks a beat", path=path)
    return file


def _notes(file: Any) -> tuple[list[Note], list[int], int]:
    """Returns the notes of all tracks, the tempos in the order of time (microseconds a beat), and the number of notes
    on the channel of drums. A note ends where the same key of its track and channel is struck again, and at the end of
    its track."""
    notes: list[Note] = []
    tempos: list[tuple[int, int]] = []
    drums = 0
    for track in file.tracks:
        now, sounding = 0, dict[tuple[int, int], int]()
        for message in track:
            now += message.time
            if message.type == "set_tempo":
                tempos.append((now, message.tempo))
            if message.type not in ("note_on", "note_off"):
                continue
            place = (message.channel, message.note)
            struck = message.type == "note_on" and message.velocity > 0
            if message.channel == DRUMS:
                drums += struck
                continue
            if place in sounding:
                notes.append(Note(sounding.pop(place), now, message.note))
            if struck:
                sounding[place] = now
        notes += [Note(begin, now, key) for (_, key), begin in sounding.items()]
    return notes, [tempo for _, tempo in sorted(tempos, key=lambda pair: pair[0])], drums


def _tempo(tempos: Iterable[int], told: list[str]) -> float:
    """Returns the first tempo in beats a minute, 120 where a file has none; tells of others."""
    listed = list(dict.fromkeys(6e7 / max(tempo, 1) for tempo in tempos)) or [120.0]
    if len(listed) > 1:
        told.append(f"{len(listed)} tempos; the first, {listed[0]:.4g} beats a minute, is kept")
    if not SLOWEST <= listed[0] <= FASTEST:
        told.append(f"a tempo of {listed[0]:.4g} beats a minute is taken as 120")
        return 120.0
    return listed[0]


def _on_grid(path: Path, notes: list[Note], steps_per_beat: int, ticks_per_beat: int, told: list[str]) -> np.ndarray:
    """Returns the keys (T, 88) of notes on a grid; tells of notes that begin between its steps."""

    def step(ticks: int) -> int:
        return (2 * ticks * steps_per_beat + ticks_per_beat) // (2 * ticks_per_beat)  # the nearest; halves go up

    spans = [(begin := step(note.begin), max(begin + 1, step(note.end)), note.key - LOWEST_KEY) for note in notes]
    length = max(end for _, end, _ in spans)
    if length > MOST_STEPS:
        raise DataError(
            f"lasts {length:,} steps of 1/{steps_per_beat} beat; expected at most {MOST_STEPS:,}; give fewer steps a"
            " beat, or a shorter file",
            path=path,
        )
    moved = sum(note.begin * steps_per_beat % ticks_per_beat > 0 for note in notes)
    if moved:
        told.append(
            f"{moved} of {len(notes)} notes begin between the steps of 1/{steps_per_beat} beat; each was moved to the"
            " nearest"
        )
    begins, ends, keys = np.array(spans).T
    sounding = np.zeros((length + 1, KEYS), np.int32)  # first the changes: a note may be as long as the piece
    np.add.at(sounding, (begins, keys), 1)
    np.add.at(sounding, (ends, keys), -1)
    return np.cumsum(sounding[:-1], axis=0, out=sounding[:-1]) > 0
