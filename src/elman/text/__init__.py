"""Language models: texts learned, scored and written, by characters, bytes, words or subwords."""

from elman.text.generation import Piece
from elman.text.model import LanguageModel
from elman.text.score import Score

__all__ = ["LanguageModel", "Piece", "Score"]
