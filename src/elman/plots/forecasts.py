"""Forecasts and backtests, from tables that the estimators hand over."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from elman.plots.figure import BLUE, GREY, GRID, HISTORY, INK, dates, label, large, multiples, picture, plain
from elman.plots.lines import Line

__all__ = ["BacktestChart", "ForecastChart", "backtest_plot", "forecast_plot", "forecasts_plot"]


class ForecastChart(NamedTuple):
    """What a picture shows of a forecast of h rows."""

    past: Line  # the history
    times: np.ndarray  # (h,) of the rows ahead, like those of the past
    values: np.ndarray  # (h,)
    intervals: Mapping[float, np.ndarray]  # level in percent -> (h, 2), lower and upper bound
    model: str  # whose forecast it is
    unit: str  # what one row is: "month", or "row" where that is unknown
    subtitle: str


class BacktestChart(NamedTuple):
    """What a picture shows of one series' backtest of W windows of h rows."""

    truth: Line
    starts: Sequence[int]  # (W,) the row at which each window begins
    network: np.ndarray  # (W, h) forecasts
    baseline: np.ndarray  # (W, h) those of the best baseline
    baseline_name: str


class HasForecastChart(Protocol):
    """What can be drawn as a forecast, such as `elman.forecast.Forecast`."""

    def chart(self) -> ForecastChart: ...


_History = TypeVar("_History", contravariant=True)


class HasBacktestCharts(Protocol[_History]):
    """What can be drawn as a backtest of the series of a history, such as `elman.forecast.Backtest`."""

    def charts(self, history: _History, /) -> Mapping[str, BacktestChart]: ...


def forecast_plot(forecast: HasForecastChart, path: str | os.PathLike[str]) -> Path:
    """Draws a forecast with its history (the recent part of a long one) and intervals; returns the file's path.

    The ending of the path decides: PNG, SVG or PDF. The file appears whole or not at all. `ModuleNotFoundError` without
    matplotlib, `OSError` where it cannot be written.
    """
    chart = forecast.chart()
    with picture(path, 10, 4.8) as figure:
        axes = figure.add_subplot()
        _draw(axes, chart)
        _frame(axes, chart)
    return Path(path)


def forecasts_plot(forecasts: Mapping[str, HasForecastChart], path: str | os.PathLike[str], *, most: int = 12) -> Path:
    """Draws the first `most` of many forecasts, each small, with recent history and intervals; returns the file's path.

    The file is written, and errors are raised, as by `forecast_plot`.
    """
    charts = {name: forecast.chart() for name, forecast in list(forecasts.items())[:most]}
    title = f"the next {len(next(iter(charts.values())).values)} rows"
    with multiples(path, list(forecasts), most, title, "history") as panels:
        for name, axes in panels.items():
            _draw(axes, charts[name])
            dates(axes, charts[name].past.dated, 3, 5)
    return Path(path)


def backtest_plot(
    backtest: HasBacktestCharts[_History], history: _History, path: str | os.PathLike[str], *, most: int = 12
) -> Path:
    """Draws the last windows of one series or many, each small: truth, network and best baseline; returns the path.

    history   the series by id; a series alone by any id

    The file is written, and errors are raised, as by `forecast_plot`.
    """
    charts = backtest.charts(history)
    count = sum(len(chart.starts) for chart in charts.values()) // max(1, len(charts))
    title = "the last window" if count == 1 else f"the last {count} windows"
    with multiples(path, list(charts), most, title, "truth") as panels:
        for name, axes in panels.items():
            _draw_backtest(axes, charts[name])
            dates(axes, charts[name].truth.dated, 3, 5)
    return Path(path)


def _draw_backtest(axes: Any, chart: BacktestChart) -> None:
    rows, horizon = chart.truth.times, chart.network.shape[1]
    first = max(0, chart.starts[0] - 2 * horizon)
    axes.plot(rows[first:], chart.truth.values[first:], color=HISTORY, linewidth=1.3, label="truth")
    marker = {"marker": "o", "markersize": 3} if horizon == 1 else {}
    dashed = {"color": GREY, "linewidth": 1, "linestyle": (0, (3, 2))}
    for start, network, baseline in zip(chart.starts, chart.network, chart.baseline, strict=True):
        ahead = rows[start : start + horizon]
        axes.plot(ahead, baseline, label=chart.baseline_name, **dashed, **marker)
        axes.plot(ahead, network, color=BLUE, linewidth=1.3, label="network", **marker)
        axes.axvline(ahead[0], color=GRID, linewidth=0.8, zorder=0)


def _draw(axes: Any, chart: ForecastChart) -> None:
    past, h = chart.past, len(chart.values)
    shown = min(len(past.values), max(8 * h, 60))
    times, values = past.times[-shown:], past.values[-shown:]
    # the lines and bands begin at the last known value, so that no gap seems to lie between past and future
    joined = np.concatenate([times[-1:], chart.times])
    axes.plot(times, values, color=HISTORY, linewidth=1.3, label=label(past.name))
    levels = sorted(chart.intervals, reverse=True)
    for rank, level in enumerate(levels):
        lower, upper = np.vstack([[values[-1]] * 2, chart.intervals[level]]).T
        shade = 0.14 + 0.16 * rank / max(len(levels) - 1, 1)
        axes.fill_between(joined, lower, upper, color=BLUE, alpha=shade, linewidth=0, label=f"{level:g} % interval")
    line = np.concatenate([values[-1:], chart.values])
    marker = {"marker": "o", "markersize": 3.2, "markevery": slice(1, None)} if h <= 24 else {}
    axes.plot(joined, line, color=BLUE, linewidth=1.9, label=f"forecast ({chart.model})", **marker)
    axes.axvline(times[-1], color=GREY, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0)
    axes.margins(x=0.015)


def _frame(axes: Any, chart: ForecastChart) -> None:
    name, count = label(chart.past.name), len(chart.values)
    ahead = f"the next {chart.unit}" if count == 1 else f"the next {count} {chart.unit}s"
    axes.set_title(f"{name}: {ahead}", loc="left", fontsize=13, fontweight="bold", color=INK, pad=24)
    axes.text(0, 1.025, chart.subtitle, transform=axes.transAxes, fontsize=9, color=GREY)
    axes.set_ylabel(name, color=INK)
    axes.set_xlabel(label(chart.past.time_name), color=INK)
    dates(axes, chart.past.dated, 4, 9)
    large(axes)
    plain(axes)
    axes.legend(loc="upper left", frameon=False, fontsize=9, ncols=4, labelcolor=INK)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))  # room for the legend
