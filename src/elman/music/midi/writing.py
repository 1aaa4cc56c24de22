"""Notes written as a MIDI file, by mido."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np

from elman.core.staging import replacing
from elman.music.keyboard import KEYS, LOWEST_KEY

__all__ = ["needs_mido", "write_midi"]

VELOCITY = 80
TICKS = 480  # of a beat, or the nearest number that steps divide


def needs_mido() -> None:
    """Raises ModuleNotFoundError, with the command to type, where mido is missing."""
    if importlib.util.find_spec("mido") is None:
        raise ModuleNotFoundError("MIDI files need mido; type: pip install 'elman[midi]'", name="mido")


def write_midi(path: str | os.PathLike[str], keys: np.ndarray, steps_per_beat: int, tempo: float) -> Path:
    """Writes keys (T, 88), in so many steps a beat, as a MIDI file of type 0, and returns its path."""
    needs_mido()
    import mido

    step = max(1, round(TICKS / steps_per_beat))
    file = mido.MidiFile(type=0, ticks_per_beat=step * steps_per_beat)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    track.append(mido.Message("program_change", program=0))
    silent = np.zeros((1, KEYS), np.int8)
    changes = np.diff(keys.astype(np.int8), axis=0, prepend=silent, append=silent)
    before = 0
    for now, key in np.argwhere(changes).tolist():
        velocity = VELOCITY if changes[now, key] > 0 else 0  # 0 ends a note
        track.append(mido.Message("note_on", note=key + LOWEST_KEY, velocity=velocity, time=(now - before) * step))
        before = now
    track.append(mido.MetaMessage("end_of_track", time=(len(keys) - before) * step))
    with replacing(path) as hidden:
        file.save(hidden)
    return Path(path)
