"""Error measures of a forecast (h,), or of interval bounds (h,), against the truth (h,). NaN values are ignored."""

from __future__ import annotations

import numpy as np

from elman.series.limits import SMALLEST

__all__ = ["MEASURES", "interval_score", "mase_scale", "measure", "rmsse_scale"]

MEASURES = ("mase", "smape", "rmse", "rmsse")


def mase_scale(training: np.ndarray, season: int) -> float:
    """Returns the denominator of MASE, the mean of |y_t - y_{t-season}| over training values.

    The source is Hyndman and Koehler (2006). If that mean is 0, because the values repeat exactly, or if
    there are too few values, season 1 is used. The result is NaN if the values are constant, or change by less than
    `limits.SMALLEST`.
    """
    for lag in (season, 1):
        changes = np.abs(training[lag:] - training[:-lag])
        changes = changes[np.isfinite(changes)]
        if changes.size and (scale := float(changes.mean())) >= SMALLEST:
            return scale
    return float("nan")


def rmsse_scale(training: np.ndarray) -> float:
    """Returns the denominator of RMSSE, the root mean square of y_t - y_{t-1} over training values.

    The source is Makridakis et al. (2022). The result is NaN if the values are constant.
    """
    changes = np.diff(training)
    changes = changes[np.isfinite(changes)]
    scale = float(np.sqrt(np.mean(changes**2))) if changes.size else 0.0
    return scale if scale >= SMALLEST else float("nan")


def interval_score(truth: np.ndarray, low: np.ndarray, high: np.ndarray, level: float) -> np.ndarray:
    """Returns the interval score of each row; lower is better (Gneiting and Raftery 2007).

    It is the width of the interval plus 2 / alpha times the distance of the truth from the interval, with
    alpha = 1 - level / 100.
    """
    beyond = np.maximum(low - truth, 0.0) + np.maximum(truth - high, 0.0)
    return high - low + 2.0 / (1.0 - level / 100.0) * beyond


def measure(truth: np.ndarray, forecast: np.ndarray, scale: float, root_scale: float = np.nan) -> dict[str, float]:
    """Returns the errors of a forecast f of the truth y, with e = y - f, by the name of the measure.

    mase    the mean of |e|, divided by `scale`
    smape   the mean of 200 |e| / (|y| + |f|), in percent; a term 0 / 0 counts as 0
    rmse    the root mean square of e
    rmsse   rmse, divided by `root_scale`

    All are NaN if no value of the truth is known.
    """
    known = np.isfinite(truth)
    if not known.any():
        return dict.fromkeys(MEASURES, float("nan"))
    truth, forecast = truth[known], forecast[known]
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
