"""The layer that gives each step the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman.core.layers.layer import Layer, Signal

__all__ = ["Shift"]


@dataclass(frozen=True)
class Shift(Layer):
    """Gives the step before at each step of a sequence of numbers, and zeros at the first: (B, T, F) -> (B, T, F).

    So a decoder that reads its targets sees those before the one that it predicts (teacher forcing). No parameters.
    """

    kind: ClassVar[str] = "shift"

    @property
    def whole(self) -> bool:
        return True

    def output(self, *read: Signal) -> Signal:
        if read[0].time is None:
            raise ValueError(f"expected {self!r} to read a sequence of numbers, got {read[0]}")
        return read[0]
