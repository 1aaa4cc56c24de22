"""The Box-Cox transformation (Box and Cox 1964): values above zero by a power, so that their spread depends less on
their level.

z = (y^lambda - 1) / lambda; its limit for lambda 0 is log y. Lambda 1 leaves the values as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.core import checks
from elman.series.limits import BEYOND

__all__ = ["derivative", "inverse", "parse_lambda", "transform"]

LEAST = 1e-6  # a smaller lambda is taken for 0, its limit: y^lambda - 1 would be mostly rounding


def transform(y: np.ndarray, boxcox_lambda: float) -> np.ndarray:
    """The transformed values z of values y, which are above zero unless lambda is 1."""
    if boxcox_lambda == 1.0:
        return y
    return np.log(y) if boxcox_lambda == 0.0 else (y**boxcox_lambda - 1.0) / boxcox_lambda


def inverse(z: np.ndarray, boxcox_lambda: float) -> np.ndarray:
    """The values y whose transformed ones are z, at most `limits.BEYOND` in size; at least 0 where lambda is not 1."""
    if boxcox_lambda == 1.0:
        return np.clip(z, -BEYOND, BEYOND)
    if boxcox_lambda == 0.0:
        return np.exp(np.minimum(z, np.log(BEYOND)))
    return np.clip(boxcox_lambda * z + 1.0, 0.0, BEYOND**boxcox_lambda) ** (1.0 / boxcox_lambda)


def derivative(y: np.ndarray, boxcox_lambda: float) -> np.ndarray:
    """dy/dz at y: how much larger an error of y is than that of z."""
    return np.ones_like(y) if boxcox_lambda == 1.0 else y ** (1.0 - boxcox_lambda)


def parse_lambda(boxcox_lambda: Any) -> float | None:
    """A checked lambda in [0, 1]; None, to be found, stays None."""
    if boxcox_lambda is None:
        return None
    number = checks.number("boxcox_lambda", boxcox_lambda, 0.0, 1.0)
    return number if number >= LEAST else 0.0
