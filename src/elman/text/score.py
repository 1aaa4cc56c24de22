"""How well a model foresees a text."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Score"]


class Score(NamedTuple):
    """The surprise of a model at a text, each piece foreseen from all before it; the first one is not scored.

    nats        minus the natural logarithm of the text's probability
    pieces      characters, bytes or tokens that were scored, and what they are called: unit
    characters  that they stand for
    """

    nats: float
    pieces: int
    characters: int
    unit: str

    @property
    def nats_per_character(self) -> float:
        return self.nats / self.characters

    @property
    def bits_per_character(self) -> float:
        """The bits that the model needs for a character of the text, as a compressor would."""
        return self.nats_per_character / math.log(2)

    @property
    def nats_per_piece(self) -> float:
        return self.nats / self.pieces

    @property
    def perplexity(self) -> float:
        """exp(nats for each piece): among so many equally probable pieces the model chooses."""
        return math.exp(min(self.nats_per_piece, 700.0))

    def __str__(self) -> str:
        text = f"{self.bits_per_character:.3f} bits ({self.nats_per_character:.3f} nats) per character"
        return f"{text}, perplexity {self.perplexity:.2f} per {self.unit} ({self.pieces:,} {self.unit}s)"
