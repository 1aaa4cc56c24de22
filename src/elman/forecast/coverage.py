"""How the intervals did on the backtest's own windows, each calibrated on the other ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.forecast import intervals
from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.many import sized_errors
from elman.forecast.metrics import interval_score

__all__ = ["bands_of_windows", "coverage"]


def coverage(backtest: Backtest, levels: Sequence[float], *, relative: bool = False) -> list[dict[str, Any]]:
    """For each level (percent): `level`, `covered` the percentage of rows inside, and `score`, the mean interval score
    over MASE's unit; levels that the other windows have too few residuals for are left out.

    relative   the intervals of one series are of ratios, as its forecaster's are
    """
    found: list[dict[str, Any]] = []
    for level in levels:
        bands = bands_of_windows(backtest, level, relative=relative)
        if bands is None:
            continue
        low, high = bands[..., 0], bands[..., 1]
        inside = (backtest.truth >= low) & (backtest.truth <= high)
        scores = interval_score(backtest.truth, low, high, level).mean(axis=1) / backtest.scales
        score = float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")
        found.append({"level": level, "covered": 100.0 * float(inside.mean()), "score": score})
    return found


def bands_of_windows(backtest: Backtest, level: float, *, relative: bool) -> np.ndarray | None:
    """Lower and upper bound of the network's forecasts in every window, (W, h, 2); None with too few residuals."""
    part = _parts(backtest)
    if any(backtest.truth[part != k].size < intervals.needed(level) for k in np.unique(part)):
        return None
    forecasts = backtest.forecasts[NETWORK]
    if backtest.units is None:
        return np.array(
            [
                intervals.bands(
                    forecast, backtest.truth[part != k], forecasts[part != k], [level], relative=relative, floor=-np.inf
                )[level]
                for k, forecast in zip(part, forecasts, strict=True)
            ]
        )
    errors, others, _, _ = sized_errors(backtest, NETWORK)
    errors, widths = errors / others[:, None], backtest.units * others[:, None]
    for k in np.unique(part):
        widths[part == k] *= intervals.calibrate(errors[part != k]).half_widths([level])
    return np.stack([forecasts - widths, forecasts + widths], axis=2)


def _parts(backtest: Backtest) -> np.ndarray:
    """Which windows are calibrated together: those at the same place of their series, or, where each series has one
    alone, every second series."""
    if not backtest.series:
        return np.arange(len(backtest))
    alone = len(backtest.places) == len(backtest)
    part = np.empty(len(backtest), np.int64)
    for i, name in enumerate(sorted(backtest.places)):
        windows = backtest.places[name]
        part[windows] = i % 2 if alone else range(len(windows))
    return part
