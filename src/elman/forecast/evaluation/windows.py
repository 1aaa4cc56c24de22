"""Makes a `Backtest` from a model's forecasts of the backtest windows and the forecasts of the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.baselines import ALWAYS, baselines, rows_ago
from elman.forecast.evaluation.metrics import mase_scale, rmsse_scale
from elman.series.panel import Panel
from elman.series.series import Series

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
    forecasts    (W, h) the forecasts of the model, and of others, by their names; where baselines that are always there
                 are among them, no others are added
    seasons      (W,) the season that each window's baselines and MASE use

    `refit`, `error_scale` and `relative` are described in `Backtest`.
    """
    horizon = next(iter(forecasts.values())).shape[1]
    heads = [panel[id].head(start) for id, start in windows]
    if not {*ALWAYS} <= {*forecasts}:
        forecasts = {**forecasts, **_rules(heads, horizon, seasons, {*forecasts})}
    scales = [mase_scale(head.observed, season) for head, season in zip(heads, seasons, strict=True)]
    return Backtest(
        np.array([panel[id].observed[start : start + horizon] for id, start in windows]),
        forecasts,
        np.array(scales),
        tuple((panel[id].label(start), panel[id].label(start + horizon - 1)) for id, start in windows),
        tuple(start for _, start in windows),
        tuple(id for id, _ in windows),
        error_scale,
        np.array([rmsse_scale(head.observed) for head in heads]),
        refit,
        relative,
        panel.single,
    )


def _rules(heads: Sequence[Series], horizon: int, seasons: Sequence[int], there: set[str]) -> dict[str, np.ndarray]:
    """Returns the forecasts (W, h) of the baselines after the rows before each window, by their names, without those
    that are there; that of a year ago where most of the windows have seen a year."""
    years = [rows_ago(head.calendar, season) for head, season in zip(heads, seasons, strict=True)]
    seen = [year is not None and len(head) >= year for head, year in zip(heads, years, strict=True)]
    if 2 * sum(seen) <= len(heads):
        years = [None] * len(heads)
    each = [
        baselines(head.fill_masked(season).values, horizon, season, year)
        for head, season, year in zip(heads, seasons, years, strict=True)
    ]
    return {rule: np.array([one[rule] for one in each]) for rule in each[0] if rule not in there}
