"""What both kinds of output have in common: how steps of a piece become inputs and targets of a network, and its
outputs become probabilities of keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from elman.core.layers import Layout
from elman.music.keyboard import KEYS
from elman.network.stream import Stream

__all__ = [
    "NONE",
    "VOICES",
    "Encoding",
    "Example",
    "Passage",
    "Player",
    "passages",
    "place_inputs",
    "step_before",
    "voices",
]

VOICES = 6  # keys of a step that are told apart by their number from below; further ones count as the last
NONE = KEYS  # stands for no key


class Passage(NamedTuple):
    """Steps of a piece that are learned from or scored together."""

    keys: np.ndarray  # bool (T, 88), of the whole piece
    begin: int
    end: int


class Example(NamedTuple):
    """A passage as a network sees it: N rows, one for a step or one for each key that sounds in it."""

    x: np.ndarray  # float32 (N, D)
    y: np.ndarray  # targets, float32 (N, 88) or int64 (N,)


class Player(Protocol):
    """Networks that go through a piece step by step, and say or draw what each step brings."""

    streams: list[Stream]

    def step(self, before: np.ndarray, number: int, rng: np.random.Generator, temperature: float) -> np.ndarray:
        """Draws the keys of step `number`, bool (88,), after those `before`."""
        ...

    def follow(self, before: np.ndarray, number: int, keys: np.ndarray) -> None:
        """Goes on by a step whose keys are given."""
        ...


class Encoding(Protocol):
    """One kind of output.

    loss         name of the loss that its networks are trained with; its mean times `terms` is the NLL of a row
    input_size   D;  outputs  O of its networks
    """

    loss: str
    terms: int
    outputs: int

    @property
    def input_size(self) -> int: ...

    def example(self, passage: Passage) -> Example:
        """Returns the inputs and targets of a passage."""
        ...

    def bias(self, targets: np.ndarray) -> np.ndarray:
        """Returns the outputs (O,) of a network that knows nothing but how often each target comes, by all targets
        that are learned from."""
        ...

    def probabilities(self, passage: Passage, logits: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the probability of each key in each step, float64 (T, 88), of which the outputs (N, O) of one or
        several networks speak: of networks together their mean. They are conditional on the steps before and, where
        keys come one after another, on the lower keys of the same step, so that the likelihood of a passage is the
        product over all keys and steps."""
        ...

    def player(self, layout: Layout, thetas: Sequence[np.ndarray]) -> Player:
        """Returns networks of this layout at the beginning of a piece."""
        ...


def passages(keys: np.ndarray, steps: int, begin: int = 0) -> Iterator[Passage]:
    """Cuts a piece from step `begin` on into passages of at most `steps` steps, all about as long."""
    count = max(1, -(-(len(keys) - begin) // steps))
    cuts = np.linspace(begin, len(keys), count + 1).round().astype(int)
    for first, last in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        yield Passage(keys, first, last)


def step_before(passage: Passage) -> np.ndarray:
    """Returns the keys of the step before each step of a passage, bool (T, 88); before the first of a piece is
    silence."""
    keys, begin, end = passage
    if begin:
        return keys[begin - 1 : end - 1]
    return np.concatenate([np.zeros((1, KEYS), bool), keys[: end - 1]])


def place_inputs(x: np.ndarray, numbers: np.ndarray, bar: int) -> None:
    """Writes into zeros x (N, bar + 1) where a step is: which of a bar's steps it is, and whether it is the piece's
    first."""
    x[np.arange(len(x)), numbers % bar] = 1.0
    x[:, bar] = numbers == 0


def voices(keys: np.ndarray) -> np.ndarray:
    """Returns the first VOICES keys of each step from below, int64 (T, VOICES); NONE where there are fewer."""
    steps, found = np.nonzero(keys)
    numbers = (np.cumsum(keys, axis=1) - 1)[steps, found]
    kept = numbers < VOICES
    voices = np.full((len(keys), VOICES), NONE)
    voices[steps[kept], numbers[kept]] = found[kept]
    return voices
