"""What is said in sounds, as labels: characters, or words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.core import checks
from elman.series.errors import DataError, listed, shorten

__all__ = ["LEVELS", "Alphabet", "as_tokens", "learned_alphabet"]

LEVELS = ("characters", "words")
MOST = 2**16  # different labels


@dataclass(frozen=True)
class Alphabet:
    """The labels that a model knows. Label k of `tokens` is the network's output k + 1; output 0 is the blank.

    level   "characters": what is said is a str; "words": a list of them
    """

    tokens: tuple[str, ...]
    level: str

    def validate(self) -> None:
        """Raises ValueError for an alphabet that no fit leaves."""
        checks.choice("level", self.level, LEVELS)
        if not 1 <= len(self.tokens) <= MOST or len(set(self.tokens)) < len(self.tokens):
            raise ValueError(f"tokens: expected 1 to {MOST} different labels, got {len(self.tokens)}")
        if self.level == "characters" and any(len(each) != 1 for each in self.tokens):
            raise ValueError("tokens: expected single characters")

    @property
    def outputs(self) -> int:
        """Outputs of a network: the labels and the blank."""
        return len(self.tokens) + 1

    def encoded(self, name: str, labels: Iterable[Any]) -> list[np.ndarray]:
        """Returns what is said in each sound as outputs, int64 (U,). DataError, which says where, for a label that is
        not known."""
        numbers = {token: i + 1 for i, token in enumerate(self.tokens)}
        found: list[np.ndarray] = []
        for i, tokens in enumerate(as_tokens(name, labels, self.level)):
            unknown = next((token for token in tokens if token not in numbers), None)
            if unknown is not None:
                raise DataError(
                    f"{name}[{i}]: {shorten(unknown)} is not among the labels that the model learned:"
                    f" {listed(self.tokens)}"
                )
            found.append(np.array([numbers[token] for token in tokens], np.int64))
        return found

    def decoded(self, outputs: Iterable[int]) -> Any:
        """Returns labels from outputs: a str of characters, or a list of words."""
        tokens = [self.tokens[int(each) - 1] for each in outputs]
        return "".join(tokens) if self.level == "characters" else tokens

    def shown(self, said: Sequence[str]) -> str:
        """Returns what is said as one line of text."""
        return "".join(said) if self.level == "characters" else " ".join(said)


def as_tokens(name: str, labels: Any, level: str) -> list[list[str]]:
    """Returns what is said in each sound as a list of labels. A str is cut into characters, or at white space into
    words; a list of words is taken as it is."""
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise TypeError(f"{name}: expected a list, what is said in each sound, got {checks.shown(labels)}")
    found: list[list[str]] = []
    for i, each in enumerate(labels):
        if isinstance(each, str):
            found.append(list(each) if level == "characters" else each.split())
            continue
        tokens = list(each) if isinstance(each, Iterable) else None
        if tokens is None or not all(isinstance(token, str) and token for token in tokens):
            raise TypeError(f"{name}[{i}]: expected a str or a list of words, got {checks.shown(each)}")
        if level == "characters":
            raise ValueError(f'{name}[{i}]: expected a str; lists of words are labels of level="words"')
        found.append(tokens)
    return found


def learned_alphabet(name: str, labels: Iterable[Any], level: str) -> Alphabet:
    """Returns the alphabet of the labels of all sounds, in order. DataError where nothing is said in any of them, and
    for more than MOST different labels."""
    tokens = sorted({token for each in as_tokens(name, labels, level) for token in each})
    if not tokens:
        raise DataError(f"{name}: expected something that is said in the sounds, got nothing in any of them")
    if len(tokens) > MOST:
        raise DataError(f"{name}: expected at most {MOST} different labels, got {len(tokens)}")
    return Alphabet(tuple(tokens), level)
