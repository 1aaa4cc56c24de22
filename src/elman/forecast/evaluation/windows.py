"""Makes a `Backtest` from a model's forecasts of the backtest windows and the forecasts of the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.baselines import baselines, rows_ago
from elman.forecast.evaluation.metrics import mase_scale, rmsse_scale
from elman.series.panel import Panel

__all__ = ["backtest_of"]


def backtest_of(
    panel: Panel,
    windows: Sequence[tuple[str, int]],
    forecasts: Mapping[str, np.ndarray],
    seasons: Sequence[int],
    refit: bool,
    error_scale: np.ndarray | None = None,
    relative: bool = False,
) -> Backtest:
    """Returns the backtest of a model's forecasts, with the baselines' forecasts of the same windows.

    windows      (W,) the id of each window's series, and the index of the window's first row
    forecasts    (W, h) the forecasts of the model, and of others, by their names
    seasons      (W,) the season that each window's baselines and MASE use

    `refit`, `error_scale` and `relative` are described in `Backtest`.
    """
    horizon = next(iter(forecasts.values())).shape[1]
    rule_forecasts: dict[str, list[np.ndarray]] = {}
    scales: list[tuple[float, float]] = []
    years = [rows_ago(panel[id].calendar, season) for (id, _), season in zip(windows, seasons, strict=True)]
    seen = [year is not None and start >= year for (_, start), year in zip(windows, years, strict=True)]
    if 2 * sum(seen) <= len(windows):  # in most of the windows
        years = [None] * len(windows)
    for (id, start), season, year in zip(windows, seasons, years, strict=True):
        known = panel[id].head(start).fill_masked(season)
        for rule, values in baselines(known.values, horizon, season, year).items():
            rule_forecasts.setdefault(rule, []).append(values)
        scales.append((mase_scale(known.observed, season), rmsse_scale(known.observed)))
    return Backtest(
        np.array([panel[id].observed[start : start + horizon] for id, start in windows]),
        {**forecasts, **{rule: np.array(each) for rule, each in rule_forecasts.items() if rule not in forecasts}},
        np.array([scale for scale, _ in scales]),
        tuple((panel[id].label(start), panel[id].label(start + horizon - 1)) for id, start in windows),
        tuple(start for _, start in windows),
        tuple(id for id, _ in windows),
        error_scale,
        np.array([root for _, root in scales]),
        refit,
        relative,
        panel.single,
    )
