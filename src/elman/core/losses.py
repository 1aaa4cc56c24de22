"""Losses, by name or as a configured object. The mathematics is in `reference/losses.py` and `native/layers/losses.h`.

A loss is a sum of terms over rows, valid steps and outputs, divided by a normaliser known beforehand; so it can
be summed shard by shard. Every term is multiplied by its step's `sample_weight` (1 where none is given).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elman.core import checks

__all__ = [
    "MAE",
    "MSE",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Custom",
    "Gaussian",
    "HalfSSE",
    "Huber",
    "Loss",
    "Pinball",
    "StudentT",
    "as_loss",
    "outputs_per_target",
]


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


@dataclass(frozen=True)
class Gaussian:
    """`"gaussian"`: mean over valid steps and targets of minus the log density of y under a normal distribution.

    The network's O outputs are O/2 targets: column 2j is the mean of target j, column 2j + 1 the logarithm s of its
    standard deviation. s counts as at most 20 either way (deviations from 2e-9 to 5e8), so that nothing overflows and a
    target met exactly has no infinite density; what is beyond, |s| - 20, is added, which leads s back.
    """

    kind: ClassVar[str] = "gaussian"
    at_zero: ClassVar[float] = 0.5 * math.log(2 * math.pi)  # minus the log density at the mean, where s is 0


@dataclass(frozen=True)
class StudentT:
    """`"student_t"`: as `Gaussian`, under Student's t with `df` degrees of freedom, whose tails forgive outliers.

    Column 2j is the location of target j, column 2j + 1 the logarithm of its scale; its standard deviation is the scale
    times sqrt(df / (df - 2)), so df is above 2.
    """

    df: float = 5.0

    kind: ClassVar[str] = "student_t"

    def __post_init__(self) -> None:
        checks.number("df", self.df, low=2.0, open_low=True)

    @property
    def at_zero(self) -> float:
        """Minus the log density at the location, where the scale is 1."""
        df = float(self.df)
        if df > 1e4:  # where the two logarithms of the gamma function would cancel
            return Gaussian.at_zero + 0.25 / df
        return math.lgamma(df / 2) - math.lgamma((df + 1) / 2) + 0.5 * math.log(math.pi * df)


@dataclass(frozen=True, repr=False)
class Custom:
    """A user's own loss in NumPy, on either engine; called once for each shard. docs/custom.md shows some.

    name      what messages call it
    function  (y_hat (b, [T,] O), y, weight (b, [T])) -> the sum of its rows' weighted terms, and the gradient of that
              sum by y_hat, shaped like it. All float64 (classes int64); past a row's length all three are 0, and
              what the gradient says there counts for nothing. No row may depend on another
    outputs   O, where the function is made for one number of outputs
    targets   the last axis of y; None: O
    classes   whether y are whole numbers in [0, O), (b, [T]), as for cross entropy
    mean      whether the sum is divided by the weights of all valid steps
    """

    name: str
    function: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[Any, Any]]
    outputs: int | None = None
    targets: int | None = None
    classes: bool = False
    mean: bool = True

    kind: ClassVar[str] = "custom"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"name: expected a name, got {checks.shown(self.name)}")
        if not callable(self.function):
            raise TypeError(f"function: expected a function, got {checks.shown(self.function)}")
        for name in ("outputs", "targets"):
            if getattr(self, name) is not None:
                checks.whole(name, getattr(self, name), low=1)
        checks.flag("mean", self.mean)
        if checks.flag("classes", self.classes) and self.targets is not None:
            raise ValueError(f"targets: expected None where classes is True, got {self.targets}")

    def evaluate(self, y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        """The function's value and gradient, their types and shapes checked."""
        found: Any = self.function(y_hat, y, weight)
        if not isinstance(found, tuple) or len(found) != 2:
            raise TypeError(f"{self.name}: expected (value, gradient) from the function, got {checks.shown(found)}")
        value, gradient = np.asarray(found[0]), np.asarray(found[1])
        for what, array, shape in (("value", value, ()), ("gradient", gradient, y_hat.shape)):
            if array.dtype.kind not in "iuf":
                raise TypeError(f"{self.name}: expected a {what} of real numbers, got {checks.shown(array)}")
            if array.shape != shape:
                raise ValueError(f"{self.name}: expected a {what} of shape {shape}, got {array.shape}")
        return float(value), gradient

    def __repr__(self) -> str:
        return f"Custom({self.name!r})"


Loss = HalfSSE | MSE | MAE | Huber | CrossEntropy | BinaryCrossEntropy | Pinball | Gaussian | StudentT | Custom
LOSSES: dict[str, Loss] = {
    loss.kind: loss
    for loss in (
        HalfSSE(),
        MSE(),
        MAE(),
        Huber(),
        CrossEntropy(),
        BinaryCrossEntropy(),
        Pinball(),
        Gaussian(),
        StudentT(),
    )
}


def as_loss(loss: str | Loss) -> Loss:
    """The loss a name stands for, with its defaults; a loss is returned as it is."""
    if isinstance(loss, Loss):
        return loss
    return LOSSES[checks.choice("loss", loss, tuple(LOSSES))]


def outputs_per_target(loss: Loss) -> int:
    """How many of the network's outputs speak of one target: Q quantiles, a location and a scale, or one."""
    if isinstance(loss, Pinball):
        return len(loss.quantiles)
    return 2 if isinstance(loss, Gaussian | StudentT) else 1
