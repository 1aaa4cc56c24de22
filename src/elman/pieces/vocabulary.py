"""What a text is made of: characters or bytes, as whole numbers and back; `tokens.py` has words and subwords."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from elman.core import checks

__all__ = ["Bytes", "Characters", "UnknownCharacter", "Vocabulary", "id_type"]

POINTS = 0x110000  # of Unicode


class UnknownCharacter(ValueError):
    """A text holds a character that the training text lacked; `place` counts characters from 0."""

    def __init__(self, character: str, place: int) -> None:
        super().__init__(f"expected characters of the training text, got {character!r} (U+{ord(character):04X})")
        self.character, self.place = character, place


class Vocabulary(Protocol):
    """The pieces of a text, numbered from 0."""

    unit: str  # what one piece is called

    @property
    def by_frequency(self) -> bool:
        """Whether pieces are numbered from the most to the least frequent."""
        ...

    @property
    def size(self) -> int: ...
    @property
    def start(self) -> int:
        """The piece after which a text without a prompt begins."""
        ...

    def encode(self, text: str) -> np.ndarray:
        """Returns the pieces (N,) of a text."""
        ...

    def decode(self, ids: np.ndarray) -> Any:
        """Returns the text of pieces (N,): a str, or bytes."""
        ...


def id_type(size: int) -> np.dtype[Any]:
    """Returns the smallest type of whole numbers that holds so many."""
    return np.min_scalar_type(size - 1)


@dataclass(frozen=True)
class Characters:
    """The characters of a training text, in the order of their code points.

    unknown   what a character that is none of these is: an "error", or left out ("skip")
    """

    symbols: str
    unknown: str = "error"

    unit = "character"
    by_frequency = False

    def validate(self) -> None:
        """Raises ValueError where the characters are none, or not in order."""
        points = [ord(symbol) for symbol in self.symbols]
        if not points or any(a >= b for a, b in pairwise(points)):
            raise ValueError("symbols: expected characters in the order of their code points, each once")
        checks.choice("unknown", self.unknown, ("error", "skip"))

    @property
    def size(self) -> int:
        return len(self.symbols)

    @property
    def start(self) -> int:
        """A line feed, else a space, else the first character."""
        return max(0, self.symbols.find("\n") if "\n" in self.symbols else self.symbols.find(" "))

    def encode(self, text: str) -> np.ndarray:
        points = points_of(text)
        table = np.full(ord(self.symbols[-1]) + 2, -1, np.int64)  # the last entry: all points beyond
        table[points_of(self.symbols)] = np.arange(self.size)
        ids = table[np.minimum(points, len(table) - 1)]
        unknown = ids < 0
        if unknown.any():
            if self.unknown == "error":
                place = int(unknown.argmax())
                raise UnknownCharacter(text[place], place)
            ids = ids[~unknown]
        return ids.astype(id_type(self.size))

    def decode(self, ids: np.ndarray) -> str:
        return points_of(self.symbols)[ids].astype("<u4").tobytes().decode("utf-32-le")


@dataclass(frozen=True)
class Bytes:
    """All 256 bytes: any file is such a text, whatever its encoding; a str is taken in UTF-8."""

    unit = "byte"
    by_frequency = False

    @property
    def size(self) -> int:
        return 256

    @property
    def start(self) -> int:
        return ord("\n")

    def encode(self, text: str | bytes) -> np.ndarray:
        return np.frombuffer(text.encode() if isinstance(text, str) else text, np.uint8)

    def decode(self, ids: np.ndarray) -> bytes:
        return ids.astype(np.uint8).tobytes()


def points_of(text: str) -> np.ndarray:
    """Returns the code points of a text, (N,) uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
