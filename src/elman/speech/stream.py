"""`SpeechStream`: labels as they are heard, a chunk of samples at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.network import Network
from elman.speech.features import Features
from elman.speech.frames import FrameStream
from elman.speech.labels import Alphabet
from elman.speech.sounds import as_samples, unit

__all__ = ["Heard", "SpeechStream"]


class Heard(NamedTuple):
    """A label, and the end of the step in which it was heard, in seconds since the stream began."""

    label: str
    seconds: float


class SpeechStream:
    """Recognises labels while sound comes in; `SpeechModel.stream` makes one.

    `feed` takes any number of samples and returns the labels that they bring. All chunks together give the labels that
    `predict` gives for the whole, to the bit, whatever the sizes of the chunks: samples that fill no step yet are kept.
    `state` is all that later labels depend on but the weights, and may be kept, pickled and set again.
    """

    def __init__(self, network: Network, features: Features, alphabet: Alphabet) -> None:
        self.features, self.alphabet = features, alphabet
        self._network, self._frames = network.stream(), FrameStream(features.frames)
        self.reset()

    def reset(self) -> None:
        """Begins a new recording."""
        self._network.reset()
        self._frames.samples = np.zeros(0)
        self._last, self._steps = 0, 0

    def feed(self, samples: Any) -> list[Heard]:
        """Returns the labels that come with these samples (N,), int16, or floats with full scale 1, at the model's
        rate."""
        given = as_samples("samples", samples)
        if given.ndim != 1:
            raise ValueError(f"samples: expected one channel (N,), got {checks.shown(given)}")
        found: list[Heard] = []
        frames = self.features.frames
        for step in self.features.scaled(self._frames.feed(unit(given))):
            best = int(self._network.step(step).argmax())
            self._steps += 1
            if best not in (0, self._last):
                end = ((self._steps * frames.stack - 1) * frames.step + frames.frame) / frames.rate
                found.append(Heard(self.alphabet.tokens[best - 1], end))
            self._last = best
        return found

    @property
    def state(self) -> dict[str, Any]:
        """The samples that fill no step yet, the network's state, the last output, and the number of steps."""
        return {
            "samples": self._frames.samples.copy(),
            "network": {name: value.copy() for name, value in self._network.state.items()},
            "last": self._last,
            "steps": self._steps,
        }

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        if state.keys() != self.state.keys():
            raise ValueError(f"state: expected one that this model's stream gave, got {checks.shown(state)}")
        last = checks.whole("state['last']", state["last"], 0, self.alphabet.outputs - 1)
        steps = checks.whole("state['steps']", state["steps"], low=0)
        self._network.state = state["network"]
        self._frames.samples = np.array(state["samples"], np.float64)
        self._last, self._steps = last, steps
