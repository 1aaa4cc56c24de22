"""`PianoRoll`: which of the piano's 88 keys sound in each step of a piece."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman import plots
from elman.core import checks
from elman.music.keyboard import FASTEST, LOWEST_KEY, MOST_STEPS_PER_BEAT, SLOWEST, as_keys
from elman.music.midi.writing import write_midi

__all__ = ["PianoRoll"]


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
        return write_midi(path, self.keys, self.steps_per_beat, self.tempo)

    def plot(self, path: str | os.PathLike[str] | None = None, *, ax: Any = None, title: str = "Piano roll") -> Any:
        """Draws the roll: into a file (PNG, SVG or PDF by its ending), whose path is returned; without one on the axes
        `ax`, or those of a new figure, which are returned."""
        chart = plots.RollChart(self.keys, LOWEST_KEY, self.steps_per_beat, title, self.given)
        return plots.roll_plot(chart, path, ax=ax)
