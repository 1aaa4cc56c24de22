"""Music: MIDI files as piano rolls, a model that learns from them and composes, and figures to compare pieces by."""

from __future__ import annotations

from elman.music.baselines import Score, baselines
from elman.music.figures import Figures, figures_of
from elman.music.midi.reading import read_midi
from elman.music.model import MusicModel
from elman.music.roll import PianoRoll
from elman.music.stream import MusicStream

__all__ = [
    "Figures",
    "MusicModel",
    "MusicStream",
    "PianoRoll",
    "Score",
    "baselines",
    "figures_of",
    "read_midi",
]
