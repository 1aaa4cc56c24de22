"""Sequences as rows of statistics and counts of tokens, in which the order of the steps is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.sequence.tables.layout import Column

__all__ = ["Summary", "numbers_of", "tokens_of"]


def numbers_of(x: Sequence[np.ndarray], columns: Sequence[Column]) -> np.ndarray | None:
    """Returns mean, standard deviation, least, largest, first and last value of each column of numbers, and the number
    of steps (n, 6 D + 1); None where no column holds numbers."""
    numeric = [k for k, column in enumerate(columns) if column.kind == "number"]
    if not numeric:
        return None
    rows: list[np.ndarray] = []
    for each in x:
        part = each[:, numeric].astype(np.float64)
        statistics = (part.mean(0), part.std(0), part.min(0), part.max(0), part[0], part[-1])
        rows.append(np.concatenate([*statistics, [len(part)]]))
    return np.array(rows)


def tokens_of(x: Sequence[np.ndarray], columns: Sequence[Column]) -> list[list[tuple[int, str]]] | None:
    """Returns the tokens of each sequence, each with the number of its column; None where no column holds text."""
    text = [k for k, column in enumerate(columns) if column.kind == "text"]
    return [[(k, str(token)) for k in text for token in each[:, k]] for each in x] if text else None


class Summary:
    """A transformer that turns sequences into rows for a linear model: statistics of the numbers, standardised, and a
    bag of the tokens, weighted by TF-IDF.

    columns   of the sequences
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns

    def fit(self, x: Sequence[np.ndarray]) -> Any:
        """Learns scales and the vocabulary, and returns the rows."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.preprocessing import StandardScaler

        tokens: Any = list  # they are cut already
        self._scaler, self._bag = StandardScaler(), TfidfVectorizer(analyzer=tokens, sublinear_tf=True)
        numbers, bags = numbers_of(x, self.columns), tokens_of(x, self.columns)
        return _joined(
            None if numbers is None else self._scaler.fit_transform(numbers),
            None if bags is None else self._bag.fit_transform(bags),
        )

    def __call__(self, x: Sequence[np.ndarray]) -> Any:
        """Returns the rows of other sequences."""
        numbers, tokens = numbers_of(x, self.columns), tokens_of(x, self.columns)
        return _joined(
            None if numbers is None else self._scaler.transform(numbers),
            None if tokens is None else self._bag.transform(tokens),
        )

    @property
    def named(self) -> str:
        """What the rows hold, in words."""
        kinds = {column.kind for column in self.columns}
        words = ["summary statistics"] * ("number" in kinds) + ["a bag of tokens"] * ("text" in kinds)
        return " and ".join(words)


def _joined(numbers: Any, bag: Any) -> Any:
    if bag is None or numbers is None:
        return numbers if bag is None else bag
    from scipy.sparse import csr_matrix, hstack

    return hstack([csr_matrix(numbers), bag]).tocsr()
