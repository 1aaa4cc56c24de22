"""The layer that keeps each sequence's last step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman.core.layers.layer import Layer, Signal

__all__ = ["Last"]


@dataclass(frozen=True)
class Last(Layer):
    """Keeps each sequence's last valid step: (B, T, F) -> (B, F). No parameters."""

    kind: ClassVar[str] = "last"

    def output(self, *read: Signal) -> Signal:
        if read[0].time is None:
            raise ValueError(f"expected only Dense, Dropout or Skip behind Last or Pool, got {self!r}")
        return Signal(read[0].size, None)
