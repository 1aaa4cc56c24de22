"""Pictures of what was measured. matplotlib is imported when one is drawn, and only its objects are used: nothing of
a caller's own figures changes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from elman.forecast.result import Forecast

__all__ = ["forecast_plot"]

INK, GREY, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, HISTORY = "#0b69a3", "#52606d"
NEEDED = "pictures need matplotlib; type: pip install 'elman[cli]'"


def forecast_plot(forecast: Forecast, path: str | os.PathLike[str]) -> Path:
    """History (its recent part where it is long), forecast and intervals, drawn into a PNG, SVG or PDF file.

    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED, name="matplotlib") from None
    from elman.forecast.files import replacing

    figure = Figure(figsize=(10, 4.8), dpi=144, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _draw(axes, forecast)
    _frame(axes, forecast)
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None} if temporary.suffix == ".png" else None)
    return Path(path)


def _draw(axes: Any, forecast: Forecast) -> None:
    history, h = forecast.history, len(forecast)
    shown = min(len(history), max(8 * h, 60))
    past = np.arange(len(history) - shown + 1, len(history) + 1) if history.times is None else history.times[-shown:]
    ahead = forecast.times
    values = history.values[-shown:]
    # the lines and bands begin at the last known value, so that no gap seems to lie between past and future
    joined = np.concatenate([past[-1:], ahead])
    axes.plot(past, values, color=HISTORY, linewidth=1.3, label=history.name)
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
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    history = forecast.history
    unit = history.calendar.unit_name if history.calendar is not None else None
    ahead = f"the next {unit or 'row'}" if len(forecast) == 1 else f"the next {len(forecast)} {unit or 'row'}s"
    axes.set_title(f"{history.name}: {ahead}", loc="left", fontsize=13, fontweight="bold", color=INK, pad=24)
    axes.text(0, 1.025, _subtitle(forecast), transform=axes.transAxes, fontsize=9, color=GREY)
    axes.set_ylabel(history.name, color=INK)
    axes.set_xlabel(history.time_name or "row", color=INK)
    if history.times is not None:
        locator = AutoDateLocator(minticks=4, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if max(abs(bound) for bound in axes.get_ylim()) >= 10_000:
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
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
