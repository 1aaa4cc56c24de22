"""The dense layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from elman.core import checks
from elman.core.layers.frozen import store
from elman.core.layers.layer import Layer, Signal
from elman.core.meant import checks_names

__all__ = ["ACTIVATIONS", "Dense"]

ACTIVATIONS = ("tanh", "relu", "sigmoid", "softplus")  # with a name, of layers and of simple cells


@checks_names
@dataclass(frozen=True)
class Dense(Layer):
    """y = act(W h + b) at every step: (B, T, F) -> (B, T, O), or (B, F) -> (B, O) behind `Last`."""

    output_size: int
    activation: Literal["linear", "tanh", "relu", "sigmoid", "softplus"] = "linear"

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        store(self, output_size=checks.count("output_size", self.output_size))
        checks.choice("activation", self.activation, ("linear", *ACTIVATIONS))

    def output(self, *read: Signal) -> Signal:
        return Signal(self.output_size, read[0].time)

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.output_size, size), "bias": (self.output_size,)}

    def full_name(self, local: str, number: int, count: int) -> str:
        """Returns `dense0.weight`, ...; the last dense layer is the head, `head.weight`."""
        return f"head.{local}" if number == count - 1 else f"dense{number}.{local}"
