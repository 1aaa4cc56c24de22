"""The adaptive softmax: the probabilities of many classes, whose rare ones lie in clusters that few steps need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.frozen import short_repr, store
from elman.core.layers.layer import Layer, Signal
from elman.core.meant import checks_names

__all__ = ["AdaptiveSoftmax", "Tail"]

MOST_TAILS = 8  # as many as the compiled core has room for


class Tail(NamedTuple):
    """One cluster of rare classes."""

    first: int  # its first class
    classes: int  # how many
    width: int  # features that its classes are told from


@checks_names
@dataclass(frozen=True)
class AdaptiveSoftmax(Layer):
    """Log probabilities of many classes: (B, T, F) -> (B, T, num_classes), or (B, F) -> (B, num_classes) behind `Last`.

    num_classes  classes, numbered from the most to the least frequent
    cutoffs      first class of each cluster of rare classes, one to eight, increasing: [2000, 10000] of 50,000 classes
                 makes a head of the 2,000 most frequent ones, and clusters of 8,000 and 40,000
    div_value    the classes of cluster i = 1, 2, ... are told from F / div_value^i features, at least 1

    The last layer of a network, trained with the loss "cross_entropy", which is minus the output of the right class. In
    training the compiled core computes that class's output alone: the head at every step, and a cluster only at steps
    whose target lies in it. The form is Grave et al.'s (2017) as PyTorch's `AdaptiveLogSoftmaxWithLoss` has it, with a
    bias in its head. docs/math/adaptive_softmax.md has the equations, docs/tokens.md the cost.
    """

    num_classes: int
    cutoffs: Sequence[int]
    div_value: float = 4.0

    kind: ClassVar[str] = "adaptive_softmax"
    final: ClassVar[bool] = True
    __repr__ = short_repr

    def __post_init__(self) -> None:
        store(self, num_classes=checks.whole("num_classes", self.num_classes, low=2))
        if not isinstance(self.cutoffs, list | tuple | np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"cutoffs: expected a list of classes, got {checks.shown(self.cutoffs)}")
        cutoffs = tuple(checks.count(f"cutoffs[{i}]", one) for i, one in enumerate(self.cutoffs))
        if not cutoffs or len(cutoffs) > MOST_TAILS or [*cutoffs] != sorted({*cutoffs}):
            raise ValueError(
                f"cutoffs: expected 1 to {MOST_TAILS} classes that increase, got {checks.shown(self.cutoffs)}"
            )
        if cutoffs[-1] >= self.num_classes:
            raise ValueError(f"cutoffs: expected classes below num_classes={self.num_classes}, got {cutoffs[-1]}")
        store(self, cutoffs=cutoffs)
        store(self, div_value=checks.number("div_value", self.div_value, low=1.0))

    def output(self, *read: Signal) -> Signal:
        return Signal(self.num_classes, read[0].time)

    def tails(self, size: int) -> list[Tail]:
        """Returns the clusters of rare classes for `size` features."""
        ends = [*self.cutoffs[1:], self.num_classes]
        widths = [max(1, int(size // self.div_value ** (i + 1))) for i in range(len(ends))]
        return [
            Tail(*tail) for tail in zip(self.cutoffs, np.subtract(ends, self.cutoffs).tolist(), widths, strict=True)
        ]

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        head = self.cutoffs[0] + len(self.cutoffs)
        shapes: dict[str, tuple[int, ...]] = {"head_weight": (head, size), "head_bias": (head,)}
        for i, tail in enumerate(self.tails(size)):
            shapes[f"tail{i}_in_weight"] = (tail.width, size)
            shapes[f"tail{i}_out_weight"] = (tail.classes, tail.width)
        return shapes
