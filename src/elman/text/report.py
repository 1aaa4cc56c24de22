"""A trained model beside simple ones, on the end of the text that it did not learn from."""

from __future__ import annotations

import math
import os
from typing import Any, NamedTuple

from elman.series.errors import DataError
from elman.text.baselines import MOST, compressor_bits, ngram_nats, order_for, unigram_nats
from elman.text.encoding import counted_characters
from elman.text.model import LanguageModel
from elman.text.score import Score
from elman.text.training import cut

__all__ = ["Report", "last_of", "report"]

LAST = 160  # pieces
SCORED = 1 << 20  # pieces of the held-out text at most


class Report(NamedTuple):
    """Scores of the same held-out text.

    model      of the model
    baselines  bits for each character by simple models that know the same text
    known      pieces that were learned from
    """

    model: Score
    baselines: dict[str, float]
    known: int


def report(model: LanguageModel, text: str | bytes | os.PathLike[str]) -> Report:
    """Scores a fitted model and simple models on the end of its training text; at most 2^20 pieces of it.

    All of them know the text before. uniform: all pieces equally probable; unigram: by their frequency; n-gram:
    interpolated after Witten and Bell; xz and bzip2: what these compressors need more for both than for the first.
    N-grams and compressors know the last 2^21 pieces.
    """
    ids, vocabulary = model.pieces(text), model.vocabulary_
    known, held_out = cut(ids, model.validation_fraction)
    if held_out is None:
        raise DataError(
            f"expected a text whose end is held out, got validation_fraction={model.validation_fraction} of {len(ids)}"
        )
    held_out = held_out[: SCORED + 1]
    found, scored, size = model.score_pieces(held_out), held_out[1:], vocabulary.size
    bits = math.log(2) * found.characters
    baselines = {
        "uniform": len(scored) * math.log(size) / bits,
        "unigram": unigram_nats(known, scored, size) / bits,
        f"{order_for(size)}-gram": ngram_nats(known, scored, size) / bits,
    }
    whole = [vocabulary.decode(part) for part in (known[-MOST:], scored)]
    before, after = (part if isinstance(part, bytes) else part.encode() for part in whole)
    for name, needed in compressor_bits(before, after).items():
        baselines[name] = needed / counted_characters(vocabulary, scored)
    return Report(found, baselines, len(known))


def last_of(model: LanguageModel, text: str | bytes | os.PathLike[str]) -> Any:
    """Returns the end of what a model learned from its training text, a str or bytes: what it may go on from."""
    known = cut(model.pieces(text), model.validation_fraction)[0]
    return model.vocabulary_.decode(known[-LAST:])
