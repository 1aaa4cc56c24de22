"""The dropout layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman.core import checks
from elman.core.frozen import below_one, short_repr, store
from elman.core.layers.layer import Layer, Signal

__all__ = ["Dropout"]


@dataclass(frozen=True)
class Dropout(Layer):
    """In training, each number is 0 with probability `rate`, else divided by 1 - rate; nothing in prediction.

    variational  one draw for each feature and sequence, the same at all steps (Gal and Ghahramani 2016); else each
                 step has its own
    """

    rate: float
    variational: bool = False

    kind: ClassVar[str] = "dropout"
    __repr__ = short_repr

    def __post_init__(self) -> None:
        store(self, rate=below_one("rate", self.rate))
        checks.flag("variational", self.variational)

    @property
    def draws(self) -> bool:
        return self.rate > 0

    def output(self, *read: Signal) -> Signal:
        return read[0]
