"""Vocabularies: the tokens that `fit` met in a column, and their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elman.core import checks

__all__ = ["PADDING", "RESERVED", "UNKNOWN", "Token", "Vocabulary"]

Token = bool | int | float | str  # what a file can hold; others serve until then
PADDING, UNKNOWN = 0, 1  # ids: behind a sequence's end; of tokens that are not in the vocabulary
RESERVED = 2


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tokens of a column, the most frequent first; token k has the id k + RESERVED.

    rare  whether the fit met tokens that are not among them, from which networks learned what an unknown one is like;
          if not, an unknown token is read as the padding, a vector of zeros
    """

    tokens: tuple[Token, ...]
    rare: bool

    @classmethod
    def of(cls, values: Iterable[Token], min_count: int) -> Vocabulary:
        """Returns the vocabulary of tokens that occur at least `min_count` times; of equal counts, the first met is
        first."""
        counts = Counter(values).most_common()
        tokens = tuple(token for token, count in counts if count >= min_count)
        return cls(tokens, len(tokens) < len(counts))

    def __len__(self) -> int:
        """Returns the number of ids, the reserved ones among them."""
        return len(self.tokens) + RESERVED

    @cached_property
    def _ids(self) -> dict[Token, int]:
        return {token: k for k, token in enumerate(self.tokens, RESERVED)}

    def ids(self, values: np.ndarray) -> np.ndarray:
        """Returns the id of each of N tokens, int64 (N,)."""
        known, unknown = self._ids, UNKNOWN if self.rare else PADDING
        return np.fromiter((known.get(value, unknown) for value in values.tolist()), np.int64, len(values))

    def validate(self) -> None:
        """Raises ValueError where a token stands twice."""
        if len(self._ids) != len(self.tokens):
            raise ValueError(f"tokens: expected each once, got {checks.shown(self.tokens)}")
