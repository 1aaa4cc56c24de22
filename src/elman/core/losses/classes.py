"""Losses of classes: softmax over the outputs, or one logit an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman.core.losses.loss import Loss

__all__ = ["BinaryCrossEntropy", "CrossEntropy"]


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """`"cross_entropy"`: mean over valid steps of -log softmax(y_hat)[class]; targets are integer classes
    in [0, O), shape (B, T) or (B,)."""

    kind: ClassVar[str] = "cross_entropy"
    classes = True


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """`"binary_cross_entropy"`: mean of log(1 + exp(y_hat)) - y y_hat; y_hat are logits, targets in [0, 1]."""

    kind: ClassVar[str] = "binary_cross_entropy"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
