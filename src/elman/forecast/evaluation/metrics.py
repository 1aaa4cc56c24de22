"""Errors of a forecast (h,), or of its bounds, against the truth (h,). Values that are NaN do not count."""

from __future__ import annotations

import numpy as np

from elman.series.limits import SMALLEST

__all__ = ["MEASURES", "interval_score", "mase_scale", "measure", "rmsse_scale"]

MEASURES = ("mase", "smape", "rmse", "rmsse")


def mase_scale(training: np.ndarray, season: int) -> float:
    """MASE's unit: the mean |y_t - y_{t-season}| over the training part (Hyndman and Koehler 2006).

    Where that is 0 (a training part that repeats itself exactly) or cannot be taken, the season 1 is used; NaN where
    the part is constant, or changes by less than any series' values do (`limits.SMALLEST`).
    """
    for lag in (season, 1):
        changes = np.abs(training[lag:] - training[:-lag])
        changes = changes[np.isfinite(changes)]
        if changes.size and (scale := float(changes.mean())) >= SMALLEST:
            return scale
    return float("nan")


def rmsse_scale(training: np.ndarray) -> float:
    """RMSSE's unit: the root of the mean (y_t - y_{t-1})^2 over the training part (Makridakis et al. 2022); NaN where
    the part is constant."""
    changes = np.diff(training)
    changes = changes[np.isfinite(changes)]
    scale = float(np.sqrt(np.mean(changes**2))) if changes.size else 0.0
    return scale if scale >= SMALLEST else float("nan")


def interval_score(truth: np.ndarray, low: np.ndarray, high: np.ndarray, level: float) -> np.ndarray:
    """The width of an interval, and what it misses by times 2 / alpha, alpha = 1 - level / 100, at each row; the less
    the better (Gneiting and Raftery 2007)."""
    beyond = np.maximum(low - truth, 0.0) + np.maximum(truth - high, 0.0)
    return high - low + 2.0 / (1.0 - level / 100.0) * beyond


def measure(truth: np.ndarray, forecast: np.ndarray, scale: float, root_scale: float = np.nan) -> dict[str, float]:
    """mase: mean |e| / scale; smape: mean 200 |e| / (|y| + |f|) in percent, a term 0 / 0 counting 0; rmse; rmsse: that
    over root_scale. NaN where no truth is known."""
    there = np.isfinite(truth)
    if not there.any():
        return dict.fromkeys(MEASURES, float("nan"))
    truth, forecast = truth[there], forecast[there]
    error = np.abs(truth - forecast)
    size = np.abs(truth) + np.abs(forecast)
    ratio = np.divide(200.0 * error, size, out=np.zeros_like(error), where=size > 0.0)
    rmse = float(np.sqrt(np.mean(error**2)))
    return {
        "mase": float(error.mean() / scale),
        "smape": float(ratio.mean()),
        "rmse": rmse,
        "rmsse": rmse / root_scale,
    }
