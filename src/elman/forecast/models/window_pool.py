"""The windows of many series, drawn at random for training, or the last one of each to forecast from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.forecast import boxcox
from elman.forecast.models.window_spec import WindowSpec, least_unit
from elman.series.inputs import CovariateWindows
from elman.series.series import Series

__all__ = ["WindowPool", "Windows"]

FLAT = 0.1  # of a series' usual change from row to row: the least unit a window is measured in, however flat it is


class Windows(NamedTuple):
    """Windows of n rows each, N of them."""

    values: np.ndarray  # (N, n), transformed
    floor: np.ndarray  # (N, 1), the least unit that each is measured in
    shown: CovariateWindows  # the covariates beside them
    unknown: np.ndarray  # (N, n, 1) whether a value is missing; (N, n, 0) where none may be


class WindowPool:
    """Series end to end in one array, each transformed where it is above zero, with their covariates.

    z            (rows of all,) the transformed values
    ends, rows   (N,) where each series ends in z, and how many rows it has
    floor        (N,) the least unit that its windows are measured in
    transformed  (N,) whether it is transformed
    """

    def __init__(self, series: Sequence[Series], spec: WindowSpec) -> None:
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
        change = np.abs(np.diff(self.z, append=self.z[-1]))
        change[self.ends - 1] = 0.0  # no change leads from one series to the next
        sums = np.add.reduceat(change, self.ends - self.rows)
        size = np.maximum.reduceat(np.abs(self.z), self.ends - self.rows)
        self.floor = np.maximum(FLAT * sums / np.maximum(self.rows - 1, 1), least_unit(size))
        inputs = spec.inputs
        self._past = np.concatenate([inputs.past_of(each) for each in series]) if inputs.past else _none(self.z)
        self._future = (
            np.concatenate([inputs.future_of(each, 0) for each in series]) if inputs.futures else _none(self.z)
        )
        self._static = np.array([inputs.static_of(each) for each in series]) if inputs.static else _none(series)
        self._unknown = np.zeros((len(self.z), int(spec.masked)))
        if spec.masked:
            self._unknown[:, 0] = np.isnan(np.concatenate([each.observed for each in series]))

    def last(self, known: int, width: int | None = None) -> Windows:
        """The last window of every series, to forecast from: covariates reach `width` rows on (None: the horizon), of
        which `known` must be known; after the last known row, its covariates are repeated."""
        c, width = self._spec.context, self._spec.horizon if width is None else width
        read = self.ends[:, None] - c + np.arange(c)
        future = np.zeros((len(self.ends), c + width, self._future.shape[1]))
        if future.shape[2]:
            for i, each in enumerate(self._series):
                reach = self._spec.inputs.reach(each, known, width)
                there = self._spec.inputs.future_of(each, reach)[-(c + reach) :]
                future[i] = np.concatenate([there, np.repeat(there[-1:], width - reach, axis=0)])
        shown = CovariateWindows(self._past[read], future, self._static, self._unknown[read])
        return Windows(self.z[read], self.floor[:, None], shown, self._unknown[read])

    def draw(self, count: int, rng: np.random.Generator) -> Windows:
        """Windows of context + horizon rows anywhere in the series, all equally likely."""
        spec = self._spec
        width = spec.context + spec.horizon
        windows = np.maximum(self.rows - width + 1, 0)
        below = np.cumsum(windows)
        drawn = rng.integers(0, below[-1], count)
        own = np.searchsorted(below, drawn, "right")
        start = (self.ends - self.rows)[own] + drawn - (below - windows)[own]
        whole, floor = sliding_window_view(self.z, width)[start], self.floor[own, None]
        if not (spec.inputs or spec.masked):
            none = np.zeros((count, spec.context, 0))
            return Windows(whole, floor, CovariateWindows(none, none, none, none), np.zeros((count, width, 0)))
        rows = start[:, None] + np.arange(width)
        unknown = self._unknown[rows]
        read = slice(spec.context)
        shown = CovariateWindows(self._past[rows[:, read]], self._future[rows], self._static[own], unknown[:, read])
        return Windows(whole, floor, shown, unknown)


def _none(rows: Sequence[Any] | np.ndarray) -> np.ndarray:
    return np.zeros((len(rows), 0))
