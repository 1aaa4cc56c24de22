"""The layer that adds a linear map of the network's input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman.core.layers.layer import INPUT, PREVIOUS, Layer, Signal

__all__ = ["Skip"]


@dataclass(frozen=True)
class Skip(Layer):
    """Adds a linear map, without bias, of the network's own input to what arrives: y + W x (x at the last
    valid step behind `Last` or `Pool`). Not for networks that begin with an `Embedding`."""

    kind: ClassVar[str] = "skip"

    def sources(self) -> tuple[str, ...]:
        return (PREVIOUS, INPUT)

    def output(self, *read: Signal) -> Signal:
        y, x = read
        if x.integers:
            raise ValueError("Skip needs a network with real inputs, got one with Embedding")
        if y.time not in (None, x.time):
            raise ValueError(f"expected Skip to read two sequences of one time axis, got {y} and {x}")
        return y

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (size, *more)}
