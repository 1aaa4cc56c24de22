"""Text that a model writes, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from elman.network import Network
from elman.network.stream import Stream
from elman.pieces.tokens import Tokens
from elman.pieces.vocabulary import Vocabulary

__all__ = ["Piece", "Sampling", "opened", "pieces", "written"]

AT_ONCE = 1 << 12  # pieces of a prompt


class Sampling(NamedTuple):
    """How pieces are drawn; see `Stream.sample`."""

    temperature: float
    top_k: int | None
    top_p: float | None
    seed: int


class Piece(NamedTuple):
    """One piece of a text that a model writes.

    text           what it adds: characters, or bytes; empty while a character is not complete
    id             its number in the vocabulary
    probabilities  of all pieces in its place (V,), by the model itself, whatever temperature draws
    """

    text: Any
    id: int
    probabilities: np.ndarray

    @property
    def probability(self) -> float:
        return float(self.probabilities[self.id])


def opened(network: Network, prompt: np.ndarray) -> tuple[Stream, int]:
    """Returns a stream that has read a prompt (N,) but for its last piece, and that piece."""
    stream, state = network.stream(), None
    for begin in range(0, len(prompt) - 1, AT_ONCE):
        part = prompt[begin : min(begin + AT_ONCE, len(prompt) - 1)]
        state = network.predict(part, state=state, return_state=True)[1]
    if state is not None:
        stream.state = state
    return stream, int(prompt[-1])


def written(network: Network, vocabulary: Vocabulary, prompt: np.ndarray, length: int, how: Sampling) -> Any:
    """Returns `length` pieces of text after a prompt, at once."""
    stream, last = opened(network, prompt)
    return vocabulary.decode(stream.sample(last, length, **how._asdict()))


def pieces(
    network: Network, vocabulary: Vocabulary, prompt: np.ndarray, length: int | None, how: Sampling
) -> Iterator[Piece]:
    """Yields the pieces that `written` returns, one by one, without an end where `length` is None."""
    stream, last = opened(network, prompt)
    show, number = _shown(vocabulary), 0
    while length is None or number < length:
        ids, logits = stream.sample(np.array([last]), 1, first=number, return_outputs=True, **how._asdict())
        last, wide = int(ids[0, 0]), logits[0, 0].astype(np.float64)
        shares = np.exp(wide - wide.max())
        number += 1
        yield Piece(show(ids[0]), last, shares / shares.sum())


def _shown(vocabulary: Vocabulary) -> Callable[[np.ndarray], Any]:
    """Returns the function that gives what each piece adds to the text."""
    if not isinstance(vocabulary, Tokens):
        return vocabulary.decode
    decoder, library = vocabulary.decoder(), vocabulary.library
    return lambda ids: decoder.step(library, int(ids[0])) or ""
