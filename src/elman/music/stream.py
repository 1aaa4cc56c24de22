"""`MusicStream`: a model that composes step by step, with a state that goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.core import checks
from elman.core.layers import Layout
from elman.music.encoding import Encoding
from elman.music.keyboard import KEYS, as_keys
from elman.music.roll import PianoRoll

__all__ = ["MusicStream"]


COLDEST = 1e-6  # stands for a temperature of 0, at which the most probable comes


class MusicStream:
    """Composes a piece step by step; `MusicModel.stream` makes one.

    Each `step` draws the keys of the next step, by the steps before and by the seed; `follow` goes on by keys that are
    given. `state` is all that later steps depend on but the weights: it may be kept, pickled and set again, after which
    the same steps come.
    """

    def __init__(
        self, encoding: Encoding, layout: Layout, thetas: Sequence[np.ndarray], temperature: float, seed: int
    ) -> None:
        self.temperature = max(checks.number("temperature", temperature, low=0.0), COLDEST)
        self._player = encoding.player(layout, thetas)
        self._rng = np.random.default_rng(checks.whole("seed", seed, low=0, high=2**64 - 1))
        self._before = np.zeros(KEYS, bool)
        self._number = 0  # of the step that comes next

    def step(self) -> np.ndarray:
        """Draws the next step and returns its keys, bool (88,)."""
        keys = self._player.step(self._before, self._number, self._rng, self.temperature)
        self._before, self._number = keys, self._number + 1
        return keys

    def follow(self, keys: np.ndarray | PianoRoll) -> None:
        """Goes on by steps that are given, (88,) or (T, 88), in place of drawing them."""
        given = keys.keys if isinstance(keys, PianoRoll) else np.asarray(keys)
        for each in as_keys("keys", np.atleast_2d(given)):
            self._player.follow(self._before, self._number, each)
            self._before, self._number = each.copy(), self._number + 1

    @property
    def state(self) -> dict[str, Any]:
        """The networks' states, the last step's keys, the number of steps, and the state of the random numbers."""
        return {
            "networks": [dict(stream.state) for stream in self._player.streams],
            "before": self._before.copy(),
            "number": self._number,
            "random": self._rng.bit_generator.state,
        }

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        streams = self._player.streams
        if state.keys() != self.state.keys() or len(state["networks"]) != len(streams):
            raise ValueError(f"state: expected one that this model's stream gave, got {checks.shown(state)}")
        before = as_keys("state['before']", np.atleast_2d(state["before"]))[0]
        number = checks.whole("state['number']", state["number"], low=0)
        self._rng.bit_generator.state = state["random"]
        for stream, each in zip(streams, state["networks"], strict=True):
            stream.state = each
        self._before, self._number = before, number
