"""The dense layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from elman.core import checks
from elman.core.frozen import added, short_repr, store
from elman.core.layers.embedding import check_tied
from elman.core.layers.layer import Layer, Signal
from elman.core.meant import checks_names

__all__ = ["ACTIVATIONS", "Dense"]

ACTIVATIONS = ("tanh", "relu", "sigmoid", "softplus")  # with a name, of layers and of simple cells


@checks_names
@dataclass(frozen=True)
class Dense(Layer):
    """y = act(W h + b) at every step: (B, T, F) -> (B, T, O), or (B, F) -> (B, O) behind `Last`.

    tied  the name of an Embedding before it with a table (O, F), "embedding" for one without a name: W is that table,
          one parameter for both uses, whose gradients are added (Press and Wolf 2017); the bias is its own. A
          padding row gets the gradient of this use. None: W is its own
    """

    output_size: int
    activation: Literal["linear", "tanh", "relu", "sigmoid", "softplus"] = "linear"
    tied: str | None = added(None)

    kind: ClassVar[str] = "dense"
    __repr__ = short_repr

    def __post_init__(self) -> None:
        store(self, output_size=checks.count("output_size", self.output_size))
        checks.choice("activation", self.activation, ("linear", *ACTIVATIONS))
        check_tied(self.tied)

    def output(self, *read: Signal) -> Signal:
        return Signal(self.output_size, read[0].time)

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.output_size, size), "bias": (self.output_size,)}

    def shared(self) -> dict[str, str]:
        return {} if self.tied is None else {"weight": self.tied}

    def full_name(self, local: str, number: int, count: int) -> str:
        """Returns `dense0.weight`, ...; the last dense layer is the head, `head.weight`."""
        return f"head.{local}" if number == count - 1 else f"dense{number}.{local}"
