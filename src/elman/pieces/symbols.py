"""Pieces that are known one by one: characters, words between white space, or tokens of one's own; and subwords of a
text on its own. What is in no vocabulary is met by a policy that its owner states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from elman.core import checks
from elman.pieces.tokens import Tokens, train_tokens

__all__ = ["LEVELS", "POLICIES", "UNKNOWN", "Pieces", "Subwords", "Symbols", "UnknownPiece", "learned_pieces", "taken"]

LEVELS = ("characters", "words", "subwords", "tokens")
UNKNOWN = "<unk>"
POLICIES = ("error", "skip", UNKNOWN)
Symbol = int | str  # what a file can hold


class UnknownPiece(ValueError):
    """A text holds a piece that is in no vocabulary."""

    def __init__(self, level: str, piece: Any) -> None:
        super().__init__(
            f"expected {level} of the training data, got {checks.shown(piece)};"
            f" unknown={UNKNOWN!r} takes it for an unknown one, unknown='skip' leaves it out"
        )
        self.piece = piece


class Pieces(Protocol):
    """A vocabulary of texts that stand alone, such as sentences: their pieces, numbered from 0."""

    @property
    def size(self) -> int: ...

    @property
    def level(self) -> str:
        """One of LEVELS."""
        ...

    def encode(self, text: Any) -> np.ndarray:
        """Returns the pieces (N,) of a text, int64; of level "tokens" of a list. UnknownPiece where the policy is an
        error."""
        ...

    def decode(self, ids: np.ndarray) -> Any:
        """Returns the text, or the list of tokens, of pieces (N,)."""
        ...

    def shown(self, ids: np.ndarray) -> list[str]:
        """Returns each piece as people read it."""
        ...


@dataclass(frozen=True)
class Symbols:
    """Pieces known one by one, the most frequent first.

    level    "characters" of a str; "words" of it, between white space; "tokens" of a list: strings or whole numbers
    unknown  what any other piece is: an "error", left out ("skip"), or "<unk>", whose number is the last
    """

    level: str
    symbols: tuple[Symbol, ...]
    unknown: str

    def validate(self) -> None:
        """Raises ValueError where a symbol stands twice, or the options are none."""
        checks.choice("level", self.level, ("characters", "words", "tokens"))
        checks.choice("unknown", self.unknown, POLICIES)
        if len(self._ids) != len(self.symbols) or UNKNOWN in self._ids:
            raise ValueError(f"symbols: expected each once, and none that is {UNKNOWN!r}")
        if self.level != "tokens" and not all(isinstance(symbol, str) for symbol in self.symbols):
            raise ValueError(f"symbols: expected strings for level={self.level!r}")

    @cached_property
    def _ids(self) -> dict[Symbol, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    @property
    def size(self) -> int:
        return len(self.symbols) + (self.unknown == UNKNOWN)

    def encode(self, text: Any) -> np.ndarray:
        known, rest = self._ids, len(self.symbols) if self.unknown == UNKNOWN else -1
        given = taken(self.level, text)
        ids = np.fromiter((known.get(piece, rest) for piece in given), np.int64, len(given))
        if rest < 0 and (ids < 0).any():
            if self.unknown == "error":
                raise UnknownPiece(self.level, given[int((ids < 0).argmax())])
            ids = ids[ids >= 0]
        return ids

    def decode(self, ids: np.ndarray) -> Any:
        found = [self.symbols[number] if number < len(self.symbols) else UNKNOWN for number in ids.tolist()]
        return found if self.level == "tokens" else ("" if self.level == "characters" else " ").join(map(str, found))

    def shown(self, ids: np.ndarray) -> list[str]:
        return [str(self.symbols[number]) if number < len(self.symbols) else UNKNOWN for number in ids.tolist()]


@dataclass(frozen=True)
class Subwords:
    """Subwords of texts by byte pair encoding, of which any text consists; each knows whether it begins a word."""

    tokens: Tokens

    level = "subwords"

    @property
    def size(self) -> int:
        return self.tokens.size

    def encode(self, text: Any) -> np.ndarray:
        taken(self.level, text)
        return self.tokens.encode(f" {text}").astype(np.int64) if text else np.zeros(0, np.int64)

    def decode(self, ids: np.ndarray) -> str:
        return self.tokens.decode(ids).removeprefix(" ")

    def shown(self, ids: np.ndarray) -> list[str]:
        names = map(self.tokens.library.id_to_token, ids.tolist())
        whole = [self.tokens.decode(ids[i : i + 1]) for i in range(len(ids))]
        # half of a character has no text of its own
        return [text.strip() if "\ufffd" not in text else name for text, name in zip(whole, names, strict=True)]


def taken(level: str, text: Any) -> Sequence[Any]:
    """Returns a text as the pieces of a level, but for "subwords" as it is. TypeError for what has none."""
    if level == "tokens":
        if not isinstance(text, list | tuple):
            raise TypeError(f"expected a list of tokens (level='tokens'), got {checks.shown(text)}")
        for token in text:  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(token, int | str) or isinstance(token, bool):
                raise TypeError(f"expected tokens that are strings or whole numbers, got {checks.shown(token)}")
        return text  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(text, str):
        raise TypeError(f"expected a str (level={level!r}), got {checks.shown(text)}")
    return text.split() if level == "words" else text


def learned_pieces(texts: Iterable[Any], level: str, size: int, min_count: int, unknown: str) -> Symbols | Subwords:
    """Returns the vocabulary of texts: of at most `size` pieces that occur at least `min_count` times.

    ValueError where more pieces occur and the policy for the others is an error.
    """
    if level == "subwords":
        return Subwords(train_tokens((f" {text}\n" for text in texts), level, size))
    counts: Counter[Symbol] = Counter()
    for text in texts:
        counts.update(taken(level, text))
    counts.pop(UNKNOWN, None)
    kept = [symbol for symbol, count in counts.most_common(size) if count >= min_count]  # ties: the first met
    if unknown == "error" and len(kept) < len(counts):
        raise ValueError(
            f"unknown: expected {UNKNOWN!r} or 'skip' for the {len(counts) - len(kept):,} of {len(counts):,} {level}"
            f" that are not among the {size:,} most frequent or occur less than {min_count} times, got 'error'"
        )
    return Symbols(level, tuple(kept), unknown)
