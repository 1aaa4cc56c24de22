"""Box and Cox's transformation (1964): values above zero by a power, so that their spread depends less on their level.

Power 1 leaves values as they are, 0 takes logarithms, between them lie roots; z = (y^p - 1) / p, whose limit for p = 0
is log y.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.core import checks
from elman.series.limits import BEYOND

__all__ = ["back", "forward", "parse_power", "slope"]

LEAST = 1e-6  # a smaller power is taken for 0, its limit: y^p - 1 would be mostly rounding


def forward(y: np.ndarray, power: float) -> np.ndarray:
    """Values y, above zero unless the power is 1 -> z."""
    if power == 1.0:
        return y
    return np.log(y) if power == 0.0 else (y**power - 1.0) / power


def back(z: np.ndarray, power: float) -> np.ndarray:
    """z -> y, as far as `limits.BEYOND`; at least 0 where the power is not 1."""
    if power == 1.0:
        return np.clip(z, -BEYOND, BEYOND)
    if power == 0.0:
        return np.exp(np.minimum(z, np.log(BEYOND)))
    return np.clip(power * z + 1.0, 0.0, BEYOND**power) ** (1.0 / power)


def slope(y: np.ndarray, power: float) -> np.ndarray:
    """dy/dz at y: what a small error of z is there."""
    return np.ones_like(y) if power == 1.0 else y ** (1.0 - power)


def parse_power(power: Any) -> float | None:
    """A power in [0, 1], checked; None: to be found."""
    if power is None:
        return None
    number = checks.number("power", power, 0.0, 1.0)
    return number if number >= LEAST else 0.0
