"""The class Tape: what a forward pass keeps for its backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.core.layers import Layout
from elman.core.requests import Engine

__all__ = ["Tape", "named"]


@dataclass(frozen=True, repr=False)
class Tape:
    """What `Network.forward` keeps for `Network.backward`: the engine's record and the weights it was made with."""

    engine: Engine
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

    def __repr__(self) -> str:
        return f"Tape(output {self.output_shape})"


def named(layout: Layout, arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Returns a list of states, in the layout's order, as a mapping by name."""
    return {slot.name: array for slot, array in zip(layout.states, arrays, strict=True)}
