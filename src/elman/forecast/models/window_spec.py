"""`WindowSpec`: what a window of a series holds, and how the networks of a global model read it.

The first rows of a window are its context, which the network reads; the following h rows are forecast. Values are
scaled window by window: the level of the window is subtracted, and the rest is divided by its unit, a mean absolute
deviation. The network reads one short season in each of T steps, with the covariates. Its output is added to the base,
the forecast of a seasonal naive rule, or of exponential smoothing (`smoothing_base.py`), which then also says the
seasons that are taken out of what is read, the level and the unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core import checks, fields
from elman.forecast.models.smoothing_base import SmoothedEnds
from elman.series import limits
from elman.series.errors import DataError
from elman.series.inputs import NO_INPUTS, CovariateWindows, Inputs, covariate_features
from elman.series.limits import SMALLEST

__all__ = ["QUANTILES", "SEASON", "SMOOTHING", "WindowSpec", "context_rows", "min_context", "min_rows", "min_unit"]

CONTEXT_STEPS = 14  # default number of steps in a context, if the series are long enough
SEASON, SMOOTHING = "season", "smoothing"  # what the forecasts of a network are added to
TRENDS = 2  # features of the base's trend: where it is in the first and in the last row of the horizon
QUANTILES = (0.1, 0.5, 0.9)  # the outputs of a network with `distribution="quantiles"`


@dataclass(frozen=True)
class WindowSpec:
    """What the windows of a series hold, and what a network reads of them.

    seasons        lengths of the seasons in rows, in increasing order; (1,) for none
    context        number of rows that are read, a multiple of `step`
    horizon        number of rows that are forecast, h
    lag            number of rows from a forecast row back to the value of its base: one of the seasons, or 1 for the
                   last value
    boxcox_lambda  lambda of the Box-Cox transformation of series above zero; 1: no transformation, 0: logarithms
    distribution   output of the network. "median": one number for each row; "quantiles": those in `QUANTILES`;
                   "gaussian", "student_t": row by row, the parameters of such a distribution
    skip_seasons   number of short seasons that a linear skip path reads in addition to the network; 0: no skip path
    masked         whether the network also reads which values are missing
    inputs         covariates that the network reads
    base           what the network's output is added to. "season": the values `lag` rows before; "smoothing": the
                   forecasts of exponential smoothing, for one season or none and values that are not transformed
    """

    seasons: tuple[int, ...]
    context: int
    horizon: int
    lag: int
    boxcox_lambda: float
    distribution: str = "median"
    skip_seasons: int = 1
    masked: bool = False
    inputs: Inputs = NO_INPUTS
    base: str = SEASON

    def validate(self) -> None:
        """Raises ValueError or TypeError for a spec that no trained model has."""
        for name in ("context", "horizon", "lag"):
            checks.whole(name, getattr(self, name), 1, fields.LARGEST_COUNT)
        for season in self.seasons:
            checks.whole("seasons", season, 1, fields.LARGEST_COUNT)
        checks.number("boxcox_lambda", self.boxcox_lambda, 0.0, 1.0)
        checks.whole("skip_seasons", self.skip_seasons, 0, limits.SKIP)
        if (
            not self.seasons
            or any(longer % short or longer == short for short, longer in pairwise(self.seasons))
            or self.lag not in self.seasons
            or self.context % self.step
            or self.context < min_context(self.seasons)
        ):
            raise ValueError("seasons: expected seasons, lag and context that fit one another, got others")
        checks.choice("base", self.base, (SEASON, SMOOTHING))
        if self.base == SMOOTHING and (len(self.seasons) > 1 or self.boxcox_lambda != 1.0):
            raise ValueError(f"base: expected {SEASON!r} with several seasons or a transformation, got {self.base!r}")

    @property
    def step(self) -> int:
        """Returns the number of rows in one step of the network, the shortest season."""
        return self.seasons[0]

    @property
    def seasonal_rows(self) -> int:
        """Returns how many rows from one long season earlier each step also reads; 0 if a step is the longest season.

        They begin one long season before the row that follows the step.
        """
        return min(self.horizon, self.seasons[-1]) if self.seasons[-1] > self.step else 0

    @property
    def recent_rows(self) -> int:
        """Returns how many of the latest rows a step of the network reads, including those that the skip path reads."""
        return self.step * max(1, self.skip_seasons)

    @property
    def value_features(self) -> int:
        """Returns the number of features of each step that are no covariates: values, and the trend of the base."""
        return self.recent_rows + self.seasonal_rows + (TRENDS if self.base == SMOOTHING else 0)

    @property
    def features(self) -> int:
        """Returns the number of features F of each step of the network."""
        return self.value_features + self.inputs.features(self.step, self.horizon, self.masked)

    @property
    def quantiles(self) -> tuple[float, ...]:
        """Returns the quantiles that the network outputs for each row."""
        return QUANTILES if self.distribution == "quantiles" else (0.5,)

    @property
    def outputs(self) -> int:
        """Returns the number of outputs of the network."""
        return self.horizon * len(self.quantiles)

    def measure(self, read: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the level (n, 1) and the unit (n, 1) of windows.

        read    (n, context) values of the windows
        floor   (n, 1) smallest unit of each window
        """
        recent = read[:, -max(self.seasons[-1], min(self.context, 8)) :]
        level = recent.mean(axis=1, keepdims=True)
        return level, np.maximum(np.abs(recent - level).mean(axis=1, keepdims=True), floor)

    def windows(
        self, read: np.ndarray, floor: np.ndarray, covariates: CovariateWindows, smoothed: SmoothedEnds | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the network's input x (n, T, F), float32, the base (n, h) and the unit, (n, 1) or (n, h), of windows.

        read      (n, context) values of the windows
        floor     (n, 1) smallest unit of each window
        smoothed  what exponential smoothing knows at the end of each context, where it is the base

        The forecast is base + unit * output of the network.
        """
        if smoothed is None:
            level, unit = self.measure(read, floor)
        else:
            level, unit = smoothed.level, np.maximum(smoothed.unit, floor)
        scaled = ((read - level) / unit).astype(np.float32)
        ends = self.step * np.arange(1, self.context // self.step + 1)
        x = np.zeros((len(read), len(ends), self.features), np.float32)
        for k in range(max(1, self.skip_seasons)):  # the k-th season before each step; 0 before the window
            recent = scaled[:, : self.context - k * self.step].reshape(len(read), -1, self.step)
            x[:, k:, self.recent_rows - (k + 1) * self.step : self.recent_rows - k * self.step] = recent
        if self.seasonal_rows:
            starts = ends - self.seasons[-1]
            known = starts >= 0  # earlier steps read zeros
            seasonal = sliding_window_view(scaled, self.seasonal_rows, axis=1)[:, starts[known]]
            x[:, known, self.recent_rows : self.recent_rows + self.seasonal_rows] = seasonal
        if self.inputs or self.masked:
            x[:, :, self.value_features :] = covariate_features(ends, self.step, self.lag, covariates)
        if smoothed is not None:
            x[:, :, self.value_features - TRENDS : self.value_features] = (smoothed.trend / unit)[:, None]
            return x, smoothed.forecast, unit * smoothed.factor
        base = read[:, self.context - self.lag + np.arange(self.horizon) % self.lag]
        return x, base, unit


def min_unit(size: np.ndarray | float) -> np.ndarray | np.float64:
    """Returns the smallest unit for values of at most `size` in absolute value; a smaller one would scale rounding."""
    return np.maximum(4.0 * np.finfo(np.float64).eps * size, SMALLEST)


def min_rows(horizon: int, seasons: Sequence[int]) -> int:
    """Returns the smallest number of rows of a series to train on: the shortest context and one horizon."""
    return min_context(seasons) + horizon


def context_rows(
    requested: int | None, rows: np.ndarray, horizon: int, seasons: Sequence[int], default: int | None = None
) -> int:
    """Returns the context in rows, a whole number of steps, for N series.

    requested   context in rows that the user asks for, rounded up to whole steps; None: `default`
    rows        (N,) number of rows of each series
    default     default context in rows; None: `CONTEXT_STEPS` steps. It is shortened where context and horizon together
                exceed half of the median number of rows, or the shortest series
    """
    step, least = seasons[0], min_context(seasons)
    most = int(min(np.median(rows) - 2 * horizon, rows.min() - horizon))
    if requested is None:
        default = default or (CONTEXT_STEPS * step if step > 1 else 2 * CONTEXT_STEPS)
        default = min(default, int(np.median(rows)) // 2 - horizon, most)
        return max(least, default // step * step)
    context = -(-checks.whole("context", requested, low=least) // step) * step
    if context > most:
        raise DataError(f"context: {context} rows are too many for these series and horizon {horizon}; at most {most}")
    return context


def min_context(seasons: Sequence[int]) -> int:
    """Returns the smallest context in rows: two short seasons, one long season, and at least 8 rows for the level."""
    step = seasons[0]
    return -(-max(2 * step, seasons[-1], 8) // step) * step
