"""What a loss is: the base class of all losses' descriptions."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = ["Loss"]


class Loss:
    """The base of losses' descriptions, which are frozen dataclasses. docs/adding_a_layer.md shows how to add one.

    A loss is a sum of terms over rows, valid steps and targets, divided by a normaliser known beforehand; so it can be
    summed shard by shard. Every term is multiplied by its step's `sample_weight` (1 where none is given).

    kind                its name in the registries of both engines, and as `loss="mse"`
    compiled            whether the compiled core has it; any other is evaluated by the reference, between a compiled
                        way forward and a compiled way back
    classes             whether targets are whole numbers in [0, O), one a step, instead of rows of real numbers
    ragged              whether a row's target is one sequence of whole numbers in [0, O) with a length of its own, and
                        a term is one row
    mean                whether the sum is divided by the weights of all terms, instead of by 1
    low, high           bounds of real targets, or None
    outputs_per_target  how many of the network's outputs speak of one target
    target_parts        what these outputs are called in a message, where there are several
    """

    kind: ClassVar[str]
    compiled: ClassVar[bool] = True
    classes: bool = False
    ragged: ClassVar[bool] = False
    mean: bool = True
    low: ClassVar[float | None] = None
    high: ClassVar[float | None] = None

    @property
    def judged(self) -> Loss:
        """Returns the loss by which validation data is judged: itself, without what is for training alone."""
        return self

    @property
    def outputs_per_target(self) -> int:
        return 1

    @property
    def target_parts(self) -> str:
        return "outputs"

    @property
    def label(self) -> str:
        """Returns what messages call it."""
        return self.kind

    def target_width(self, outputs: int) -> int | None:
        """Returns the last axis of y for a network of so many outputs; None for whole numbers, which have no such axis.

        Raises ValueError where the network's outputs are no whole number of targets.
        """
        count = self.outputs_per_target
        if outputs % count:
            raise ValueError(
                f"loss: expected a network whose outputs are a multiple of the {count} {self.target_parts}, "
                f"got {outputs}"
            )
        return None if self.classes or self.ragged else outputs // count

    def terms(self, outputs: int) -> int:
        """Returns how many terms a step has, each of which counts in the mean; of a ragged loss, how many a row has."""
        return 1 if self.classes or self.ragged else outputs

    def constants(self) -> dict[str, Any]:
        """Returns its numbers, by the names that they have in the compiled core's `Loss` (native/program.h)."""
        return {}
