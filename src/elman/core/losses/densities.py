"""Losses that are minus the log density of a distribution, whose location and scale the network gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from elman.core import checks
from elman.core.losses.loss import Loss

__all__ = ["Density", "Gaussian", "StudentT"]


class Density(Loss):
    """The base of densities: two outputs, a location and the logarithm of a scale, for each target."""

    @property
    def target_parts(self) -> str:
        return f"numbers (location, log scale) of {self.kind}"

    @property
    def outputs_per_target(self) -> int:
        return 2

    def terms(self, outputs: int) -> int:
        """Returns one term a target."""
        return outputs // 2


@dataclass(frozen=True)
class Gaussian(Density):
    """`"gaussian"`: mean over valid steps and targets of minus the log density of y under a normal distribution.

    The network's O outputs are O/2 targets: column 2j is the mean of target j, column 2j + 1 the logarithm s of its
    standard deviation. s counts as at most 20 either way (deviations from 2e-9 to 5e8), so that nothing overflows and a
    target met exactly has no infinite density; what is beyond, |s| - 20, is added, which leads s back.
    """

    kind: ClassVar[str] = "gaussian"
    at_zero: ClassVar[float] = 0.5 * math.log(2 * math.pi)  # minus the log density at the mean, where s is 0

    def constants(self) -> dict[str, Any]:
        return {"at_zero": self.at_zero}


@dataclass(frozen=True)
class StudentT(Density):
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
        """Returns minus the log density at the location, where the scale is 1."""
        df = float(self.df)
        if df > 1e4:  # where the two logarithms of the gamma function would cancel
            return Gaussian.at_zero + 0.25 / df
        return math.lgamma(df / 2) - math.lgamma((df + 1) / 2) + 0.5 * math.log(math.pi * df)

    def constants(self) -> dict[str, Any]:
        return {"at_zero": self.at_zero, "df": self.df}
