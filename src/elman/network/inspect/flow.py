"""The map of the state that a network makes under a constant input, and its Jacobian."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.network import Network, arguments

__all__ = ["Flow", "as_states", "by_name", "jacobian", "joined", "step"]

ROWS = 1 << 13  # rows of one call of the network


def step(network: Network, x: ArrayLike, states: ArrayLike) -> np.ndarray:
    """Returns F(s) at `states` (N, S), or at one (S,): the states one step later under the input x, in float64."""
    flow = Flow(network, x)
    array, single = as_states(flow, states)
    after = flow.step(array)
    return after[0] if single else after


def jacobian(network: Network, x: ArrayLike, states: ArrayLike) -> np.ndarray:
    """Returns the exact dF/ds (N, S, S) at `states` (N, S), or (S, S) at one (S,); row i is the gradient of F_i."""
    flow = Flow(network, x)
    array, single = as_states(flow, states)
    found = flow.jacobian(array)
    return found[0] if single else found


def joined(network: Network, state: Mapping[str, ArrayLike]) -> np.ndarray:
    """Returns a state by name, each (N, size), as rows (N, S) in the order of `state_names`; a missing name is 0."""
    arrays = {name: np.atleast_2d(np.asarray(value)) for name, value in state.items()}
    counts = {len(array) for array in arrays.values()}
    if len(counts) != 1:
        raise ValueError(f"state: expected arrays with one number of rows, got {sorted(counts) or 'none'}")
    listed = arguments.as_state("state", network.layout, np.dtype(np.float64), arrays, counts.pop())
    return np.concatenate(listed or [], axis=1)


class Flow:
    """The map s -> F(s) of a float64 copy of a network under one input, and its Jacobian."""

    def __init__(self, network: Network, x: ArrayLike) -> None:
        if not isinstance(network, Network):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"network: expected an elman.Network, got {checks.shown(network)}")
        if network.layout.bidirectional:
            raise ValueError(
                "network: expected one direction, got a bidirectional network, whose state has no next step"
            )
        if network.layout.whole:
            raise ValueError(f"network: expected layers that read one step at a time, got {network.layout.whole}")
        self.network = Network.from_theta(network.layout, network.weights.copy().astype(np.float64))
        self.slots = tuple((slot.name, slot.size) for slot in network.layout.states)
        self.size = sum(size for _, size in self.slots)
        self.x = np.asarray(x)
        if self.x.ndim != (0 if network.layout.integer_input else 1):
            expected = "a whole number" if network.layout.integer_input else f"shape ({network.input_size},)"
            raise ValueError(f"x: expected {expected}, got {checks.shown(x)}")
        self.network.predict(self.x[None])  # refuses what is wrong with it

    def step(self, states: np.ndarray, steps: int = 1) -> np.ndarray:
        """Returns the states (N, S) that follow `states` (N, S) after so many steps."""
        if not len(states):
            return states
        rows = np.broadcast_to(self.x, (len(states), steps, *self.x.shape))
        state = by_name(self.slots, states)
        return np.concatenate(list(self.network.predict(rows, state=state, return_state=True)[1].values()), axis=1)

    def jacobian(self, states: np.ndarray) -> np.ndarray:
        """Returns dF/ds (N, S, S) at states (N, S), by S rows of a batch for each: row i carries F_i's gradient
        back."""
        found = np.empty((len(states), self.size, self.size))
        many = max(1, ROWS // self.size)
        for i in range(0, len(states), many):
            part = states[i : i + many]
            rows = np.broadcast_to(self.x, (len(part) * self.size, 1, *self.x.shape))
            _, tape = self.network.forward(rows, state=by_name(self.slots, np.repeat(part, self.size, axis=0)))
            ones = by_name(self.slots, np.tile(np.eye(self.size), (len(part), 1)))
            before = self.network.backward(tape, None, dstate=ones)[2]
            found[i : i + many] = np.concatenate(list(before.values()), axis=1).reshape(len(part), self.size, self.size)
        return found


def by_name(slots: tuple[tuple[str, int], ...], states: np.ndarray) -> dict[str, np.ndarray]:
    """Returns states (N, S) as a mapping by name, each (N, size)."""
    cuts = np.cumsum([size for _, size in slots])[:-1]
    return {name: part for (name, _), part in zip(slots, np.split(states, cuts, axis=1), strict=True)}


def as_states(flow: Flow, states: ArrayLike) -> tuple[np.ndarray, bool]:
    """Returns states from users as float64 (N, S), and whether one state (S,) came alone."""
    array = arguments.as_real("states", states, np.dtype(np.float64))
    single = array.ndim == 1
    arguments.check_width("states", array.shape, [("N", flow.size), (flow.size,)])
    array = array[None] if single else array
    if not np.isfinite(array).all():
        raise ValueError("states: expected finite numbers, got NaN or infinity")
    return array, single
