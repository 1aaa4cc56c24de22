"""Piano rolls."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.plots.figure import BLUE, GREY, GRID, INK, file_or_axes, label, picture, plain

__all__ = ["RollChart", "roll_plot"]

MARGIN = 3  # keys shown above and below those that sound


class RollChart(NamedTuple):
    """What a picture of a piano roll shows."""

    keys: np.ndarray  # bool (T, K)
    lowest: int  # MIDI's number of the first key
    steps_per_beat: int
    title: str
    given: int = 0  # the first steps were given, not composed


def roll_plot(chart: RollChart, path: str | os.PathLike[str] | None = None, *, ax: Any = None) -> Any:
    """Draws a piano roll: time in beats to the right, pitch upwards, each note a bar; lines mark the notes C.

    path  a PNG, SVG or PDF file, which appears whole or not at all; its path is returned
    ax    axes of matplotlib to draw on, in place of a file; without either, those of a new figure. They are returned
    """
    return file_or_axes(chart, path, ax, _write, _draw)


def _write(chart: RollChart, path: str | os.PathLike[str]) -> Path:
    with picture(path, 10, 4.2) as figure:
        _draw(chart, figure.add_subplot())
    return Path(path)


def _draw(chart: RollChart, axes: Any) -> Any:
    from matplotlib.ticker import FixedFormatter, FixedLocator

    struck = np.diff(chart.keys.astype(np.int8), axis=0, prepend=0, append=0)
    begins, ends = (np.argwhere(way == struck.T) for way in (1, -1))  # of each key in order: they pair up
    beats = (begins[:, 1] / chart.steps_per_beat, ends[:, 1] / chart.steps_per_beat)
    pitches = begins[:, 0] + chart.lowest
    given = begins[:, 1] < chart.given
    for some, color, name in ((given, GREY, "given"), (~given, BLUE, "composed")):
        axes.barh(
            pitches[some],
            (beats[1] - beats[0])[some],
            0.8,
            left=beats[0][some],
            color=color,
            edgecolor="white",
            linewidth=0.3,
            label=name,
        )
    low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 72)
    low, high = low - MARGIN, high + MARGIN
    octaves = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0]
    plain(axes)
    axes.grid(axis="y", visible=False)
    for pitch in octaves:
        axes.axhline(pitch - 0.5, color=GRID, linewidth=0.8, zorder=0)
    axes.yaxis.set_major_locator(FixedLocator(octaves))
    axes.yaxis.set_major_formatter(FixedFormatter([f"C{pitch // 12 - 1}" for pitch in octaves]))
    axes.set_ylim(low - 0.5, high + 0.5)
    axes.set_xlim(0, len(chart.keys) / chart.steps_per_beat)
    axes.set_title(label(chart.title), loc="left", fontsize=13, fontweight="bold", color=INK)
    axes.set_xlabel("beat", color=INK)
    axes.set_ylabel("key", color=INK)
    if chart.given:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=9, ncols=2, labelcolor=INK)
    return axes
