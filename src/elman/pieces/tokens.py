"""Words and subwords as pieces of a text, by the library `tokenizers` (extra `text`)."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from elman.pieces.vocabulary import id_type

__all__ = ["Tokens", "needs_tokenizers", "train_tokens"]

UNKNOWN = "<unk>"  # a word that is none of the most frequent
PIECES = r"\s|\w+|[^\w\s]"  # of a text in words: white space, each on its own; words; other signs


def needs_tokenizers() -> Any:
    """Returns the library. ModuleNotFoundError that says what to type where it is missing."""
    try:
        return importlib.import_module("tokenizers")
    except ModuleNotFoundError:
        needed = "words and subwords need the library tokenizers; type: pip install 'elman[text]'"
        raise ModuleNotFoundError(needed, name="tokenizers") from None


@dataclass(frozen=True)
class Tokens:
    """The most frequent words of a training text, or its subwords by byte pair encoding (Sennrich et al. 2016).

    tokenizer   as the library writes it: JSON
    pieces      how many there are
    """

    tokenizer: str
    pieces: int

    unit = "token"

    def validate(self) -> None:
        """Raises ValueError for JSON that is no tokenizer of so many pieces."""
        json.loads(self.tokenizer)

    @cached_property
    def library(self) -> Any:
        """The tokenizer itself. ValueError where the file's is none."""
        try:
            made = needs_tokenizers().Tokenizer.from_str(self.tokenizer)
        except ModuleNotFoundError:
            raise
        except Exception as error:  # the library has no class of errors of its own
            raise ValueError(f"tokenizer: expected one of the library tokenizers, {error}") from None
        if made.get_vocab_size() != self.pieces:
            raise ValueError(f"tokenizer: expected {self.pieces} pieces, got {made.get_vocab_size()}")
        return made

    @property
    def size(self) -> int:
        return self.pieces

    @property
    def by_frequency(self) -> bool:
        """Words are, behind the unknown one; subwords are in the order in which they were joined."""
        return type(self.library.model).__name__ == "WordLevel"

    @property
    def start(self) -> int:
        """A line feed, else the first piece."""
        return next(iter(self.library.encode("\n").ids), 0)

    def encode(self, text: str) -> np.ndarray:
        return np.array(self.library.encode(text).ids, id_type(self.size))

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[np.ndarray]:
        """Encodes a long text line by line, so that no piece is cut where a block ends."""
        yield from map(self.encode, lines(blocks))

    def decode(self, ids: np.ndarray) -> str:
        return self.library.decode(ids.tolist(), skip_special_tokens=False)

    def characters(self, ids: np.ndarray) -> int:
        """Returns how many characters pieces (N,) stand for."""
        size = 1 << 16
        return sum(len(self.decode(ids[begin : begin + size])) for begin in range(0, len(ids), size))

    def decoder(self) -> Any:
        """Returns what gives the text of each piece as soon as its characters are whole, by `step`; None before."""
        return needs_tokenizers().decoders.DecodeStream(skip_special_tokens=False)


def train_tokens(blocks: Iterable[str], level: str, size: int) -> Tokens:
    """Returns the tokens of a text: at most `size` words, of which the rarer ones are all `<unk>`, or subwords, of
    which any text consists."""
    library = needs_tokenizers()
    if level == "words":
        made = library.Tokenizer(library.models.WordLevel(unk_token=UNKNOWN))
        made.pre_tokenizer = library.pre_tokenizers.Split(library.Regex(PIECES), "isolated")
        made.decoder = library.decoders.Fuse()
        trainer = library.trainers.WordLevelTrainer(
            vocab_size=size, special_tokens=[UNKNOWN], show_progress=False, min_frequency=1
        )
    else:
        made = library.Tokenizer(library.models.BPE())
        made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=max(size, 256),
            initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    made.train_from_iterator(lines(blocks), trainer)
    return Tokens(made.to_str(), made.get_vocab_size())


def lines(blocks: Iterable[str]) -> Iterator[str]:
    """Yields a text in blocks as its lines, each with its end."""
    rest = ""
    for block in blocks:
        *whole, rest = (rest + block).split("\n")
        for line in whole:
            yield line + "\n"
    if rest:
        yield rest
