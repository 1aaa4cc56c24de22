"""Forecasts with their history and intervals, from tables that the estimators hand over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from elman.plots.figure import BLUE, GREY, HISTORY, INK, dates, headed, label, large, multiples, picture, plain
from elman.plots.lines import Line

__all__ = ["ForecastChart", "HasForecastChart", "draw_forecast", "forecast_plot", "forecasts_plot"]


class ForecastChart(NamedTuple):
    """What a picture shows of a forecast of h rows."""

    past: Line  # the history
    times: np.ndarray  # (h,) of the rows ahead, like those of the past
    values: np.ndarray  # (h,)
    intervals: Mapping[float, np.ndarray]  # level in percent -> (h, 2), lower and upper bound
    model: str  # whose forecast it is
    unit: str  # what one row is: "month", or "row" where that is unknown
    subtitle: str
    actual: np.ndarray | None = None  # (h,) what came, NaN where it is not known


class HasForecastChart(Protocol):
    """What can be drawn as a forecast, such as `elman.forecast.Forecast`."""

    def chart(self) -> ForecastChart: ...


def draw_forecast(forecast: HasForecastChart, axes: Any) -> Any:
    """Draws the picture of `forecast_plot` on the caller's axes of matplotlib, and returns these."""
    chart = forecast.chart()
    _draw(axes, chart)
    _frame(axes, chart)
    return axes


def forecast_plot(forecast: HasForecastChart, path: str | os.PathLike[str]) -> Path:
    """Draws a forecast with its history (the recent part of a long one) and intervals; returns the file's path.

    The ending of the path decides: PNG, SVG or PDF. The file appears whole or not at all. `ModuleNotFoundError` without
    matplotlib, `OSError` where it cannot be written.
    """
    with picture(path, 10, 4.8) as figure:
        draw_forecast(forecast, figure.add_subplot())
    return Path(path)


def forecasts_plot(forecasts: Mapping[str, HasForecastChart], path: str | os.PathLike[str], *, most: int = 12) -> Path:
    """Draws the first `most` of many forecasts, each small, with recent history and intervals; returns the file's path.

    The file is written, and errors are raised, as by `forecast_plot`.
    """
    charts = {name: forecast.chart() for name, forecast in list(forecasts.items())[:most]}
    first = next(iter(charts.values()))
    title = f"{label(first.past.name)}: the next {len(first.values)} rows"
    with multiples(path, list(forecasts), most, title, "history", first.past) as panels:
        for name, axes in panels.items():
            _draw(axes, charts[name])
            dates(axes, charts[name].past.dated, 3, 5)
    return Path(path)


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
    if chart.actual is not None:
        axes.plot(chart.times, chart.actual, color=INK, linewidth=1.3, marker=".", markersize=5, label="truth")
    axes.axvline(times[-1], color=GREY, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0)
    axes.margins(x=0.015)


def _frame(axes: Any, chart: ForecastChart) -> None:
    name, count = label(chart.past.name), len(chart.values)
    ahead = f"the next {chart.unit}" if count == 1 else f"the next {count} {chart.unit}s"
    headed(axes, f"{name}: {ahead}", chart.subtitle, label(chart.past.time_name), name)
    dates(axes, chart.past.dated, 4, 9)
    large(axes)
    plain(axes)
