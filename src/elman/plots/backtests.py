"""Backtests: truth, forecasts and intervals in each window, from tables that the estimators hand over."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from elman.plots.figure import BLUE, GREY, GRID, HISTORY, dates, headed, label, large, multiples, picture, plain
from elman.plots.lines import Line

__all__ = ["BacktestChart", "HasBacktestCharts", "backtest_plot"]


class BacktestChart(NamedTuple):
    """What a picture shows of one series' backtest of W windows of h rows."""

    truth: Line
    starts: Sequence[int]  # (W,) the row at which each window begins
    forecasts: np.ndarray  # (W, h)
    baseline: np.ndarray  # (W, h) those of the best baseline
    baseline_name: str
    intervals: Mapping[float, np.ndarray] = {}  # level in percent -> (W, h, 2), lower and upper bounds, or NaN
    subtitle: str = ""
    model: str = "network"  # whose forecasts they are


_History = TypeVar("_History", contravariant=True)


class HasBacktestCharts(Protocol[_History]):
    """What can be drawn as a backtest of the series of a history, such as `elman.forecast.Backtest`."""

    def charts(
        self, history: _History, /, bounds: Mapping[float, np.ndarray] | None = None
    ) -> Mapping[str, BacktestChart]: ...


def backtest_plot(
    backtest: HasBacktestCharts[_History],
    history: _History,
    path: str | os.PathLike[str],
    *,
    bounds: Mapping[float, np.ndarray] | None = None,
    most: int = 12,
) -> Path:
    """Draws the last windows of one series, or of the first `most` of many, each small: truth, forecasts, best baseline
    and intervals; returns the path.

    history   the series by id; a series alone by any id
    bounds    level in percent -> bounds (W, h, 2) of the intervals in the windows; None: none are drawn

    The ending of the path decides: PNG, SVG or PDF. The file appears whole or not at all. `ModuleNotFoundError` without
    matplotlib, `OSError` where it cannot be written.
    """
    charts = backtest.charts(history, bounds=bounds)
    first = next(iter(charts.values()))
    if len(charts) == 1:
        with picture(path, 10, 4.8) as figure:
            axes = figure.add_subplot()
            _draw(axes, first)
            title = f"{label(first.truth.name)}: backtest, {_windows([first])}"
            headed(axes, title, first.subtitle, label(first.truth.time_name), label(first.truth.name))
            dates(axes, first.truth.dated, 4, 9)
            large(axes)
            plain(axes)
        return Path(path)
    title = f"{label(first.truth.name)}, backtest: {_windows(list(charts.values()))}"
    with multiples(path, list(charts), most, title, "truth", first.truth) as panels:
        for name, axes in panels.items():
            _draw(axes, charts[name])
            dates(axes, charts[name].truth.dated, 3, 5)
    return Path(path)


def _windows(charts: Sequence[BacktestChart]) -> str:
    count, h = max(len(chart.starts) for chart in charts), charts[0].forecasts.shape[1]
    rows = "1 row" if h == 1 else f"{h} rows"
    return f"the last window of {rows}" if count == 1 else f"the last {count} windows of {rows}"


def _draw(axes: Any, chart: BacktestChart) -> None:
    """Draws the truth, and each window's forecasts and intervals; the legend names each once."""
    rows, horizon = chart.truth.times, chart.forecasts.shape[1]
    first = max(0, min(chart.starts) - 2 * horizon)
    axes.plot(rows[first:], chart.truth.values[first:], color=HISTORY, linewidth=1.3, label="truth")
    marker = {"marker": "o", "markersize": 3} if horizon == 1 else {}
    dashed = {"color": GREY, "linewidth": 1, "linestyle": (0, (3, 2))}
    levels = sorted(chart.intervals, reverse=True)
    named: set[str] = set()

    def once(name: str) -> str:
        found = f"_{name}" if name in named else name  # the legend leaves out what begins with _
        named.add(name)
        return found

    for w, start in enumerate(chart.starts):
        ahead = rows[start : start + horizon]
        for rank, level in enumerate(levels):
            lower, upper = chart.intervals[level][w].T
            if np.isfinite(lower).any():
                shade = 0.14 + 0.16 * rank / max(len(levels) - 1, 1)
                if horizon == 1:
                    axes.vlines(ahead, lower, upper, color=BLUE, alpha=2 * shade, label=once(f"{level:g} % interval"))
                else:
                    name = once(f"{level:g} % interval")
                    axes.fill_between(ahead, lower, upper, color=BLUE, alpha=shade, linewidth=0, label=name)
        axes.plot(ahead, chart.baseline[w], label=once(chart.baseline_name), **dashed, **marker)
        axes.plot(ahead, chart.forecasts[w], color=BLUE, linewidth=1.6, label=once(chart.model), **marker)
        axes.axvline(ahead[0], color=GRID, linewidth=0.8, zorder=0)
    axes.margins(x=0.015)
