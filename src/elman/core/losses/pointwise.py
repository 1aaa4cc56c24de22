"""Losses of each output alone: squares, absolute values, and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from elman.core import checks
from elman.core.losses.loss import Loss

__all__ = ["MAE", "MSE", "HalfSSE", "Huber"]


@dataclass(frozen=True)
class HalfSSE(Loss):
    """`"half_sse"`: 1/2 sum (y_hat - y)^2, the textbook sources' loss; a sum, so its normaliser is 1."""

    kind: ClassVar[str] = "half_sse"
    mean = False


@dataclass(frozen=True)
class MSE(Loss):
    """`"mse"`: mean of (y_hat - y)^2 over valid steps and outputs."""

    kind: ClassVar[str] = "mse"


@dataclass(frozen=True)
class MAE(Loss):
    """`"mae"`: mean of |y_hat - y|; the derivative at 0 is 0."""

    kind: ClassVar[str] = "mae"


@dataclass(frozen=True)
class Huber(Loss):
    """`"huber"`: mean of e^2/2 where |e| <= delta, else delta (|e| - delta/2); e = y_hat - y."""

    delta: float = 1.0

    kind: ClassVar[str] = "huber"

    def __post_init__(self) -> None:
        checks.number("delta", self.delta, low=0.0, open_low=True)

    def constants(self) -> dict[str, Any]:
        return {"delta": self.delta}
