"""`SmoothingBase`: exponential smoothing of each series, whose forecasts the networks of a global model correct.

As in the model that won the M4 competition (Smyl 2020), each series has a level, a trend and a season of its own, and
the network, which all series share, reads values without these and forecasts what they leave. Here they are those of
exponential smoothing with a damped trend, fitted to the series beforehand. Its parameters come from all rows of the
series; its states at the end of a window, and so what the window holds, from no row after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.core.smoothing import DAMPED_FORMS
from elman.forecast.smoothing import SmoothingModels, fit_smoothing
from elman.forecast.smoothing.rows import rows_of
from elman.forecast.smoothing.states import states_of
from elman.series.limits import LARGEST_FORECAST, SMALLEST

__all__ = ["SmoothedEnds", "SmoothingBase"]


class SmoothedEnds(NamedTuple):
    """What exponential smoothing knows at the ends of N windows, in units of the values."""

    forecast: np.ndarray  # (N, h) of the rows that follow, the base
    level: np.ndarray  # (N, 1)
    unit: np.ndarray  # (N, 1) the mean absolute error of its one-step forecasts in the window
    trend: np.ndarray  # (N, 2) how far the first and the last row of the horizon are from the level, but for the season
    factor: np.ndarray  # (N, h) of the season, by which units are multiplied; 1 where seasons are added


class SmoothingBase:
    """Exponential smoothing with a damped trend, fitted to each of N series.

    adjusted   (sum of rows,) all series end to end, without the seasons that the rows before each row tell
    """

    def __init__(self, values: Sequence[np.ndarray], season: int, fitted: SmoothingModels | None = None) -> None:
        """values: N series (T,); fitted: what was fitted before to these, divided by their mean absolute values"""
        self._sizes = np.maximum(
            [np.abs(each).mean() for each in values], SMALLEST
        )  # variances of 1e200 would overflow
        scaled = [each / size for each, size in zip(values, self._sizes, strict=True)]
        fitted = fit_smoothing(scaled, season, DAMPED_FORMS) if fitted is None else fitted
        self._states = states_of(fitted, scaled)
        rows = rows_of(scaled)
        adjusted = self._sizes[:, None] * self._states.adjusted(rows.y)
        self.adjusted = adjusted[np.arange(rows.y.shape[1]) < rows.lengths[:, None]]

    def at(self, series: np.ndarray, rows: np.ndarray, context: int, horizon: int) -> SmoothedEnds:
        """Returns what is known at the ends of windows of `context` rows: in the series with these numbers (N,), the
        last row of each window has the number `rows` (N,)."""
        states, size = self._states, self._sizes[series, None]
        forecast, plain, factor = states.forecast(series, rows, horizon)
        level = states.level[series, rows][:, None]
        errors = states.errors[series[:, None], rows[:, None] - np.arange(context)]
        return SmoothedEnds(
            np.clip(size * forecast, -LARGEST_FORECAST, LARGEST_FORECAST),
            size * level,
            size * np.abs(errors).mean(axis=1, keepdims=True),
            size * (plain[:, [0, -1]] - level),
            factor,
        )
