"""Sequence to sequence: models that read one sequence and write another."""

from elman.pieces.distance import edit_distance
from elman.seq2seq.measures import Score
from elman.seq2seq.model import EncoderDecoder
from elman.seq2seq.translation import Alignment, Translation

__all__ = ["Alignment", "EncoderDecoder", "Score", "Translation", "edit_distance"]
