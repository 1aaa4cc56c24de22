"""Named views into a flat vector: a network's parameters, and gradients named alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from elman.core.checks import shown
from elman.core.layers import Layout, Parameter

__all__ = ["Parameters", "initial_state"]


class Parameters(Mapping[str, np.ndarray]):
    """A mapping from names to writable views into one flat vector (P,), in the layout's order.

    `parameters["bias_l0"][:] = 0` and `parameters["bias_l0"] = values` both write into the vector; the second copies an
    array of exactly the parameter's shape. `flat` is the vector itself, so sums and norms over all entries work on one
    array.
    """

    def __init__(self, layout: Layout, flat: np.ndarray) -> None:
        self.layout, self.flat = layout, flat
        self._places = layout.places

    def __getitem__(self, name: str) -> np.ndarray:
        return self._place(name).view(self.flat)

    def __setitem__(self, name: str, values: object) -> None:
        place = self._place(name)
        try:
            array = np.asarray(values)
        except ValueError:  # nested lists of unequal length
            raise ValueError(f"{name}: expected shape {place.shape}, got {shown(values)}") from None
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name}: expected real numbers, got {shown(array)}")
        if array.shape != place.shape:
            raise ValueError(f"{name}: expected shape {place.shape}, got {array.shape}")
        place.view(self.flat)[...] = array

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        width = max(len(name) for name in self)
        return "\n".join(f"{name:{width}}  {place.shape}" for name, place in self._places.items())

    def _place(self, name: str) -> Parameter:
        try:
            return self._places[name]
        except KeyError:
            raise KeyError(f"expected one of {', '.join(self._places)}, got {name!r}") from None


def initial_state(layout: Layout, theta: np.ndarray, n: int) -> list[np.ndarray]:
    """Returns the state before a sequence's first step, aligned with layout.states: learned or zero, (n, size) each."""
    states = [np.zeros((n, slot.size), theta.dtype) for slot in layout.states]
    empty = iter(states)
    for part in layout.parts:
        for parameters, slots in zip(part.parameters, part.states, strict=True) if part.states else ():
            learned = [p for p in parameters if p.role.startswith("state_")]
            for k, _ in enumerate(slots):
                next(empty)[...] = learned[k].view(theta) if learned else 0
    return states
