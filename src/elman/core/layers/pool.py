"""The layer that makes one vector of all steps of a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from elman.core import checks
from elman.core.frozen import short_repr
from elman.core.layers.layer import Layer, Signal
from elman.core.meant import checks_names

__all__ = ["POOLINGS", "Pool"]

POOLINGS = ("mean", "max", "attention")


@checks_names
@dataclass(frozen=True)
class Pool(Layer):
    """Makes one vector a row of all of its valid steps x_t: (B, T, F) -> (B, F).

    how  "mean": their mean. "max": the highest value of each feature; its gradient goes to the first step that has it.
         "attention": the mean with weights that are a softmax of v . x_t over the steps (Felbo et al. 2017); v (F,),
         the parameter `weight`, begins at zero, as the plain mean
    """

    how: Literal["mean", "max", "attention"]

    kind: ClassVar[str] = "pool"
    __repr__ = short_repr

    def __post_init__(self) -> None:
        checks.choice("how", self.how, POOLINGS)

    @property
    def whole(self) -> bool:
        return True

    def output(self, *read: Signal) -> Signal:
        if read[0].time is None:
            raise ValueError(f"expected {self!r} to read a sequence of numbers, got {read[0]}")
        return Signal(read[0].size, None)

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (size,)} if self.how == "attention" else {}
