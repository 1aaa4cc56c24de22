"""Anomalies: a series, the band of its usual values and its alarms, from a table that the detector hands over."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from elman.plots.figure import BLUE, GREY, HISTORY, INK, RED, dates, headed, label, multiples, picture, plain
from elman.plots.lines import Line

__all__ = ["AnomaliesChart", "anomalies_plot", "anomalies_plots", "draw_anomalies"]


class AnomaliesChart(NamedTuple):
    """What a picture shows of the anomalies among n rows."""

    line: Line
    learned: int  # how many of the rows, the first, were learned from
    rate: float  # false alarms a row that were asked for
    scores: np.ndarray  # (n,)
    bounds: np.ndarray  # (n, 2) of usual values
    labels: np.ndarray  # (n,) bool: whether a row is an anomaly
    alarms: Sequence[tuple[int, int]]  # the first and last row of each


class HasAnomaliesChart(Protocol):
    """What can be drawn as anomalies, such as `elman.anomaly.Anomalies`."""

    def chart(self) -> AnomaliesChart: ...


def draw_anomalies(found: HasAnomaliesChart, axes: Any) -> Any:
    """Draws a series with the band of usual values and its alarms on the caller's axes of matplotlib; returns these."""
    chart = found.chart()
    _draw(axes, chart)
    headed(axes, *_titles(chart), label(chart.line.time_name), label(chart.line.name))
    dates(axes, chart.line.dated, 4, 9)
    plain(axes)
    return axes


def anomalies_plot(found: HasAnomaliesChart, path: str | os.PathLike[str]) -> Path:
    """Draws a series with the band of usual values, its alarms, and each row's score below; returns the file's path.

    The ending of the path decides: PNG, SVG or PDF. The file appears whole or not at all. `ModuleNotFoundError` without
    matplotlib, `OSError` where it cannot be written.
    """
    chart = found.chart()
    with picture(path, 11, 5.6) as figure:
        axes, scores = figure.subplots(2, sharex=True, height_ratios=[3, 1])
        _draw(axes, chart)
        scores.plot(chart.line.times, chart.scores, color=HISTORY, linewidth=0.8)
        limit = -float(np.log10(chart.rate))
        scores.axhline(limit, color=RED, linewidth=0.9, linestyle=(0, (4, 3)))
        scores.set_ylim(0, max(1.6 * limit, min(float(np.nanmax(chart.scores)), 5.0 * limit)) * 1.05)
        scores.set_ylabel("score", color=INK)
        title, learned = _titles(chart)
        subtitle = f"{learned}Dashed: the score reached once in {1 / chart.rate:,.0f} rows where nothing changes"
        headed(axes, title, subtitle, "", label(chart.line.name))
        scores.set_xlabel(label(chart.line.time_name), color=INK)
        dates(scores, chart.line.dated, 4, 9)
        for part in (axes, scores):
            plain(part)
    return Path(path)


def anomalies_plots(found: Mapping[str, HasAnomaliesChart], path: str | os.PathLike[str], *, most: int = 12) -> Path:
    """Draws many series small, the `most` with the highest scores of alarms, each with band and alarms; returns the
    file's path.

    The file is written, and errors are raised, as by `anomalies_plot`.
    """
    charts = {name: each.chart() for name, each in found.items()}
    order = sorted(charts, key=lambda name: -charts[name].scores[charts[name].labels].max(initial=0.0))
    first = next(iter(charts.values())).line
    title = f"{label(first.name)}: anomalies, and how many alarms"
    with multiples(path, order, most, title, None, first) as panels:
        for name, axes in panels.items():
            _draw(axes, charts[name])
            dates(axes, charts[name].line.dated, 3, 5)
            axes.set_title(f"{label(name)}: {len(charts[name].alarms)}")
    return Path(path)


def _titles(chart: AnomaliesChart) -> tuple[str, str]:
    """Returns the title of a picture of one series, and the words for the rows that were learned from."""
    count, rows = len(chart.alarms), len(chart.scores) - chart.learned
    alarms = "no alarm" if not count else "1 alarm" if count == 1 else f"{count} alarms"
    learned = f"Grey: the {chart.learned} rows that were learned from.  " if chart.learned else ""
    return f"{label(chart.line.name)}: {alarms} in {rows} rows", learned


def _draw(axes: Any, chart: AnomaliesChart) -> None:
    """Draws the series, its band and its alarms."""
    times, values, scored = chart.line.times, chart.line.values, slice(chart.learned, None)
    low, high = float(values.min()), float(values.max())
    room = 0.25 * (high - low or 1.0)  # a band that leads far away must not flatten the series
    lower, upper = np.clip(chart.bounds[scored].T, low - room, high + room)
    axes.fill_between(times[scored], lower, upper, color=BLUE, alpha=0.22, linewidth=0, label="usual values")
    if chart.learned:
        axes.plot(times[: chart.learned], values[: chart.learned], color=GREY, linewidth=0.7, alpha=0.7)
    axes.plot(times[scored], values[scored], color=INK, linewidth=0.7, label=label(chart.line.name))
    for k, (first, last) in enumerate(chart.alarms):
        span = times[first], times[min(last + 1, len(times) - 1)]
        axes.axvspan(*span, color=RED, alpha=0.16, linewidth=1.5, zorder=0, label="" if k else "alarm")
    rows = np.flatnonzero(chart.labels)
    if len(rows):
        axes.plot(times[rows], values[rows], ".", color=RED, markersize=3.5, zorder=3, label="anomaly")
    axes.margins(x=0.01)
