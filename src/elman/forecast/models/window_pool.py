"""`WindowPool`: the windows of many series, drawn at random for training, or the last one of each for a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.forecast import boxcox
from elman.forecast.models.smoothing_base import SmoothedEnds, SmoothingBase
from elman.forecast.models.window_spec import SMOOTHING, WindowSpec, min_unit
from elman.forecast.smoothing import SmoothingModels
from elman.series.inputs import CovariateWindows
from elman.series.series import Series

__all__ = ["WindowPool", "Windows"]

FLAT = 0.1  # smallest unit of a window, as a fraction of the mean absolute change from row to row in its series


class Windows(NamedTuple):
    """N windows of n rows each."""

    values: np.ndarray  # (N, n), transformed; those that are read without their season, where the base is smoothing
    floor: np.ndarray  # (N, 1), the smallest unit of each
    covariates: CovariateWindows
    unknown: np.ndarray  # (N, n, 1) whether a value is missing; (N, n, 0) where none may be
    smoothed: SmoothedEnds | None = None  # where the base is exponential smoothing


class WindowPool:
    """N series concatenated in one array, with their covariates. Series above zero are Box-Cox transformed.

    z            (sum of rows,) transformed values
    base         exponential smoothing of each series, where it is the base of the forecasts
    ends         (N,) index in z of the row after each series
    rows         (N,) number of rows of each series
    floor        (N,) smallest unit of the windows of each series
    transformed  (N,) whether each series is transformed
    """

    def __init__(self, series: Sequence[Series], spec: WindowSpec, smoothed: SmoothingModels | None = None) -> None:
        """smoothed: see `SmoothingBase`; None: it is fitted here, where it is the base"""
        self._series, self._spec = series, spec
        self.transformed = np.array([spec.boxcox_lambda != 1.0 and float(each.values.min()) > 0.0 for each in series])
        self.ends = np.cumsum([len(each) for each in series])
        self.rows = np.diff(self.ends, prepend=0)
        self.z = np.concatenate(
            [
                boxcox.transform(s.values, spec.boxcox_lambda) if own else s.values
                for s, own in zip(series, self.transformed, strict=True)
            ]
        )
        self.base = None
        if spec.base == SMOOTHING:
            self.base = SmoothingBase([each.values for each in series], spec.seasons[0], smoothed)
        read = self.z if self.base is None else self.base.adjusted
        change = np.abs(np.diff(read, append=read[-1]))
        change[self.ends - 1] = 0.0  # the difference between two series is no change
        sums = np.add.reduceat(change, self.ends - self.rows)
        size = np.maximum.reduceat(np.abs(read), self.ends - self.rows)
        self.floor = np.maximum(FLAT * sums / np.maximum(self.rows - 1, 1), min_unit(size))
        inputs = spec.inputs
        self._past = np.concatenate([inputs.past_of(each) for each in series]) if inputs.past else _none(self.z)
        self._future = (
            np.concatenate([inputs.future_of(each, 0) for each in series]) if inputs.futures else _none(self.z)
        )
        self._static = np.array([inputs.static_of(each) for each in series]) if inputs.static else _none(series)
        self._unknown = np.zeros((len(self.z), int(spec.masked)))
        if spec.masked:
            self._unknown[:, 0] = np.isnan(np.concatenate([each.observed for each in series]))

    def last(self, required: int, width: int | None = None) -> Windows:
        """Returns the last `context` rows of every series, for a forecast, and the covariates of the rows that follow.

        required   number of following rows whose covariates must be known
        width      number of following rows in all; None: the horizon. The last known covariates are repeated
        """
        c, width = self._spec.context, self._spec.horizon if width is None else width
        read = self.ends[:, None] - c + np.arange(c)
        future = np.zeros((len(self.ends), c + width, self._future.shape[1]))
        if future.shape[2]:
            for i, each in enumerate(self._series):
                reach = self._spec.inputs.reach(each, required, width)
                there = self._spec.inputs.future_of(each, reach)[-(c + reach) :]
                future[i] = np.concatenate([there, np.repeat(there[-1:], width - reach, axis=0)])
        covariates = CovariateWindows(self._past[read], future, self._static, self._unknown[read])
        values, smoothed = self._read(self.z[read], np.arange(len(self.rows)), self.rows - c)
        return Windows(values, self.floor[:, None], covariates, self._unknown[read], smoothed)

    def draw(self, count: int, rng: np.random.Generator) -> Windows:
        """Returns `count` windows of context + horizon rows, drawn uniformly from all windows of the series."""
        spec = self._spec
        width = spec.context + spec.horizon
        windows = np.maximum(self.rows - width + 1, 0)
        below = np.cumsum(windows)
        drawn = rng.integers(0, below[-1], count)
        series = np.searchsorted(below, drawn, "right")
        first = drawn - (below - windows)[series]
        start = (self.ends - self.rows)[series] + first
        values, smoothed = self._read(sliding_window_view(self.z, width)[start], series, first)
        floor = self.floor[series, None]
        if not (spec.inputs or spec.masked):
            none = np.zeros((count, spec.context, 0))
            return Windows(
                values, floor, CovariateWindows(none, none, none, none), np.zeros((count, width, 0)), smoothed
            )
        rows = start[:, None] + np.arange(width)
        unknown = self._unknown[rows]
        read = slice(spec.context)
        past, future, static = self._past[rows[:, read]], self._future[rows], self._static[series]
        return Windows(values, floor, CovariateWindows(past, future, static, unknown[:, read]), unknown, smoothed)

    def _read(
        self, values: np.ndarray, series: np.ndarray, first: np.ndarray
    ) -> tuple[np.ndarray, SmoothedEnds | None]:
        """Returns the values (N, n) of windows as they are read, and what smoothing knows at the end of their contexts.

        series, first   (N,) the number of each window's series, and the row of the series with which it begins
        """
        if self.base is None:
            return values, None
        c = self._spec.context
        values[:, :c] = sliding_window_view(self.base.adjusted, c)[(self.ends - self.rows)[series] + first]
        return values, self.base.at(series, first + c - 1, c, self._spec.horizon)


def _none(rows: Sequence[object] | np.ndarray) -> np.ndarray:
    """Returns an array of no covariates for each of the rows, (rows, 0)."""
    return np.zeros((len(rows), 0))
