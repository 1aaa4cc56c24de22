"""What a layer is: the base class of all layers' descriptions, and of what flows between layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

__all__ = ["INPUT", "PREVIOUS", "Layer", "Signal"]

PREVIOUS = "previous"  # what a layer reads unless it says otherwise: the output of the layer before it
INPUT = "x"  # the network's main input, whose lengths decide how rows are ordered and cut into shards


class Signal(NamedTuple):
    """What a layer reads or gives: `size` numbers for each step of a sequence, or for each row."""

    size: int
    time: str | None  # the input whose steps and lengths it has; None: one vector a row
    integers: bool = False  # whole numbers (B, T), without an axis of features


class Layer:
    """The base of layers' descriptions, which are frozen dataclasses. docs/adding_a_layer.md shows how to add one.

    kind      its name in files and in the registries of both engines
    compiled  whether the compiled core has it; networks with a layer that it lacks run on the reference engine
    suffixes  its directions, by the suffix that their parameters' and states' names get
    draws     whether it draws random numbers in training
    final     whether it can only be a network's last layer
    sparse    whether an update changes those rows of its parameters alone that have a gradient
    whole     whether a step of its output needs other steps of what it reads than those that its states remember: no
              part of a sequence can then go through it alone
    """

    kind: ClassVar[str]
    integers: ClassVar[bool] = False  # whether it reads whole numbers
    final: ClassVar[bool] = False
    sparse: bool = False

    @property
    def compiled(self) -> bool:
        return True

    @property
    def draws(self) -> bool:
        return False

    @property
    def whole(self) -> bool:
        return False

    @property
    def suffixes(self) -> tuple[str, ...]:
        return ("",)

    def sources(self) -> tuple[str, ...]:
        """Returns the names of what it reads, where no `Node` gives others."""
        return (PREVIOUS,)

    def counts(self) -> range:
        """Returns how many things it can read."""
        return range(len(self.sources()), len(self.sources()) + 1)

    def output(self, *read: Signal) -> Signal:
        """Returns what it gives for what it reads; raises ValueError for what it cannot read."""
        raise NotImplementedError

    def parameter_shapes(self, size: int, *more: int) -> Mapping[str, tuple[int, ...]]:
        """Returns name -> shape of one direction's parameters, in the engines' order; `size` is that of what it reads
        first, `more` are the others'."""
        return {}

    def shared(self) -> Mapping[str, str]:
        """Returns name -> the layer before it whose parameter of this name is its own too, without another place."""
        return {}

    def state_sizes(self) -> Mapping[str, int]:
        """Returns name -> size of one direction's states, in the engines' order."""
        return {}

    def full_name(self, local: str, number: int, count: int) -> str:
        """Returns the name in the network of a parameter or state; of `count` layers of this kind without names,
        `number` stand before it."""
        return f"{self.kind}{number or ''}.{local}"
