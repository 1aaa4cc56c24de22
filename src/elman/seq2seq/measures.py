"""How far what a model writes is from what it should: edit distances, exact matches, BLEU."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from elman.pieces.distance import edit_distance

__all__ = ["Score", "Written", "bleu", "compared"]


class Written(NamedTuple):
    """How near to targets comes what a model, or a simple rule, writes.

    exact_match  share of the targets that were written exactly
    error_rate   insertions, deletions and substitutions of pieces that turn what was written into the targets, over
                 the pieces of the targets
    bleu         BLEU of 0 to 100 on the words between white space (sacrebleu with tokenize="none"); None for pieces
                 that are no words, and without sacrebleu
    pairs, pieces, unit   how many targets there are, their pieces, and what these are: "character", "word", "token"
    """

    exact_match: float
    error_rate: float
    bleu: float | None
    pairs: int
    pieces: int
    unit: str

    def __str__(self) -> str:
        text = f"exact match {self.exact_match:.1%}, {self.unit} error rate {self.error_rate:.1%}"
        return text + ("" if self.bleu is None else f", BLEU {self.bleu:.1f}") + f" ({self.pairs:,} pairs)"


class Score(NamedTuple):
    """How well a model foresees targets, and how near to them is what it writes by itself; see `Written`.

    loss         nats for each piece of the targets, their ends counted too, each foreseen from the true ones before it
    perplexity   exp(loss)
    """

    loss: float
    exact_match: float
    error_rate: float
    bleu: float | None
    pairs: int
    pieces: int
    unit: str

    @property
    def perplexity(self) -> float:
        return math.exp(min(self.loss, 700.0))

    def __str__(self) -> str:
        return f"loss {self.loss:.3f} nats (perplexity {self.perplexity:.2f}) a piece, {Written(*self[1:])}"


def compared(written: Sequence[Any], targets: Sequence[Any], level: str) -> Written:
    """Returns how near what was written comes to targets of this level, one each. Words are what stands between white
    space, however much of it."""
    if level in ("words", "subwords"):
        ours, true = ([" ".join(text.split()) for text in texts] for texts in (written, targets))
        return _measured(ours, true, str.split, "word", bleu(ours, true))
    as_given = list if level == "tokens" else str
    ours, true = ([as_given(text) for text in texts] for texts in (written, targets))
    return _measured(ours, true, list, level[:-1], None)


def _measured(
    ours: list[Any], true: list[Any], pieces: Callable[[Any], Sequence[Any]], unit: str, words: float | None
) -> Written:
    split = [(pieces(one), pieces(other)) for one, other in zip(ours, true, strict=True)]
    errors, count = sum(edit_distance(*pair) for pair in split), sum(len(other) for _, other in split)
    exact = sum(one == other for one, other in zip(ours, true, strict=True)) / len(true)
    return Written(exact, errors / max(1, count), words, len(true), count, unit)


def bleu(written: Sequence[str], targets: Sequence[str]) -> float | None:
    """Returns BLEU on the words between white space; None without sacrebleu."""
    try:
        library: Any = importlib.import_module("sacrebleu")
    except ModuleNotFoundError:
        return None
    return library.BLEU(tokenize="none", force=True).corpus_score(list(written), [list(targets)]).score
