"""Keys one after another within a step, so that a chord's keys fit together.

A step is written as tokens: its sounding keys from low to high, then `END`. One network reads the tokens of a piece one
by one, and says what the next one is, so the likelihood of a step is exactly the product over its tokens. With each
token it reads where it stands: the keys of the step before, the place in the bar, the number of keys below it in its
own step, and the key that this voice, counted from below, had in the step before. Keys at or below the last one cannot
follow; their probability goes to the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.core.layers import Layout
from elman.music.encoding import NONE, VOICES, Example, Passage, place_inputs, step_before, voices
from elman.music.keyboard import KEYS
from elman.network import Network

__all__ = ["END", "KeysInOrder"]

END = NONE  # the token that ends a step
TOKENS = KEYS + 1


class KeysInOrder:
    """Chords, one key after another from below.

    bar  steps of a bar
    """

    loss = "cross_entropy"
    terms = 1
    outputs = TOKENS

    def __init__(self, bar: int) -> None:
        self.bar = bar

    @property
    def input_size(self) -> int:
        return 2 * TOKENS + VOICES + KEYS + self.bar + 1

    def example(self, passage: Passage) -> Example:
        steps, tokens = _tokens(passage)
        numbers = np.arange(len(tokens)) - _firsts(steps)[steps]  # of a token in its step
        last = np.concatenate([[END], tokens[:-1]])
        return Example(self.inputs(last, numbers, step_before(passage), steps, passage.begin), tokens)

    def inputs(
        self, last: np.ndarray, numbers: np.ndarray, before: np.ndarray, steps: np.ndarray, begin: int
    ) -> np.ndarray:
        """Returns x (N, D) of tokens.

        last     (N,) the token before each, END at the beginning of a step
        numbers  (N,) keys below it in its step
        before   (T, 88) the keys of the step before each step
        steps    (N,) the step of each token, counted from 0
        begin    the number of step 0 in the piece
        """
        each = np.arange(len(last))
        x = np.zeros((len(last), self.input_size), np.float32)
        voice = np.minimum(numbers, VOICES - 1)
        x[each, last] = 1.0
        x[each, TOKENS + voices(before)[steps, voice]] = 1.0
        x[each, 2 * TOKENS + voice] = 1.0
        x[:, 2 * TOKENS + VOICES : 2 * TOKENS + VOICES + KEYS] = before[steps]
        place_inputs(x[:, 2 * TOKENS + VOICES + KEYS :], begin + steps, self.bar)
        return x

    def bias(self, targets: np.ndarray) -> np.ndarray:
        return np.log((np.bincount(targets, minlength=TOKENS) + 0.5) / (len(targets) + 0.5 * TOKENS))

    def probabilities(self, passage: Passage, logits: Sequence[np.ndarray]) -> np.ndarray:
        steps, tokens = _tokens(passage)
        first = _firsts(steps)
        last = np.concatenate([[END], tokens[:-1]])
        chances = np.mean([next_token(each, last, 1.0) for each in logits], axis=0)
        # given that no key from the last one up to before this one sounds
        rest = np.cumsum(chances[:, ::-1], axis=1)[:, ::-1]
        given = np.divide(chances, rest, out=np.zeros_like(chances), where=rest > 0)
        keys = passage.keys[passage.begin : passage.end]
        below = np.cumsum(keys, axis=1) - keys
        return given[first[:, None] + below, np.arange(KEYS)]

    def player(self, layout: Layout, thetas: Sequence[np.ndarray]) -> ChordPlayer:
        return ChordPlayer(self, layout, thetas)


class ChordPlayer:
    """Networks whose keys come one after another, step by step."""

    def __init__(self, encoding: KeysInOrder, layout: Layout, thetas: Sequence[np.ndarray]) -> None:
        self._encoding = encoding
        self.streams = [Network.from_theta(layout, theta).stream() for theta in thetas]

    def step(self, before: np.ndarray, number: int, rng: np.random.Generator, temperature: float) -> np.ndarray:
        keys = np.zeros(KEYS, bool)
        last = END
        while True:  # each key is above the last, so it ends
            logits = np.stack(self._outputs(last, keys, before, number))
            chances = next_token(logits, np.full(len(logits), last), temperature).mean(axis=0)
            last = int(np.searchsorted(np.cumsum(chances), rng.random() * chances.sum(), side="right"))
            if last >= END:
                return keys
            keys[last] = True

    def follow(self, before: np.ndarray, number: int, keys: np.ndarray) -> None:
        done = np.zeros(KEYS, bool)
        self._outputs(END, done, before, number)
        for key in np.flatnonzero(keys).tolist():
            done[key] = True
            self._outputs(key, done, before, number)

    def _outputs(self, last: int, keys: np.ndarray, before: np.ndarray, number: int) -> list[np.ndarray]:
        """Returns the logits (89,) of each network for the token after `last`, where `keys` of the step are there."""
        zero = np.zeros(1, np.int64)
        x = self._encoding.inputs(np.array([last]), np.array([keys.sum()]), before[None], zero, number)[0]
        return [stream.step(x) for stream in self.streams]


def next_token(logits: np.ndarray, last: np.ndarray, temperature: float) -> np.ndarray:
    """Returns the chances of the next token, float64 (N, 89), by logits (N, 89) and the tokens (N,) before them: keys
    at or below the last key have none."""
    tokens = np.arange(TOKENS)
    possible = (tokens == END) | (last[:, None] == END) | (tokens > last[:, None])
    scaled = np.where(possible, logits.astype(np.float64) / temperature, -np.inf)
    chances = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return chances / chances.sum(axis=1, keepdims=True)


def _tokens(passage: Passage) -> tuple[np.ndarray, np.ndarray]:
    """Returns the tokens of a passage in order, int64 (N,), behind the step (N,) of each, counted from 0."""
    keys = passage.keys[passage.begin : passage.end]
    wide = np.concatenate([keys, np.ones((len(keys), 1), bool)], axis=1)
    steps, tokens = np.nonzero(wide)
    return steps, tokens


def _firsts(steps: np.ndarray) -> np.ndarray:
    """Returns the place of the first token of each step."""
    return np.searchsorted(steps, np.arange(steps[-1] + 1))
