"""What each piece of a target looked at in its source: a matrix of shares."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.plots.figure import GREY, INK, file_or_axes, label, picture

__all__ = ["AlignmentChart", "alignment_plot"]

NUMBERED = 12  # steps of a source and of a target up to which shares are written into their cells
NAMED = 60  # steps that have a name each
LEAST = 0.05  # shares that are written


class AlignmentChart(NamedTuple):
    """What a picture of an attention shows.

    source, target   pieces; of frames, their numbers
    weights          (T, S): each row what a piece of the target looked at, in shares of 1; T may be one more than there
                     are pieces, for the end
    """

    source: Sequence[str]
    target: Sequence[str]
    weights: np.ndarray
    title: str = "What each piece written looks at"


def alignment_plot(chart: AlignmentChart, path: str | os.PathLike[str] | None = None, *, ax: Any = None) -> Any:
    """Draws the source to the right, the target downwards, and each share as a square, the darker the larger.

    path  a PNG, SVG or PDF file, which appears whole or not at all; its path is returned
    ax    axes of matplotlib to draw on, in place of a file; without either, those of a new figure. They are returned
    """
    return file_or_axes(chart, path, ax, _write, _draw)


def _write(chart: AlignmentChart, path: str | os.PathLike[str]) -> Path:
    rows, columns = chart.weights.shape
    side = 0.36 if max(rows, columns) <= 30 else 0.2
    longest = [max((len(label(name)) for name in names), default=1) for names in (chart.source, chart.target)]
    width = max(4.5, side * columns + 0.09 * longest[1] + 1.2)
    with picture(path, min(24.0, width), min(24.0, max(3.0, side * rows + 0.07 * longest[0] + 1.4))) as figure:
        _draw(chart, figure.add_subplot())
    return Path(path)


def _draw(chart: AlignmentChart, axes: Any) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    rows, columns = chart.weights.shape
    ends = ["(end)"] * (rows - len(chart.target))
    colours = LinearSegmentedColormap.from_list("share", ["#ffffff", "#0b69a3"])
    axes.imshow(chart.weights, cmap=colours, vmin=0.0, vmax=1.0, aspect="equal" if max(rows, columns) <= 40 else "auto")
    if max(rows, columns) <= NUMBERED:
        for row, column in np.argwhere(chart.weights >= LEAST):
            share = chart.weights[row, column]
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8,
                      color="white" if share > 0.55 else INK)  # fmt: skip
    turned = any(len(name) > 2 for name in chart.source)
    _named(
        axes.set_xticks,
        chart.source,
        columns,
        {"rotation": 50, "ha": "left", "rotation_mode": "anchor"} if turned else {},
    )
    _named(axes.set_yticks, [*chart.target, *ends], rows, {})
    axes.xaxis.tick_top()
    axes.tick_params(colors=INK, labelsize=9, length=0)
    for ticks, count in ((axes.set_xticks, columns), (axes.set_yticks, rows)):
        ticks(np.arange(count + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#e4e7eb", linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    about = "percent of each row" if max(rows, columns) <= NUMBERED else "the darker the larger"
    axes.set_xlabel(f"source ({about})", color=GREY, fontsize=9)
    axes.set_ylabel("written", color=GREY, fontsize=9)
    axes.set_title(label(chart.title), loc="left", fontsize=12, fontweight="bold", color=INK)
    return axes


def _named(ticks: Any, names: Sequence[str], count: int, turned: dict[str, Any]) -> None:
    """Names each step of an axis; of very many steps, some by their numbers."""
    if count <= NAMED:
        shown = [label(name) or "\u2423" for name in names]  # white space as an open box
        ticks(range(count), shown[:count], **turned)
    else:
        some = np.arange(0, count, -(-count // 20))
        ticks(some, [str(step) for step in some])
