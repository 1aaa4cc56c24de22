"""Intervals from what the backtest got wrong: its residuals, scaled by the step ahead and pooled.

The r-th smallest of n absolute residuals, r = ceil((n + 1) level), covers a new one with at least that level where
residuals are exchangeable (split conformal prediction, Lei et al. 2018). A level whose r passes n would have to be
invented, and is refused.
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

KEPT = 20_001  # residuals


def parse_levels(levels: Any) -> tuple[float, ...]:
    """Levels in percent, each in (0, 100), rising. `ValueError` or `TypeError` for anything else."""
    if isinstance(levels, str | bytes) or not isinstance(levels, Sequence):
        raise TypeError(f"levels: expected a list of percentages such as (80, 95), got {checks.shown(levels)}")
    if len(levels) > limits.LEVELS:
        raise ValueError(f"levels: expected at most {limits.LEVELS} percentages, got {len(levels)}")
    numbers = [checks.number("levels", level, 0.0, 100.0, open_low=True) for level in levels]
    if len(set(numbers)) < len(numbers) or 100.0 in numbers:
        raise ValueError(f"levels: expected different percentages below 100, got {checks.shown(levels)}")
    return tuple(sorted(numbers))


def needed(level: float) -> int:
    """How many residuals a level (percent) takes: the least n with ceil((n + 1) level) <= n."""
    share = level / 100.0
    n = math.ceil(share / (1.0 - share) - 1e-9)
    return max(n, 1)


def horizon_scale(residuals: np.ndarray) -> np.ndarray:
    """The size of residuals (W, h) at each step ahead, (h,): a straight line that never falls, fitted to their
    root mean squares; h numbers from W windows each would be mostly noise. NaN is no residual."""
    count = np.isfinite(residuals).sum(axis=0)
    square = np.nansum(residuals**2, axis=0)
    square = np.where(count > 0, square / np.maximum(count, 1), square.sum() / max(int(count.sum()), 1))
    size = np.sqrt(square)
    steps = np.arange(len(size)) - (len(size) - 1) / 2.0
    slope = max(0.0, float(steps @ size) / max(float(steps @ steps), 1.0))
    slope = min(slope, 2.0 * float(size.mean()) / len(size))  # the line stays above 0 at the first step
    line = size.mean() + slope * steps
    return np.maximum(line, np.finfo(np.float64).tiny)


def check_enough(levels: Sequence[float], residuals: int) -> None:
    """`ValueError` where a level (percent) needs more residuals than there are."""
    for level in levels:
        if needed(level) > residuals:
            raise ValueError(
                f"levels: an interval of {level:g} % needs at least {needed(level)} backtest residuals, there are"
                f" {residuals} (windows times horizon); ask for a lower level or more windows"
            )


@dataclass(frozen=True, eq=False)
class Calibration:
    """What intervals are made of: scale (h,), and `count` absolute residuals over it, sorted; of more than `KEPT` some
    (n,), evenly spread from the smallest to the largest."""

    scale: np.ndarray
    sizes: np.ndarray
    count: int

    def half_widths(self, levels: Sequence[float], steps: int | None = None) -> np.ndarray:
        """Half the width of each level's interval at each of so many steps, (len(levels), steps); past the h that were
        tested the scale's line goes on. ValueError where residuals are too few."""
        check_enough(levels, self.count)
        ranks = np.array([math.ceil((self.count + 1) * level / 100.0 - 1e-9) for level in levels]) - 1
        if len(self.sizes) < self.count:
            ranks = np.ceil(ranks * ((len(self.sizes) - 1) / (self.count - 1))).astype(int)
        return self.sizes[ranks][:, None] * self._line(steps or len(self.scale))

    def _line(self, steps: int) -> np.ndarray:
        slope = self.scale[-1] - self.scale[-2] if len(self.scale) > 1 else 0.0
        beyond = self.scale[-1] + slope * np.arange(1, steps - len(self.scale) + 1)
        return np.concatenate([self.scale[:steps], beyond])


def calibrate(residuals: np.ndarray) -> Calibration:
    """Of residuals (W, h)."""
    scale = horizon_scale(residuals)
    sizes = np.abs(residuals / scale)
    sizes = np.sort(sizes[np.isfinite(sizes)])
    count = len(sizes)
    if count > KEPT:
        sizes = sizes[np.linspace(0, count - 1, KEPT).astype(int)]
    return Calibration(scale, sizes, count)


def bands(
    forecast: np.ndarray,
    truth: np.ndarray,
    tested: np.ndarray,
    levels: Sequence[float],
    *,
    relative: bool,
    floor: float,
) -> dict[float, np.ndarray]:
    """Level in percent -> (h, 2), lower and upper bound about a forecast (h,).

    truth, tested   (W, H) what the backtest's windows held and what was forecast for them
    relative        errors are ratios, not differences, wherever all of the numbers are positive
    floor           no bound lies below it
    """
    relative = relative and min(forecast.min(), np.nanmin(truth), tested.min()) > 0.0
    residuals = np.log(truth) - np.log(tested) if relative else truth - tested
    widths = calibrate(residuals).half_widths(levels, len(forecast))
    found: dict[float, np.ndarray] = {}
    for level, width in zip(levels, widths, strict=True):
        bounds = (np.log(forecast) if relative else forecast)[:, None] + width[:, None] * np.array([-1.0, 1.0])
        found[level] = np.maximum(inverse(bounds, 0.0 if relative else 1.0), floor)
    return found
