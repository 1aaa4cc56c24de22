"""What the networks of a global model read of one series: a window in its own unit, a step for each short season, the
base that an answer is added to, and the covariates beside the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core import checks, fields
from elman.series import limits
from elman.series.errors import DataError
from elman.series.inputs import NO_INPUTS, CovariateWindows, Inputs, covariate_features
from elman.series.limits import SMALLEST

__all__ = ["QUANTILES", "WindowSpec", "context_rows", "least_context", "least_rows", "least_unit"]

STEPS = 14  # that a network reads, where the series are long enough
QUANTILES = (0.1, 0.5, 0.9)  # that a head of quantiles answers with


@dataclass(frozen=True)
class WindowSpec:
    """What the windows of a series hold, and what a network reads of them.

    seasons   rows in a season, short to long; (1,) for none
    context   rows that are read, a multiple of `step`
    horizon   rows that are forecast
    lag       rows back from each forecast row to its base: one of the seasons, or 1 for the last value
    boxcox_lambda  of the transformation of series above zero: 1 none, 0 logarithms
    distribution   "median": one number for each row; "quantiles": those of `QUANTILES`; "gaussian", "student_t": row by
                   row, the parameters of such a distribution
    skip_seasons   short seasons that a linear path reads, beside the network; 0: there is no such path
    masked    whether the network is told which values are missing
    inputs    the covariates that are read
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

    def validate(self) -> None:
        """Raises ValueError or TypeError where this is no spec of a trained model."""
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
            or self.context < least_context(self.seasons)
        ):
            raise ValueError("seasons: expected seasons, lag and context that fit one another, got others")

    @property
    def step(self) -> int:
        """Rows of one step of the network."""
        return self.seasons[0]

    @property
    def season_ago(self) -> int:
        """Rows of the long season before that stand beside each step; 0 where a step holds that season itself."""
        return min(self.horizon, self.seasons[-1]) if self.seasons[-1] > self.step else 0

    @property
    def own(self) -> int:
        """Rows of values that a step of the network reads."""
        return self.step * max(1, self.skip_seasons)

    @property
    def features(self) -> int:
        """Numbers that a step of the network reads."""
        return self.own + self.season_ago + self.inputs.features(self.step, self.horizon, self.masked)

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles that the network answers for each row."""
        return QUANTILES if self.distribution == "quantiles" else (0.5,)

    @property
    def outputs(self) -> int:
        """Numbers that the network answers with."""
        return self.horizon * len(self.quantiles)

    def measure(self, read: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """read (n, context), floor (n, 1) the least unit -> each window's level and unit (n, 1)."""
        recent = read[:, -max(self.seasons[-1], min(self.context, 8)) :]
        level = recent.mean(axis=1, keepdims=True)
        return level, np.maximum(np.abs(recent - level).mean(axis=1, keepdims=True), floor)

    def windows(
        self, read: np.ndarray, floor: np.ndarray, shown: CovariateWindows
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """read (n, context), floor (n, 1) the least unit -> x (n, T, F) float32, base (n, h) and unit (n, 1): a
        forecast is base + unit * answer."""
        level, unit = self.measure(read, floor)
        scaled = ((read - level) / unit).astype(np.float32)
        ends = self.step * np.arange(1, self.context // self.step + 1)
        x = np.zeros((len(read), len(ends), self.features), np.float32)
        for k in range(max(1, self.skip_seasons)):  # the k-th season before each step; 0 before the window
            own = scaled[:, : self.context - k * self.step].reshape(len(read), -1, self.step)
            x[:, k:, self.own - (k + 1) * self.step : self.own - k * self.step] = own
        if self.season_ago:
            starts = ends - self.seasons[-1]
            known = starts >= 0  # earlier steps are shown zeros
            long = sliding_window_view(scaled, self.season_ago, axis=1)[:, starts[known]]
            x[:, known, self.own : self.own + self.season_ago] = long
        if self.inputs or self.masked:
            x[:, :, self.own + self.season_ago :] = covariate_features(ends, self.step, self.lag, shown)
        base = read[:, self.context - self.lag + np.arange(self.horizon) % self.lag]
        return x, base, unit


def least_unit(size: Any) -> Any:
    """The least unit that values may be measured in whose largest is `size`: a smaller one would measure rounding."""
    return np.maximum(4.0 * np.finfo(np.float64).eps * size, SMALLEST)


def least_rows(horizon: int, seasons: Sequence[int]) -> int:
    """The fewest rows of a series that the networks can learn from: what is read, and what follows it."""
    return least_context(seasons) + horizon


def context_rows(
    wanted: int | None, rows: np.ndarray, horizon: int, seasons: Sequence[int], usual: int | None = None
) -> int:
    """Rows of a window that are read, in whole steps: what was asked for, else `usual` or `STEPS` steps, fewer where
    that and a horizon is more than half of the usual series of these numbers of rows (N,), or than the shortest."""
    step, least = seasons[0], least_context(seasons)
    most = int(min(np.median(rows) - 2 * horizon, rows.min() - horizon))
    if wanted is None:
        usual = min(usual or (STEPS * step if step > 1 else 2 * STEPS), int(np.median(rows)) // 2 - horizon, most)
        return max(least, usual // step * step)
    context = -(-checks.whole("context", wanted, low=least) // step) * step
    if context > most:
        raise DataError(f"context: {context} rows are too many for these series and horizon {horizon}; at most {most}")
    return context


def least_context(seasons: Sequence[int]) -> int:
    """Two short seasons, one long one, and some rows to tell the level by."""
    step = seasons[0]
    return -(-max(2 * step, seasons[-1], 8) // step) * step
