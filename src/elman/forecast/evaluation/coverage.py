"""Calibration of prediction intervals by the errors of a backtest, and the coverage of such intervals in the backtest.

For coverage, the intervals of each window are calibrated on other windows alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.forecast.evaluation import intervals
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.metrics import interval_score
from elman.series.limits import LARGEST_FORECAST

__all__ = ["PooledErrors", "coverage", "folds_of", "interval_bounds", "pooled_errors", "positions"]

# weight of the mean over all series in the error size of one series, where a window has weight 1: so much if nothing is
# known of how series differ, which counts as much as so many series
PRIOR_WEIGHT, PRIOR_SERIES = 0.5, 5.0


@dataclass(frozen=True, eq=False)
class PooledErrors:
    """The errors of a global model in a backtest, pooled over the series, for calibrating intervals.

    An error is divided by its error scale (see `Backtest`), and then by the size of its series: the typical size of the
    errors of that series in the other windows.

    calibration   the calibration by the pooled errors
    sizes         the size of each series, by its id
    default_size  the size that is used for a series without windows
    """

    calibration: intervals.Calibration
    sizes: Mapping[str, float]
    default_size: float

    def bands(
        self, ids: Sequence[str], forecasts: np.ndarray, error_scale: np.ndarray, levels: Sequence[float]
    ) -> np.ndarray:
        """Returns lower and upper bounds (levels, N, h, 2) of forecasts (N, h) with the error scale (N, h, 2)."""
        sizes = np.array([self.sizes.get(id, self.default_size) for id in ids])
        widths = self.calibration.half_widths(levels, forecasts.shape[1])[:, None] * sizes[:, None]
        with np.errstate(over="ignore"):
            bounds = forecasts[..., None] + widths[..., None] * error_scale * np.array([-1.0, 1.0])
        return np.clip(bounds, -LARGEST_FORECAST, LARGEST_FORECAST)


def pooled_errors(backtest: Backtest, model: str) -> PooledErrors:
    """Returns the pooled errors of a model in a backtest with an error scale.

    The size of a series is the geometric mean of the error sizes of its windows, with the mean over all windows of all
    series as one more term, whose weight is the greater, the less the windows of a series are alike (`_weight_of_all`).
    A series with only one window gets the mean over all windows: with no other window, it could not be tested how well
    its own size predicts its errors.
    """
    if backtest.error_scale is None:
        raise ValueError("backtest: expected one with an error scale")
    residuals = backtest.residuals(model)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # scales are tiny after constant rows
        errors = residuals / np.where(residuals < 0.0, backtest.error_scale[..., 0], backtest.error_scale[..., 1])
    errors = np.clip(errors, -LARGEST_FORECAST, LARGEST_FORECAST)
    known = np.isfinite(errors)
    size = np.where(known, np.abs(errors / intervals.horizon_scale(errors, scaled=True)), 0.0)
    windows = np.log(np.maximum(size.sum(axis=1) / np.maximum(known.sum(axis=1), 1), 1e-12))
    mean = float(windows[known.any(axis=1)].mean())
    windows[~known.any(axis=1)] = mean
    ids, own, counts = np.unique(backtest.ids, return_inverse=True, return_counts=True)
    sums, weight = np.bincount(own, windows), _weight_of_all(windows, own, counts)
    others = np.exp((sums[own] - windows + weight * mean) / (counts[own] - 1 + weight))
    several = counts > 1
    sizes = np.exp((sums * several + weight * mean) / (counts * several + weight))
    by_id = dict(zip(ids.tolist(), sizes.tolist(), strict=True))
    return PooledErrors(intervals.calibrate(errors / others[:, None], scaled=True), by_id, float(np.exp(mean)))


def _weight_of_all(sizes: np.ndarray, own: np.ndarray, counts: np.ndarray) -> float:
    """Returns how many windows of a series the mean over all series counts as: the variance of the logarithms of sizes
    (W,) within the series `own` (W,), of `counts` windows, over that between series (one-way analysis of variance)."""
    rows, series = len(sizes), len(counts)
    if rows == series or series == 1:
        return PRIOR_WEIGHT
    means = np.bincount(own, sizes) / counts
    within = float(((sizes - means[own]) ** 2).sum()) / (rows - series)
    apart = float((counts * (means - sizes.mean()) ** 2).sum()) / (series - 1)
    typical = (rows - float((counts**2).sum()) / rows) / (series - 1)
    between = max(apart - within, 0.0) / typical
    between = (between * (series - 1) + PRIOR_SERIES * within / PRIOR_WEIGHT) / (series - 1 + PRIOR_SERIES)
    return within / between if between > 0.0 else PRIOR_WEIGHT


def coverage(backtest: Backtest, levels: Sequence[float], *, model: str | None = None) -> list[dict[str, Any]]:
    """Returns how the intervals of a model did in a backtest, one record for each level in percent; None: those of the
    forecaster's own model.

    level     the level
    covered   the percentage of rows whose true value lies inside the interval
    score     the mean interval score, divided by the denominator of MASE
    pinball   the mean pinball loss of both bounds as quantiles, divided by the denominator of MASE

    Windows with too few residuals for their calibration are ignored, and a level with no other window is left out.
    """
    records: list[dict[str, Any]] = []
    for level in intervals.parse_levels(levels):
        bands = bands_of_windows(backtest, level, model or backtest.model)
        known = np.isfinite(bands[..., 0]) & np.isfinite(backtest.truth)
        if not known.any():
            continue
        low, high, truth = bands[..., 0], bands[..., 1], backtest.truth
        scores = interval_score(truth, low, high, level) / backtest.scales[:, None]
        scored = np.isfinite(scores)
        score = float(scores[scored].mean()) if scored.any() else float("nan")
        covered = 100.0 * float(((truth >= low) & (truth <= high))[known].mean())
        pinball = score * (1.0 - level / 100.0) / 4.0
        records.append({"level": level, "covered": covered, "score": score, "pinball": pinball})
    return records


def interval_bounds(backtest: Backtest, levels: Sequence[float]) -> dict[float, np.ndarray]:
    """Returns the bounds (W, h, 2) of the model's intervals in each window by level, calibrated on other windows; NaN
    where these are too few. A level that no window has is left out."""
    found = {level: bands_of_windows(backtest, level, backtest.model) for level in intervals.parse_levels(levels)}
    return {level: bounds for level, bounds in found.items() if np.isfinite(bounds).any()}


def bands_of_windows(backtest: Backtest, level: float, model: str) -> np.ndarray:
    """Returns lower and upper bounds (W, h, 2) of a model's forecasts in the windows of its backtest.

    They are NaN in windows for whose calibration there are too few residuals.
    """
    forecasts = backtest.forecasts[model]
    bounds = np.full((*forecasts.shape, 2), np.nan)
    for scored, calibration in folds_of(backtest):
        others = backtest.take(calibration)
        if int(np.isfinite(others.truth).sum()) < intervals.needed(level):
            continue
        if others.error_scale is None or backtest.error_scale is None:
            errors = others.truth, others.forecasts[model]
            for w in scored:
                found = intervals.bands(forecasts[w], *errors, [level], relative=others.relative, floor=-np.inf)
                bounds[w] = found[level]
        else:
            ids, error_scale = [backtest.ids[w] for w in scored], backtest.error_scale[scored]
            bounds[scored] = pooled_errors(others, model).bands(ids, forecasts[scored], error_scale, [level])[0]
    return bounds


def folds_of(backtest: Backtest) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the indices of windows, and of the windows on which their intervals are calibrated.

    The two share no rows. With `refit`, models of later windows were trained on earlier windows, so only windows that
    end before the scored ones begin are used. Otherwise all windows at other positions are used, where the position of
    a window is counted from the last window of its series. If every series has only one window, the series are divided
    into two halves, and each half is calibrated on the other.
    """
    if len(backtest.places) == len(backtest) > 1:
        half = np.argsort(np.argsort(backtest.ids)) % 2 == 0
        yield np.flatnonzero(half), np.flatnonzero(~half)
        yield np.flatnonzero(~half), np.flatnonzero(half)
        return
    position = positions(backtest)
    for k in np.unique(position):
        before, after = position + backtest.horizon <= k, position - backtest.horizon >= k
        yield np.flatnonzero(position == k), np.flatnonzero(before if backtest.refit else before | after)


def positions(backtest: Backtest) -> np.ndarray:
    """Returns by how many rows each window begins after the last window of its series, (W,), at most 0."""
    starts = np.array(backtest.starts)
    last = np.zeros(len(backtest), np.int64)
    for windows in backtest.places.values():
        last[windows] = starts[windows].max()
    return starts - last
