"""`PianoRoll`: which of the piano's 88 keys sound in each step of a piece."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman import plots
from elman.core import checks

__all__ = ["KEYS", "LOWEST_KEY", "SLOWEST", "PianoRoll", "as_keys"]

KEYS = 88
LOWEST_KEY = 21  # the MIDI number of the piano's lowest key, A0; the highest, C8, is 108
SLOWEST, FASTEST = 4.0, 1000.0  # beats a minute; a MIDI file can say no slower tempo
MOST_STEPS_PER_BEAT = 96


@dataclass(frozen=True, eq=False)
class PianoRoll:
    """Says which of the piano's 88 keys sound in each step of a piece of music.

    keys            bool (T, 88), from the lowest key (MIDI's 21) to the highest (108); T >= 1
    steps_per_beat  steps of a beat, which is a quarter note in a MIDI file
    tempo           beats a minute, when it is played
    notes           what is told of how it was read, such as "3 notes of drums (channel 10) left out"
    given           so many first steps were given to the model that composed the others

    A roll does not say whether a key that sounds in two steps in a row is held or struck again (it is written as one
    note), nor how loud notes are, which instruments play them, and what happens within a step.
    """

    keys: np.ndarray
    steps_per_beat: int = 4
    tempo: float = 120.0
    notes: tuple[str, ...] = ()
    given: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", as_keys("keys", self.keys))
        steps = checks.whole("steps_per_beat", self.steps_per_beat, low=1, high=MOST_STEPS_PER_BEAT)
        object.__setattr__(self, "steps_per_beat", steps)
        object.__setattr__(self, "tempo", checks.number("tempo", self.tempo, SLOWEST, FASTEST))

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"PianoRoll({len(self)} steps, {self.steps_per_beat} a beat, {self.tempo:g} beats a minute)"

    @property
    def seconds(self) -> float:
        """How long the piece lasts."""
        return 60.0 * len(self) / (self.steps_per_beat * self.tempo)

    def write_midi(self, path: str | os.PathLike[str]) -> Path:
        """Writes a MIDI file of type 0, which plays the roll on a piano, and returns its path.

        ModuleNotFoundError without mido, OSError where the file cannot be written.
        """
        from elman.music.midi import write_midi

        return write_midi(self, path)

    def plot(self, path: str | os.PathLike[str] | None = None, *, ax: Any = None, title: str = "Piano roll") -> Any:
        """Draws the roll: into a file (PNG, SVG or PDF by its ending), whose path is returned; without one on the axes
        `ax`, or those of a new figure, which are returned."""
        chart = plots.RollChart(self.keys, LOWEST_KEY, self.steps_per_beat, title, self.given)
        return plots.roll_plot(chart, path, ax=ax)


def as_keys(name: str, value: Any) -> np.ndarray:
    """Returns the keys of a roll as a bool array (T, 88). TypeError or ValueError for anything else."""
    array: np.ndarray = np.asarray(value)
    if array.ndim != 2 or array.shape[1] != KEYS or not len(array):
        raise ValueError(f"{name}: expected shape (T, {KEYS}), a row for each step, got {array.shape}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected True or False for each key, got an array of {array.dtype}")
    if array.dtype.kind != "b" and not ((array == 0) | (array == 1)).all():
        step, key = np.argwhere((array != 0) & (array != 1))[0]
        raise ValueError(f"{name}: expected 0 or 1 for each key, got {array[step, key]} at step {step}, key {key}")
    return array.astype(bool)
