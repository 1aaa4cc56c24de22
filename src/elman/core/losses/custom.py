"""A user's own loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elman.core import checks
from elman.core.losses.loss import Loss

__all__ = ["Custom"]


@dataclass(frozen=True, repr=False)
class Custom(Loss):
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
    compiled: ClassVar[bool] = False

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

    @property
    def label(self) -> str:
        return self.name

    def target_width(self, outputs: int) -> int | None:
        if self.outputs not in (None, outputs):
            raise ValueError(f"loss: {self} expects a network of {self.outputs} outputs, got {outputs}")
        return None if self.classes else outputs if self.targets is None else self.targets

    def terms(self, outputs: int) -> int:
        return 1

    def evaluate(self, y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the function's value and gradient, their types and shapes checked."""
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
