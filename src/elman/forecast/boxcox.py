"""The Box-Cox transformation of values above zero (Box and Cox 1964), which makes their variance depend less on their
level.

It is z = (y^lambda - 1) / lambda for lambda in (0, 1), and the limit log y for lambda 0. In this module lambda 1 stands
for no transformation.
"""

from __future__ import annotations

import numpy as np

from elman.core import checks
from elman.series.limits import LARGEST_FORECAST

__all__ = ["derivative", "inverse", "parse_lambda", "transform"]

MIN_LAMBDA = 1e-6  # a smaller lambda is replaced by 0, since y^lambda - 1 would be dominated by rounding


def transform(y: np.ndarray, boxcox_lambda: float) -> np.ndarray:
    """Returns the transformed values z of values y, which must be above zero unless lambda is 1."""
    if boxcox_lambda == 1.0:
        return y
    return np.log(y) if boxcox_lambda == 0.0 else (y**boxcox_lambda - 1.0) / boxcox_lambda


def inverse(z: np.ndarray, boxcox_lambda: float) -> np.ndarray:
    """Returns the values y of transformed values z, at most `limits.LARGEST_FORECAST` in absolute value.

    If lambda is not 1, they are at least 0.
    """
    if boxcox_lambda == 1.0:
        return np.clip(z, -LARGEST_FORECAST, LARGEST_FORECAST)
    if boxcox_lambda == 0.0:
        return np.exp(np.minimum(z, np.log(LARGEST_FORECAST)))
    return np.clip(boxcox_lambda * z + 1.0, 0.0, LARGEST_FORECAST**boxcox_lambda) ** (1.0 / boxcox_lambda)


def derivative(y: np.ndarray, boxcox_lambda: float) -> np.ndarray:
    """Returns the derivative dy/dz of the inverse transformation at y."""
    return np.ones_like(y) if boxcox_lambda == 1.0 else y ** (1.0 - boxcox_lambda)


def parse_lambda(boxcox_lambda: object) -> float | None:
    """Checks that a lambda is in [0, 1] and returns it; also returns None, for a lambda that training chooses."""
    if boxcox_lambda is None:
        return None
    number = checks.number("boxcox_lambda", boxcox_lambda, 0.0, 1.0)
    return number if number >= MIN_LAMBDA else 0.0
