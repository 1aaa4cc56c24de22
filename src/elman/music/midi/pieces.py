"""Pieces of music in whatever a caller hands over: MIDI files, folders of them, piano rolls and arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.music.midi.reading import read_midi
from elman.music.roll import PianoRoll
from elman.series.errors import DataError, counted

__all__ = ["ENDINGS", "Pieces", "as_pieces", "as_roll"]

ENDINGS = (".mid", ".midi")


class Pieces(NamedTuple):
    """Pieces by their names, and what is told of how they were read."""

    rolls: dict[str, PianoRoll]
    notes: tuple[str, ...]


def as_pieces(name: str, given: Any, steps_per_beat: int, skip_bad: bool = False) -> Pieces:
    """Returns the pieces in a MIDI file, in a folder with all folders in it, in a roll, or in a list of these.

    name            of the argument, for messages
    steps_per_beat  of the grid onto which files are read; rolls must have it, arrays (T, 88) are taken to have it
    skip_bad        leave out files that cannot be read, with a note, in place of the `DataError`
    """
    many = isinstance(given, Iterable) and not isinstance(given, str | os.PathLike | np.ndarray | PianoRoll)
    listed = list(given) if many else [given]
    rolls: dict[str, PianoRoll] = {}
    notes: list[str] = []
    bad = 0
    for i, each in enumerate(listed):
        if not isinstance(each, str | os.PathLike):
            what = f"{name}[{i}]" if many else name
            rolls[f"piece {i + 1}"] = as_roll(what, each, steps_per_beat)
            continue
        for file in _files(Path(each)):
            try:
                roll = read_midi(file, steps_per_beat)
            except (DataError, OSError) as error:
                if not skip_bad:
                    raise
                notes.append(f"left out: {error}")
                bad += 1
                continue
            rolls[str(file)] = roll
            notes += [f"{file.name}: {note}" for note in roll.notes]
    if not rolls:
        what = f"all of {counted(bad, 'file')} are bad, the first {notes[0]}" if bad else f"got {checks.shown(given)}"
        raise DataError(f"{name}: expected at least one piece, {what}")
    return Pieces(rolls, tuple(notes))


def as_roll(name: str, given: Any, steps_per_beat: int) -> PianoRoll:
    """Returns one piece: a roll, an array (T, 88), or the path of a MIDI file. ValueError or TypeError for a roll on
    another grid, and for anything else."""
    if isinstance(given, str | os.PathLike):
        return read_midi(given, steps_per_beat)
    if not isinstance(given, PianoRoll):
        if not isinstance(given, np.ndarray | Sequence):
            raise TypeError(f"{name}: expected a piano roll or a MIDI file, got {checks.shown(given)}")
        return PianoRoll(np.asarray(given), steps_per_beat)
    if given.steps_per_beat != steps_per_beat:
        raise ValueError(
            f"{name}: expected a roll of {steps_per_beat} steps a beat, as the model has, got {given.steps_per_beat};"
            " read the file again with steps_per_beat, or set the model's option"
        )
    return given


def _files(path: Path) -> list[Path]:
    """Returns a file itself, and of a folder the MIDI files in it, in the order of their names."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
    if not found:
        raise DataError(f"holds no MIDI files ({', '.join(ENDINGS)})", path=path)
    return found
