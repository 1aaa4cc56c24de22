"""The class Tape: what a forward pass keeps for its backward pass, and that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core.layers import Layout
from elman.core.parameters import Parameters
from elman.core.requests import Engine, Prepared
from elman.network import arguments

__all__ = ["Tape", "named"]


@dataclass(slots=True, repr=False, eq=False)
class Tape:
    """What `Network.forward` keeps for `Network.backward`: the engine's record and the weights it was made with."""

    engine: Engine
    prepared: Prepared
    record: Any
    layout: Layout
    theta: np.ndarray
    output_shape: tuple[int, ...]
    lengths: np.ndarray | None  # (B,); None: all T
    single: bool
    final: list[np.ndarray]

    @property
    def state(self) -> dict[str, np.ndarray]:
        """The state after each row's last step, by name, each (B, H)."""
        return named(self.layout, self.final)

    @property
    def hidden(self) -> list[np.ndarray]:
        """The output of each recurrent layer, (B, T, H) or (B, T, 2H); (T, ...) for one sequence."""
        found = self.engine.hidden(self.record)
        return [array[0] for array in found] if self.single else list(found)

    def backward(
        self, dy: ArrayLike | None, dh: Any, dstate: Mapping[str, ArrayLike] | None, truncate: int | None
    ) -> tuple[Parameters, Any, dict[str, np.ndarray]]:
        """Returns the gradients; see `Network.backward`."""
        layout, dtype = self.layout, self.theta.dtype
        usual = dh is dstate is truncate is self.lengths is None
        if usual and (found := self.prepared.backward(self.theta, self.record, dy, self.single)) is not None:
            gradient, dx, dstate0 = found
            return Parameters(layout, gradient), dx, named(layout, dstate0)
        upstream = None
        if dy is not None:
            upstream = arguments.as_upstream("dy", dtype, dy, self.output_shape, self.lengths, self.single)
        hidden = [] if dh is None else [array.shape for array in self.hidden]
        gradient, dx, dstate0 = self.engine.backward(
            layout,
            self.theta,
            self.record,
            upstream,
            arguments.as_hidden_upstream(dtype, dh, hidden, self.lengths, self.single),
            arguments.as_state("dstate", layout, dtype, dstate, len(self.final[0])),
            arguments.as_truncate(truncate),
        )
        dx = dx[0] if dx is not None and self.single else dx
        return Parameters(layout, gradient), dx, named(layout, dstate0)

    def __repr__(self) -> str:
        return f"Tape(output {self.output_shape})"


def named(layout: Layout, arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Returns a list of states, in the layout's order, as a mapping by name."""
    return {slot.name: array for slot, array in zip(layout.states, arrays, strict=True)}
