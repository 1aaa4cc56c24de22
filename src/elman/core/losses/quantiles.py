"""The loss of quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from elman.core import checks
from elman.core.losses.loss import Loss

__all__ = ["Pinball"]


@dataclass(frozen=True)
class Pinball(Loss):
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

    @property
    def target_parts(self) -> str:
        return "quantiles"

    @property
    def outputs_per_target(self) -> int:
        return len(self.quantiles)

    def constants(self) -> dict[str, Any]:
        return {"quantiles": self.quantiles}
