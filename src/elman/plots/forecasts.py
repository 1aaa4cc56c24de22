"""Forecasts and backtests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.plots.figure import BLUE, GREY, GRID, HISTORY, INK, dates, label, large, multiples, picture, plain

if TYPE_CHECKING:
    from elman.forecast.evaluation.backtest import Backtest
    from elman.forecast.result import Forecast, Forecasts
    from elman.series.series import Series

__all__ = ["backtest_plot", "forecast_plot", "forecasts_plot"]


def forecast_plot(forecast: Forecast, path: str | os.PathLike[str]) -> Path:
    """History (its recent part where it is long), forecast and intervals, drawn into a PNG, SVG or PDF file.

    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    with picture(path, 10, 4.8) as figure:
        axes = figure.add_subplot()
        _draw(axes, forecast)
        _frame(axes, forecast)
    return Path(path)


def forecasts_plot(forecasts: Forecasts, path: str | os.PathLike[str], *, most: int = 12) -> Path:
    """Small multiples: the first `most` of many series, each with its recent history, forecast and intervals.

    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    title = f"the next {len(next(iter(forecasts.values())))} rows"
    with multiples(path, list(forecasts), most, title, "history") as panels:
        for name, axes in panels.items():
            _draw(axes, forecasts[name])
            dates(axes, forecasts[name].history.times is not None, 3, 5)
    return Path(path)


def backtest_plot(
    backtest: Backtest, history: Mapping[str, Series], path: str | os.PathLike[str], *, most: int = 12
) -> Path:
    """The last windows of one series or many, each small: the truth, the network's forecasts and the best baseline's.

    history   the series by id; one alone by any
    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    best, count = backtest.best_baseline, len(backtest) // max(1, len(backtest.places))
    names = [name for name in history if name in backtest.places] if backtest.series else list(history)
    title = "the last window" if count == 1 else f"the last {count} windows"
    with multiples(path, names, most, title, "truth") as panels:
        for name, axes in panels.items():
            series, own = history[name], backtest.of(name) if backtest.series else backtest
            first = max(0, own.starts[0] - 2 * own.horizon)
            rows = np.arange(1, len(series) + 1) if series.times is None else series.times
            axes.plot(rows[first:], series.observed[first:], color=HISTORY, linewidth=1.3, label="truth")
            for w, start in enumerate(own.starts):
                ahead = rows[start : start + own.horizon]
                marker = {"marker": "o", "markersize": 3} if own.horizon == 1 else {}
                axes.plot(
                    ahead, own.forecasts[best][w], color=GREY, linewidth=1, linestyle=(0, (3, 2)), label=best, **marker
                )
                axes.plot(ahead, own.forecasts["network"][w], color=BLUE, linewidth=1.3, label="network", **marker)
                axes.axvline(ahead[0], color=GRID, linewidth=0.8, zorder=0)
            dates(axes, series.times is not None, 3, 5)
    return Path(path)


def _draw(axes: Any, forecast: Forecast) -> None:
    history, h = forecast.history, len(forecast)
    shown = min(len(history), max(8 * h, 60))
    past = np.arange(len(history) - shown + 1, len(history) + 1) if history.times is None else history.times[-shown:]
    ahead = forecast.times
    values = history.values[-shown:]
    # the lines and bands begin at the last known value, so that no gap seems to lie between past and future
    joined = np.concatenate([past[-1:], ahead])
    axes.plot(past, values, color=HISTORY, linewidth=1.3, label=label(history.name))
    levels = sorted(forecast.intervals, reverse=True)
    for rank, level in enumerate(levels):
        lower, upper = np.vstack([[values[-1]] * 2, forecast.intervals[level]]).T
        shade = 0.14 + 0.16 * rank / max(len(levels) - 1, 1)
        axes.fill_between(joined, lower, upper, color=BLUE, alpha=shade, linewidth=0, label=f"{level:g} % interval")
    line = np.concatenate([values[-1:], forecast.values])
    marker = {"marker": "o", "markersize": 3.2, "markevery": slice(1, None)} if h <= 24 else {}
    axes.plot(joined, line, color=BLUE, linewidth=1.9, label=f"forecast ({forecast.model})", **marker)
    axes.axvline(past[-1], color=GREY, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0)
    axes.margins(x=0.015)


def _frame(axes: Any, forecast: Forecast) -> None:
    history = forecast.history
    unit = history.calendar.unit_name if history.calendar is not None else None
    ahead = f"the next {unit or 'row'}" if len(forecast) == 1 else f"the next {len(forecast)} {unit or 'row'}s"
    axes.set_title(f"{label(history.name)}: {ahead}", loc="left", fontsize=13, fontweight="bold", color=INK, pad=24)
    axes.text(0, 1.025, _subtitle(forecast), transform=axes.transAxes, fontsize=9, color=GREY)
    axes.set_ylabel(label(history.name), color=INK)
    axes.set_xlabel(label(history.time_name or "row"), color=INK)
    dates(axes, history.times is not None, 4, 9)
    large(axes)
    plain(axes)
    axes.legend(loc="upper left", frameon=False, fontsize=9, ncols=4, labelcolor=INK)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))  # room for the legend


def _subtitle(forecast: Forecast) -> str:
    tested = forecast.backtest
    span = f"{forecast.labels[0]} to {forecast.labels[-1]}" if len(forecast) > 1 else forecast.labels[0]
    if tested is None:
        return span
    best = tested.best_baseline
    windows = "1 window" if len(tested) == 1 else f"{len(tested)} windows"
    ours, theirs = tested.mean("network"), tested.mean(best)
    return f"{span}.  Backtest, {windows}: mean MASE {ours:.2f} (network), {theirs:.2f} ({best})"
