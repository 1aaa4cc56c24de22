"""Errors of a forecast (h,) against the truth (h,)."""

from __future__ import annotations

import numpy as np

__all__ = ["MEASURES", "mase_scale", "measure"]

MEASURES = ("mase", "smape", "rmse")


def mase_scale(training: np.ndarray, season: int) -> float:
    """MASE's unit: the mean |y_t - y_{t-season}| over the training part (Hyndman and Koehler 2006).

    Where that is 0 (a training part that repeats itself exactly) or cannot be taken, the season 1 is used; NaN where
    the part is constant.
    """
    for lag in (season, 1):
        if len(training) > lag and (scale := float(np.abs(training[lag:] - training[:-lag]).mean())) > 0.0:
            return scale
    return float("nan")


def measure(truth: np.ndarray, forecast: np.ndarray, scale: float) -> dict[str, float]:
    """mase: mean |e| / scale; smape: mean 200 |e| / (|y| + |f|) in percent, a term 0 / 0 counting 0; rmse."""
    error = np.abs(truth - forecast)
    size = np.abs(truth) + np.abs(forecast)
    ratio = np.divide(200.0 * error, size, out=np.zeros_like(error), where=size > 0.0)
    return {
        "mase": float(error.mean() / scale),
        "smape": float(ratio.mean()),
        "rmse": float(np.sqrt(np.mean(error**2))),
    }
