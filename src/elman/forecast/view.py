"""What the networks of many series see of one: a window in its own unit, a step for each short season, the base that an
answer is added to, and what stands beside the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core import checks
from elman.forecast import power as powers
from elman.series.errors import DataError
from elman.series.inputs import NO_INPUTS, CovariateWindows, Inputs, covariate_features
from elman.series.limits import SMALLEST
from elman.series.series import Series

__all__ = ["QUANTILES", "View", "WindowPool", "context_rows", "least_context", "least_rows"]

FLAT = 0.1  # of a series' usual change from row to row: the least unit a window is measured in, however flat it is
STEPS = 14  # that a network reads, where the series are long enough
QUANTILES = (0.1, 0.5, 0.9)  # that a head of quantiles answers with


@dataclass(frozen=True)
class View:
    """What a network sees of a series.

    seasons   rows in a season, short to long; (1,) for none
    context   rows that are read, a multiple of `step`
    horizon   rows that are forecast
    lag       rows back from each forecast row to its base: one of the seasons, or 1 for the last value
    power     of Box and Cox's transformation, for series above zero: 1 none, 0 logarithms
    head      "median": one number for each row; "quantiles": those of `QUANTILES`
    skip      short seasons that a linear path shows the answer beside the network; 0: none
    masked    whether missing values are told
    inputs    what is known beside the values
    """

    seasons: tuple[int, ...]
    context: int
    horizon: int
    lag: int
    power: float
    head: str = "median"
    skip: int = 1
    masked: bool = False
    inputs: Inputs = NO_INPUTS

    @property
    def step(self) -> int:
        """Rows of one step of the network."""
        return self.seasons[0]

    @property
    def shown(self) -> int:
        """Rows of a long season before that stand beside each step; 0 where a step holds that season itself."""
        return min(self.horizon, self.seasons[-1]) if self.seasons[-1] > self.step else 0

    @property
    def own(self) -> int:
        """Rows of values that a step of the network reads."""
        return self.step * max(1, self.skip)

    @property
    def features(self) -> int:
        """Numbers that a step of the network reads."""
        return self.own + self.shown + self.inputs.features(self.step, self.horizon, self.masked)

    @property
    def quantiles(self) -> tuple[float, ...]:
        """What each row is answered with."""
        return QUANTILES if self.head == "quantiles" else (0.5,)

    @property
    def outputs(self) -> int:
        """Numbers that the network answers."""
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
        for k in range(max(1, self.skip)):  # the k-th season before each step; earlier than the window are zeros
            own = scaled[:, : self.context - k * self.step].reshape(len(read), -1, self.step)
            x[:, k:, self.own - (k + 1) * self.step : self.own - k * self.step] = own
        if self.shown:
            starts = ends - self.seasons[-1]
            known = starts >= 0  # earlier steps are shown zeros
            long = sliding_window_view(scaled, self.shown, axis=1)[:, starts[known]]
            x[:, known, self.own : self.own + self.shown] = long
        if self.inputs or self.masked:
            x[:, :, self.own + self.shown :] = covariate_features(ends, self.step, self.lag, shown)
        base = read[:, self.context - self.lag + np.arange(self.horizon) % self.lag]
        return x, base, unit


def least_unit(size: Any) -> Any:
    """The least unit that values may be measured in whose largest is `size`: less is rounding."""
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


# ------------------------------------------------------------------------------------ windows


class WindowPool:
    """Series end to end in one array, each transformed where it is above zero, and what stands beside them."""

    def __init__(self, series: Sequence[Series], view: View) -> None:
        self._series, self._view = series, view
        self.lifted = np.array([view.power != 1.0 and float(each.values.min()) > 0.0 for each in series])
        self.ends = np.cumsum([len(each) for each in series])
        self.rows = np.diff(self.ends, prepend=0)
        self.z = np.concatenate(
            [
                powers.forward(s.values, view.power) if own else s.values
                for s, own in zip(series, self.lifted, strict=True)
            ]
        )
        change = np.abs(np.diff(self.z, append=self.z[-1]))
        change[self.ends - 1] = 0.0  # no change leads from one series to the next
        sums = np.add.reduceat(change, self.ends - self.rows)
        size = np.maximum.reduceat(np.abs(self.z), self.ends - self.rows)
        self.floor = np.maximum(FLAT * sums / np.maximum(self.rows - 1, 1), least_unit(size))
        inputs = view.inputs
        self._past = np.concatenate([inputs.past_of(each) for each in series]) if inputs.past else _none(self.z)
        self._future = (
            np.concatenate([inputs.future_of(each, 0) for each in series]) if inputs.futures else _none(self.z)
        )
        self._static = np.array([inputs.static_of(each) for each in series]) if inputs.static else _none(series)
        self._unknown = np.zeros((len(self.z), int(view.masked)))
        if view.masked:
            self._unknown[:, 0] = np.isnan(np.concatenate([each.observed for each in series]))

    def last(self, ahead: int, width: int | None = None) -> tuple[np.ndarray, np.ndarray, CovariateWindows]:
        """Of every series what a window reads, its floor, and what is shown beside it: `width` rows on (None: the
        horizon), of which `ahead` must be known; where later ones are not, the last one that is stands."""
        c, width = self._view.context, self._view.horizon if width is None else width
        read = self.ends[:, None] - c + np.arange(c)
        future = np.zeros((len(self.ends), c + width, self._future.shape[1]))
        if future.shape[2]:
            for i, each in enumerate(self._series):
                reach = self._view.inputs.reach(each, ahead, width)
                known = self._view.inputs.future_of(each, reach)[-(c + reach) :]
                future[i] = np.concatenate([known, np.repeat(known[-1:], width - reach, axis=0)])
        shown = CovariateWindows(self._past[read], future, self._static, self._unknown[read])
        return self.z[read], self.floor[:, None], shown

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """x (count, T, F) and targets (count, h) of drawn windows; where values are masked, the targets are followed by
        which of them are known (count, 2 h)."""
        whole, floor, shown, unknown = self.drawn(count, rng)
        c = self._view.context
        x, base, unit = self._view.windows(whole[:, :c], floor, shown)
        y = ((whole[:, c:] - base) / unit).astype(np.float32)
        if self._view.masked:
            y = np.concatenate([y, 1.0 - unknown[:, c:]], axis=1, dtype=np.float32)
        return x, y

    def drawn(
        self, count: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, CovariateWindows, np.ndarray]:
        """Windows (count, context + horizon) anywhere in the series, all equally likely, their floors (count, 1), what
        is beside them, and which of their rows are unknown (count, context + horizon)."""
        view = self._view
        width = view.context + view.horizon
        windows = np.maximum(self.rows - width + 1, 0)
        below = np.cumsum(windows)
        drawn = rng.integers(0, below[-1], count)
        own = np.searchsorted(below, drawn, "right")
        start = (self.ends - self.rows)[own] + drawn - (below - windows)[own]
        whole, floor = sliding_window_view(self.z, width)[start], self.floor[own, None]
        if not (view.inputs or view.masked):
            return whole, floor, CovariateWindows(*(np.zeros((count, view.context, 0)),) * 4), np.zeros((count, width))
        rows = start[:, None] + np.arange(width)
        unknown = self._unknown[rows]
        beside_it = CovariateWindows(
            self._past[rows[:, : view.context]], self._future[rows], self._static[own], unknown[:, : view.context]
        )
        return whole, floor, beside_it, unknown[:, :, 0] if view.masked else np.zeros((count, width))


def _none(rows: Sequence[Any] | np.ndarray) -> np.ndarray:
    return np.zeros((len(rows), 0))
