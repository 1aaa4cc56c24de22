"""Anomalies: a series, what is usual, its alarms."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.plots.figure import BLUE, GREY, HISTORY, INK, RED, dates, label, multiples, picture, plain

if TYPE_CHECKING:
    from elman.anomaly.result import Anomalies

__all__ = ["anomalies_plot", "anomalies_plots"]


def anomalies_plot(found: Anomalies, path: str | os.PathLike[str]) -> Path:
    """The series with the band of usual values and its alarms, and every row's score below, in a PNG, SVG or PDF file.

    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    with picture(path, 11, 5.6) as figure:
        axes, scores = figure.subplots(2, sharex=True, height_ratios=[3, 1])
        times = _draw_anomalies(axes, found)
        scores.plot(times, found.scores, color=HISTORY, linewidth=0.8)
        limit = -float(np.log10(found.rate))
        scores.axhline(limit, color=RED, linewidth=0.9, linestyle=(0, (4, 3)))
        scores.set_ylim(0, max(1.6 * limit, min(float(np.nanmax(found.scores)), 5.0 * limit)) * 1.05)
        scores.set_ylabel("score", color=INK)
        count = len(found.alarms)
        said = "no alarm" if not count else "1 alarm" if count == 1 else f"{count} alarms"
        title = f"{label(found.series.name)}: {said} in {len(found) - found.learned} rows"
        axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK, pad=24)
        learned = f"Grey: the {found.learned} rows that were learned from.  " if found.learned else ""
        said = f"{learned}Dashed: the score reached once in {1 / found.rate:,.0f} rows where nothing changes"
        axes.text(0, 1.025, said, transform=axes.transAxes, fontsize=9, color=GREY)
        axes.set_ylabel(label(found.series.name), color=INK)
        scores.set_xlabel(label(found.series.time_name or "row"), color=INK)
        dates(scores, found.series.times is not None, 4, 9)
        for part in (axes, scores):
            plain(part)
        axes.legend(loc="upper left", frameon=False, fontsize=9, ncols=4, labelcolor=INK)
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.12 * (high - low))  # room for the legend
    return Path(path)


def anomalies_plots(found: Mapping[str, Anomalies], path: str | os.PathLike[str], *, most: int = 12) -> Path:
    """Small multiples: of many series those `most` with the highest scores of alarms, each with band and alarms.

    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where it cannot.
    """
    order = sorted(found, key=lambda name: -max((alarm.score for alarm in found[name].alarms), default=0.0))
    with multiples(path, order, most, "and how many alarms", None) as panels:
        for name, axes in panels.items():
            _draw_anomalies(axes, found[name])
            dates(axes, found[name].series.times is not None, 3, 5)
            axes.set_title(f"{label(name)}: {len(found[name].alarms)}")
    return Path(path)


def _draw_anomalies(axes: Any, found: Anomalies) -> np.ndarray:
    """The series, its band and its alarms; returns where on the axis the rows lie."""
    series = found.series
    times = np.arange(1, len(found) + 1) if series.times is None else series.times
    values, scored = series.values, slice(found.learned, None)
    low, high = float(values.min()), float(values.max())
    room = 0.25 * (high - low or 1.0)  # a band that leads far away must not flatten the series
    lower, upper = np.clip(found.bounds[scored].T, low - room, high + room)
    axes.fill_between(times[scored], lower, upper, color=BLUE, alpha=0.22, linewidth=0, label="usual values")
    if found.learned:
        axes.plot(times[: found.learned], values[: found.learned], color=GREY, linewidth=0.7, alpha=0.7)
    axes.plot(times[scored], values[scored], color=INK, linewidth=0.7, label=label(series.name))
    for k, alarm in enumerate(found.alarms):
        span = times[alarm.first], times[min(alarm.last + 1, len(times) - 1)]
        axes.axvspan(*span, color=RED, alpha=0.16, linewidth=1.5, zorder=0, label="" if k else "alarm")
    rows = np.flatnonzero(found.labels)
    if len(rows):
        axes.plot(times[rows], values[rows], ".", color=RED, markersize=3.5, zorder=3, label="anomaly")
    axes.margins(x=0.01)
    return times
