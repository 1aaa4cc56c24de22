"""What a backtest's errors say about intervals: their widths for a forecast to come, and how they did in the backtest's
own windows, each calibrated on other ones alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.forecast import intervals
from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.metrics import interval_score
from elman.series.limits import BEYOND

__all__ = ["PooledErrors", "coverage", "pooled_errors"]

PRIOR = 0.5  # what all series say of one's errors, in windows of its own


@dataclass(frozen=True, eq=False)
class PooledErrors:
    """What intervals about a model's forecasts are made of: errors of all series together, each over how large the
    errors of its own series are in the other windows.

    pooled   those errors
    sizes    how large each series' errors are, in units;  usual  the same of a series without windows
    """

    pooled: intervals.Calibration
    sizes: Mapping[str, float]
    usual: float

    def bands(
        self, series: Sequence[str], forecasts: np.ndarray, units: np.ndarray, levels: Sequence[float]
    ) -> np.ndarray:
        """Lower and upper bounds (levels, N, h, 2) of forecasts (N, h) with their units (N, h, 2)."""
        sizes = np.array([self.sizes.get(name, self.usual) for name in series])
        widths = self.pooled.half_widths(levels, forecasts.shape[1])[:, None] * sizes[:, None]
        with np.errstate(over="ignore"):
            bounds = forecasts[..., None] + widths[..., None] * units * np.array([-1.0, 1.0])
        return np.clip(bounds, -BEYOND, BEYOND)


def pooled_errors(backtest: Backtest, model: str) -> PooledErrors:
    """Of a backtest with units. A size is a geometric mean over windows; that of all series is one more, with the
    weight `PRIOR`. A single window of a series says nothing: there was no other whose error could be measured by it,
    so how well that works is not known."""
    if backtest.units is None:
        raise ValueError("backtest: expected one with the units of its errors")
    residuals = backtest.residuals(model)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # after rows that stood still units are tiny
        errors = residuals / np.where(residuals < 0.0, backtest.units[..., 0], backtest.units[..., 1])
    errors = np.clip(errors, -BEYOND, BEYOND)
    there = np.isfinite(errors)
    size = np.where(there, np.abs(errors / intervals.horizon_scale(errors)), 0.0)
    windows = np.log(np.maximum(size.sum(axis=1) / np.maximum(there.sum(axis=1), 1), 1e-12))
    usual = float(windows[there.any(axis=1)].mean())
    windows[~there.any(axis=1)] = usual
    whose = backtest.series or ("",) * len(backtest)
    names, own, counts = np.unique(whose, return_inverse=True, return_counts=True)
    sums = np.bincount(own, windows)
    others = np.exp((sums[own] - windows + PRIOR * usual) / (counts[own] - 1 + PRIOR))
    several = counts > 1
    sizes = np.exp((sums * several + PRIOR * usual) / (counts * several + PRIOR))
    each = dict(zip(names.tolist(), sizes.tolist(), strict=True))
    return PooledErrors(intervals.calibrate(errors / others[:, None]), each, float(np.exp(usual)))


def coverage(backtest: Backtest, levels: Sequence[float], *, model: str = NETWORK) -> list[dict[str, Any]]:
    """For each level (percent): `level`, `covered` the percentage of rows inside, and over MASE's unit `score`, the
    mean interval score, and `pinball`, the mean loss of both bounds as quantiles. Windows that too few residuals
    calibrate do not count, and levels without a window are left out."""
    found: list[dict[str, Any]] = []
    for level in intervals.parse_levels(levels):
        bands = bands_of_windows(backtest, level, model)
        there = np.isfinite(bands[..., 0]) & np.isfinite(backtest.truth)
        if not there.any():
            continue
        low, high, truth = bands[..., 0], bands[..., 1], backtest.truth
        scores = interval_score(truth, low, high, level) / backtest.scales[:, None]
        there_too = np.isfinite(scores)
        score = float(scores[there_too].mean()) if there_too.any() else float("nan")
        covered = 100.0 * float(((truth >= low) & (truth <= high))[there].mean())
        pinball = score * (1.0 - level / 100.0) / 4.0
        found.append({"level": level, "covered": covered, "score": score, "pinball": pinball})
    return found


def bands_of_windows(backtest: Backtest, level: float, model: str) -> np.ndarray:
    """Lower and upper bound of a model's forecasts in every window, (W, h, 2); NaN for windows that too few
    residuals calibrate."""
    forecasts = backtest.forecasts[model]
    found = np.full((*forecasts.shape, 2), np.nan)
    for own, before in _folds(backtest):
        known = backtest.take(before)
        if int(np.isfinite(known.truth).sum()) < intervals.needed(level):
            continue
        if known.units is None or backtest.units is None:
            tried, told = known.forecasts[model], known.truth
            for w in own:
                found[w] = intervals.bands(forecasts[w], told, tried, [level], relative=known.relative, floor=-np.inf)[
                    level
                ]
        else:
            names = [backtest.series[w] if backtest.series else "" for w in own]
            found[own] = pooled_errors(known, model).bands(names, forecasts[own], backtest.units[own], [level])[0]
    return found


def _folds(backtest: Backtest) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Windows, and those that calibrate them, which what is scored in the former has not touched: the ones that ended
    before they began where later ones' models saw them; else all at other places, counted back from each series' last
    window. Where every series has one window alone, every second series calibrates the others."""
    starts = np.array(backtest.starts)
    if backtest.series and len(backtest.places) == len(backtest) > 1:
        half = np.argsort(np.argsort(backtest.series)) % 2 == 0
        yield np.flatnonzero(half), np.flatnonzero(~half)
        yield np.flatnonzero(~half), np.flatnonzero(half)
        return
    last = np.zeros(len(backtest), np.int64)
    for windows in backtest.places.values() if backtest.series else [range(len(backtest))]:
        last[windows] = starts[windows].max()
    place = starts - last
    for k in np.unique(place):
        before, after = place + backtest.horizon <= k, place - backtest.horizon >= k
        yield np.flatnonzero(place == k), np.flatnonzero(before if backtest.refit else before | after)
