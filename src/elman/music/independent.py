"""Keys that are independent of one another, given the steps before: one row a step, one logit a key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.core.layers import Layout
from elman.music.encoding import NONE, Example, Passage, place_inputs, step_before, voices
from elman.music.keyboard import KEYS
from elman.network import Network

__all__ = ["IndependentKeys"]

LOWEST = 4  # keys of the step before that are told apart by their number from below


class IndependentKeys:
    """88 Bernoulli variables a step. The network reads the keys of the step before, all together and the lowest ones
    each by its number from below (its voice), and the place in the bar.

    bar  steps of a bar
    """

    loss = "binary_cross_entropy"
    terms = KEYS  # the loss is a mean over the keys
    outputs = KEYS

    def __init__(self, bar: int) -> None:
        self.bar = bar

    @property
    def input_size(self) -> int:
        return KEYS + LOWEST * (NONE + 1) + self.bar + 1

    def example(self, passage: Passage) -> Example:
        keys, begin, end = passage
        return Example(self.inputs(step_before(passage), np.arange(begin, end)), keys[begin:end].astype(np.float32))

    def inputs(self, before: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        x = np.zeros((len(before), self.input_size), np.float32)
        x[:, :KEYS] = before
        places = KEYS + np.arange(LOWEST) * (NONE + 1) + voices(before)[:, :LOWEST]
        np.put_along_axis(x, places, 1.0, axis=1)
        place_inputs(x[:, KEYS + LOWEST * (NONE + 1) :], numbers, self.bar)
        return x

    def bias(self, targets: np.ndarray) -> np.ndarray:
        often = (targets.sum(axis=0, dtype=np.float64) + 0.5) / (len(targets) + 1.0)
        return np.log(often / (1.0 - often))

    def probabilities(self, passage: Passage, logits: Sequence[np.ndarray]) -> np.ndarray:
        return sigmoid(np.stack(logits)).mean(axis=0)

    def player(self, layout: Layout, thetas: Sequence[np.ndarray]) -> IndependentPlayer:
        return IndependentPlayer(self, layout, thetas)


class IndependentPlayer:
    """Networks whose keys are independent, step by step."""

    def __init__(self, encoding: IndependentKeys, layout: Layout, thetas: Sequence[np.ndarray]) -> None:
        self._encoding = encoding
        self.streams = [Network.from_theta(layout, theta).stream() for theta in thetas]

    def step(self, before: np.ndarray, number: int, rng: np.random.Generator, temperature: float) -> np.ndarray:
        logits = self._logits(before, number)
        return rng.random(KEYS) < sigmoid(logits / temperature).mean(axis=0)

    def follow(self, before: np.ndarray, number: int, keys: np.ndarray) -> None:
        self._logits(before, number)

    def _logits(self, before: np.ndarray, number: int) -> np.ndarray:
        x = self._encoding.inputs(before[None], np.array([number]))[0]
        return np.stack([stream.step(x) for stream in self.streams]).astype(np.float64)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Returns 1 / (1 + exp(-logits)) in float64; exp never overflows."""
    part = np.exp(-np.abs(logits.astype(np.float64)))
    return np.where(logits >= 0, 1.0, part) / (1.0 + part)
