"""The probability of each key by the steps before alone, of a model whose keys come one after another.

Such a model says how likely a key is beside the lower keys of its step. How likely it is whatever these are is a mean
over all chords, of which there are too many; so the chords of a step are represented by a fixed number of particles.
All begin with no key. Key by key they are distributed over the tokens that may follow, as the probabilities say, by
systematic sampling (Kitagawa 1996) with a fixed start, so nothing is random; particles with the same keys are computed
once. Each adds the probabilities of all keys that could come next, not of those alone that it gets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.music.chords import END, TOKENS, KeysInOrder, next_token
from elman.music.encoding import Passage, step_before
from elman.music.keyboard import KEYS
from elman.network import Network

__all__ = ["marginals"]


def marginals(encoding: KeysInOrder, networks: Sequence[Network], keys: np.ndarray, particles: int) -> np.ndarray:
    """Returns the probability that each key sounds in each step of a piece, bool (T, 88), after the steps before it."""
    before = step_before(Passage(keys, 0, len(keys)))
    states = [_before_steps(encoding, network, keys) for network in networks]
    # one row for the particles of a step that have the same keys, ordered by step
    steps = np.arange(len(keys))
    last, numbers, count = (np.full(len(keys), value) for value in (END, 0, particles))
    found = np.zeros((len(keys), KEYS))
    while len(steps):
        x = encoding.inputs(last, numbers, before, steps, 0)[:, None]
        chances = np.zeros((len(steps), TOKENS))
        for member, network in enumerate(networks):
            y, states[member] = network.predict(x, state=states[member], return_state=True)
            chances += next_token(y[:, 0], last, 1.0) / len(networks)
        chances *= count[:, None]
        np.add.at(found, steps, chances[:, :KEYS] / particles)
        whole = np.floor(np.cumsum(chances.ravel()) + 0.5).astype(np.int64)
        given = np.diff(whole, prepend=0).reshape(chances.shape)[:, :KEYS]  # particles that go on with each key
        rows, last = np.nonzero(given)
        steps, numbers, count = steps[rows], numbers[rows] + 1, given[rows, last]
        states = [{name: each[rows] for name, each in state.items()} for state in states]
    return np.minimum(found, 1.0 - np.finfo(np.float64).eps)


def _before_steps(encoding: KeysInOrder, network: Network, keys: np.ndarray) -> dict[str, np.ndarray]:
    """Returns a network's states before each step of a piece: name -> (T, H)."""
    found: list[dict[str, np.ndarray]] = []
    state: dict[str, np.ndarray] = {}  # zeros
    for step in range(len(keys)):
        x = encoding.example(Passage(keys, step, step + 1)).x[None]
        _, after = network.predict(x, state=state, return_state=True)
        found.append(state or {name: np.zeros_like(each) for name, each in after.items()})
        state = after
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}
