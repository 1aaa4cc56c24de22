"""Prediction intervals from the residuals of a backtest, which are scaled by the step ahead and pooled.

The r-th smallest of n absolute residuals, r = ceil((n + 1) level), bounds a new absolute residual with a probability of
at least `level` if the residuals are exchangeable (split conformal prediction, Lei et al. 2018). A level for which r
exceeds n cannot be computed from the residuals and is an error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.core import checks
from elman.forecast.boxcox import inverse
from elman.series import limits

__all__ = ["Calibration", "calibrate", "horizon_scale", "needed", "parse_levels"]

CURVE_WINDOWS = 30.0  # the growth with the step that suits all steps together counts as much as so many windows
MAX_RESIDUALS = 20_001  # number of residuals that a calibration keeps at most


def parse_levels(levels: Any) -> tuple[float, ...]:
    """Checks interval levels in percent, each in [1, 100), and returns them in increasing order.

    `ValueError` or `TypeError` for anything else.
    """
    if isinstance(levels, str | bytes) or not isinstance(levels, Sequence):
        raise TypeError(f"levels: expected a list of percentages such as (80, 95), got {checks.shown(levels)}")
    if len(levels) > limits.LEVELS:
        raise ValueError(f"levels: expected at most {limits.LEVELS} percentages, got {len(levels)}")
    numbers = [checks.number("levels", level, 0.0, 100.0, open_low=True) for level in levels]
    if shares := [level for level in numbers if level < 1.0]:
        raise ValueError(
            f"levels: expected percentages from 1 to 100, got {shares[0]:g}; did you mean {100.0 * shares[0]:g}?"
        )
    if len(set(numbers)) < len(numbers) or 100.0 in numbers:
        raise ValueError(f"levels: expected different percentages below 100, got {checks.shown(levels)}")
    return tuple(sorted(numbers))


def needed(level: float) -> int:
    """Returns how many residuals a level in percent needs: the smallest n with ceil((n + 1) level) <= n."""
    share = level / 100.0
    n = math.ceil(share / (1.0 - share) - 1e-9)
    return max(n, 1)


def horizon_scale(residuals: np.ndarray, scaled: bool = False) -> np.ndarray:
    """Returns the typical size (h,) of residuals (W, h) at each step ahead, ignoring NaN.

    It is the mean absolute residual of the step, drawn towards a power of the step, a k^p, that is fitted to all of
    them, as if that were known from `CURVE_WINDOWS` windows more: p = 1/2 for random walks, 0 where errors do not grow.
    It does not decrease, unless the residuals are `scaled`: divided by sizes that grow as the root of the step.
    """
    count = np.isfinite(residuals).sum(axis=0)
    size = np.abs(np.where(np.isfinite(residuals), residuals, 0.0)).sum(axis=0) / np.maximum(count, 1)
    known = (count > 0) & (size > 0.0)
    if not known.any():
        return np.full(residuals.shape[1], np.finfo(np.float64).tiny)
    steps, logs, weights = np.log(np.arange(1, len(size) + 1)), np.log(np.where(known, size, 1.0)), count * known
    middle = float(weights @ steps) / weights.sum()
    level = float(weights @ logs) / weights.sum()
    spread = float(weights @ (steps - middle) ** 2)
    power = float(weights @ ((steps - middle) * (logs - level))) / spread if spread > 0.0 else 0.0
    curve = np.exp(level + np.clip(power, -0.5 if scaled else 0.0, 1.0) * (steps - middle))
    size = (count * size + CURVE_WINDOWS * curve) / (count + CURVE_WINDOWS)
    return np.maximum(size if scaled else np.maximum.accumulate(size), np.finfo(np.float64).tiny)


def check_enough(levels: Sequence[float], residuals: int) -> None:
    """Raises `ValueError` for a level in percent that needs more than `residuals` residuals."""
    for level in levels:
        if needed(level) > residuals:
            raise ValueError(
                f"levels: an interval of {level:g} % needs at least {needed(level)} backtest residuals, there are"
                f" {residuals} (windows times horizon); ask for a lower level or more windows"
            )


@dataclass(frozen=True, eq=False)
class Calibration:
    """The residuals that the widths of intervals are computed from."""

    scale: np.ndarray  # (h,) typical size of the residuals at each step ahead
    sizes: np.ndarray  # (n,) sorted absolute residuals divided by `scale`; of more than MAX_RESIDUALS an even selection
    count: int  # number of residuals before that selection

    def half_widths(self, levels: Sequence[float], steps: int | None = None) -> np.ndarray:
        """Returns half the width of the interval of each level at each step ahead, (len(levels), steps).

        steps   number of steps; None: h. Past step h, `scale` grows on

        ValueError for a level that needs more residuals than there are.
        """
        check_enough(levels, self.count)
        ranks = np.array([math.ceil((self.count + 1) * level / 100.0 - 1e-9) for level in levels]) - 1
        if len(self.sizes) < self.count:
            ranks = np.ceil(ranks * ((len(self.sizes) - 1) / (self.count - 1))).astype(int)
        return self.sizes[ranks][:, None] * self._line(steps or len(self.scale))

    def _line(self, steps: int) -> np.ndarray:
        """Returns `scale`, cut, or continued by the power with which it grows from its first half to its end."""
        h = len(self.scale)
        half = (h - 1) // 2
        growth = np.log(self.scale[-1] / self.scale[half]) / np.log(h / (half + 1)) if h > 1 else 0.0
        beyond = self.scale[-1] * (np.arange(h + 1, steps + 1) / h) ** min(growth, 1.0)
        return np.concatenate([self.scale[:steps], beyond])


def calibrate(residuals: np.ndarray, scaled: bool = False) -> Calibration:
    """Returns the calibration of intervals by residuals (W, h), ignoring NaN; `scaled` as in `horizon_scale`."""
    scale = horizon_scale(residuals, scaled)
    sizes = np.abs(residuals / scale)
    sizes = np.sort(sizes[np.isfinite(sizes)])
    count = len(sizes)
    if count > MAX_RESIDUALS:
        sizes = sizes[np.linspace(0, count - 1, MAX_RESIDUALS).astype(int)]
    return Calibration(scale, sizes, count)


def bands(
    forecast: np.ndarray,
    truth: np.ndarray,
    predicted: np.ndarray,
    levels: Sequence[float],
    *,
    relative: bool,
    floor: float,
) -> dict[float, np.ndarray]:
    """Returns the prediction intervals of a forecast (h,): level in percent -> lower and upper bounds (h, 2).

    truth      (W, H) true values of the backtest windows
    predicted  (W, H) forecasts of the backtest windows
    relative   whether errors are ratios instead of differences; ignored unless all numbers are positive
    floor      lower limit of all bounds
    """
    relative = relative and min(forecast.min(), np.nanmin(truth), predicted.min()) > 0.0
    residuals = np.log(truth) - np.log(predicted) if relative else truth - predicted
    widths = calibrate(residuals).half_widths(levels, len(forecast))
    found: dict[float, np.ndarray] = {}
    for level, width in zip(levels, widths, strict=True):
        bounds = (np.log(forecast) if relative else forecast)[:, None] + width[:, None] * np.array([-1.0, 1.0])
        found[level] = np.maximum(inverse(bounds, 0.0 if relative else 1.0), floor)
    return found
