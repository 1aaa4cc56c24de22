"""How far what a model writes is from what it should: edit distances, exact matches, BLEU."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Score", "bleu", "edit_distance", "exact_match", "piece_errors"]


class Score(NamedTuple):
    """How well a model foresees targets, and how near to them is what it writes by itself.

    loss         nats for each piece of the targets, their ends counted too, each foreseen from the true ones before it
    perplexity   exp(loss)
    exact_match  share of the sources for which it writes the whole target
    error_rate   insertions, deletions and substitutions of pieces that turn what it writes into the targets, over the
                 pieces of the targets
    bleu         BLEU of 0 to 100 on the words between white space (sacrebleu with tokenize="none"); None for pieces that
                 are no words, and without sacrebleu
    pairs, pieces, unit   how many were scored, and what the pieces are
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
        text = f"loss {self.loss:.3f} nats (perplexity {self.perplexity:.2f}) a piece, exact match {self.exact_match:.1%}"
        text += f", {self.unit} error rate {self.error_rate:.1%}"
        return text + ("" if self.bleu is None else f", BLEU {self.bleu:.1f}") + f" ({self.pairs:,} pairs)"


def edit_distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Returns the smallest number of insertions, deletions and substitutions that turn a into b (Levenshtein 1966)."""
    numbers: dict[Any, int] = {}
    one, other = ([numbers.setdefault(item, len(numbers)) for item in items] for items in (a, b))
    goal, column = np.array(other, np.int64), np.arange(len(other) + 1)
    row = column.copy()
    for i, item in enumerate(one, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (goal != item))  # deletions and substitutions
        row = np.concatenate([[i], best]) - column
        row = np.minimum.accumulate(row) + column  # insertions, all at once
    return int(row[-1])


def piece_errors(
    written: Sequence[Any], targets: Sequence[Any], pieces: Callable[[Any], Sequence[Any]]
) -> tuple[int, int]:
    """Returns the edit distances of what was written to the targets, added up, and the pieces of the targets."""
    split = [(pieces(ours), pieces(true)) for ours, true in zip(written, targets, strict=True)]
    return sum(edit_distance(*pair) for pair in split), sum(len(true) for _, true in split)


def exact_match(written: Sequence[Any], targets: Sequence[Any]) -> float:
    """Returns the share of targets that were written exactly."""
    return sum(ours == true for ours, true in zip(written, targets, strict=True)) / len(targets)


def bleu(written: Sequence[str], targets: Sequence[str]) -> float | None:
    """Returns BLEU on the words between white space; None without sacrebleu."""
    try:
        library: Any = importlib.import_module("sacrebleu")
    except ModuleNotFoundError:
        return None
    return library.BLEU(tokenize="none", force=True).corpus_score(list(written), [list(targets)]).score
