"""Losses, by name or as a configured object. The mathematics is in `reference/losses.py` and `native/losses.h`.

A loss is a sum of terms over rows, valid steps and outputs, divided by a normaliser known beforehand; so it can
be summed shard by shard. Every term is multiplied by its step's `sample_weight` (1 where none is given).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman import checks

__all__ = ["MAE", "MSE", "BinaryCrossEntropy", "CrossEntropy", "HalfSSE", "Huber", "Loss", "Pinball", "as_loss"]


@dataclass(frozen=True)
class HalfSSE:
    """`"half_sse"`: 1/2 sum (y_hat - y)^2, the textbook sources' loss; a sum, so its normaliser is 1."""

    kind: ClassVar[str] = "half_sse"


@dataclass(frozen=True)
class MSE:
    """`"mse"`: mean of (y_hat - y)^2 over valid steps and outputs."""

    kind: ClassVar[str] = "mse"


@dataclass(frozen=True)
class MAE:
    """`"mae"`: mean of |y_hat - y|; the derivative at 0 is 0."""

    kind: ClassVar[str] = "mae"


@dataclass(frozen=True)
class Huber:
    """`"huber"`: mean of e^2/2 where |e| <= delta, else delta (|e| - delta/2); e = y_hat - y."""

    delta: float = 1.0

    kind: ClassVar[str] = "huber"

    def __post_init__(self) -> None:
        checks.number("delta", self.delta, low=0.0, open_low=True)


@dataclass(frozen=True)
class CrossEntropy:
    """`"cross_entropy"`: mean over valid steps of -log softmax(y_hat)[class]; targets are integer classes
    in [0, O), shape (B, T) or (B,)."""

    kind: ClassVar[str] = "cross_entropy"


@dataclass(frozen=True)
class BinaryCrossEntropy:
    """`"binary_cross_entropy"`: mean of log(1 + exp(y_hat)) - y y_hat; y_hat are logits, targets in [0, 1]."""

    kind: ClassVar[str] = "binary_cross_entropy"


@dataclass(frozen=True)
class Pinball:
    """`"pinball"`: mean of max(q e, (q - 1) e), e = y - y_hat, over targets and quantiles.

    The network's O outputs are O/Q targets times Q quantiles: column j*Q + k is quantile k of target j.
    The derivative at e = 0 is 0.
    """

    quantiles: tuple[float, ...] = (0.5,)

    kind: ClassVar[str] = "pinball"

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", tuple(self.quantiles))
        if not self.quantiles:
            raise ValueError("quantiles: expected at least one number in (0, 1), got ()")
        for q in self.quantiles:
            if not 0.0 < checks.number("quantiles", q, 0.0, 1.0) < 1.0:
                raise ValueError(f"quantiles: expected numbers strictly between 0 and 1, got {q!r}")


Loss = HalfSSE | MSE | MAE | Huber | CrossEntropy | BinaryCrossEntropy | Pinball
LOSSES: dict[str, Loss] = {
    loss.kind: loss for loss in (HalfSSE(), MSE(), MAE(), Huber(), CrossEntropy(), BinaryCrossEntropy(), Pinball())
}


def as_loss(loss: str | Loss) -> Loss:
    """The loss a name stands for, with its defaults; a loss is returned as it is."""
    if isinstance(loss, Loss):
        return loss
    return LOSSES[checks.choice("loss", loss, tuple(LOSSES))]
