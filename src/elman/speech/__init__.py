"""Recognition of what is said in sounds: `SpeechModel`."""

from __future__ import annotations

from elman.pieces.distance import edit_distance
from elman.speech.alignment import Alignment, Span
from elman.speech.frames import Frames
from elman.speech.model import SpeechModel
from elman.speech.score import SpeechScore, score_of
from elman.speech.stream import Heard, SpeechStream
from elman.speech.wav import read_sound

__all__ = [
    "Alignment",
    "Frames",
    "Heard",
    "Span",
    "SpeechModel",
    "SpeechScore",
    "SpeechStream",
    "edit_distance",
    "read_sound",
    "score_of",
]
