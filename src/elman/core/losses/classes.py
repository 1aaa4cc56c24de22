"""Losses of classes: softmax over the outputs, or one logit an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from elman.core.frozen import added, below_one, short_repr, store
from elman.core.losses.loss import Loss

__all__ = ["BinaryCrossEntropy", "CrossEntropy"]


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """`"cross_entropy"`: mean over valid steps of -log softmax(y_hat)[class]; targets are integer classes
    in [0, O), shape (B, T) or (B,).

    label_smoothing  a number e in [0, 1): the target is 1 - e for the class and e / O more for each of the O classes,
                     as in `torch.nn.functional.cross_entropy` (Szegedy et al. 2016). A `Trainer` smooths in training
                     alone: its validation loss is that of the classes themselves
    """

    label_smoothing: float = added(0.0)

    kind: ClassVar[str] = "cross_entropy"
    __repr__ = short_repr
    classes = True

    def __post_init__(self) -> None:
        store(self, label_smoothing=below_one("label_smoothing", self.label_smoothing))

    @property
    def judged(self) -> CrossEntropy:
        return CrossEntropy()

    def constants(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing}


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """`"binary_cross_entropy"`: mean of log(1 + exp(y_hat)) - y y_hat; y_hat are logits, targets in [0, 1]."""

    kind: ClassVar[str] = "binary_cross_entropy"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
