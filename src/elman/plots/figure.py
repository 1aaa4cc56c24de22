"""The common part of all pictures: an empty figure, colours, axes, tick marks, small multiples.

matplotlib is imported when a picture is drawn, and only its objects are used: a caller's own figures do not change.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elman.core.staging import replacing
from elman.plots.lines import Line

__all__ = [
    "BLUE",
    "GREY",
    "GRID",
    "HISTORY",
    "INK",
    "RED",
    "dates",
    "file_or_axes",
    "headed",
    "label",
    "large",
    "multiples",
    "needs_matplotlib",
    "picture",
    "plain",
]

INK, GREY, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, HISTORY, RED = "#0b69a3", "#52606d", "#ba2525"
LONGEST = 40  # letters of a name that are shown
NEEDED = "pictures need matplotlib; type: pip install 'elman[cli]'"


def needs_matplotlib() -> None:
    """Raises ModuleNotFoundError, with the command to type, where matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError(NEEDED, name="matplotlib")


@contextmanager
def picture(path: str | os.PathLike[str], width: float, height: float) -> Generator[Any]:
    """Yields an empty figure, width and height in inches, and saves it as PNG, SVG or PDF, by the path's ending.

    The file appears whole or not at all. `ModuleNotFoundError` without matplotlib, `OSError` where the file cannot be
    written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED, name="matplotlib") from None

    figure = Figure(figsize=(width, height), dpi=144, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    yield figure
    with replacing(path) as hidden, warnings.catch_warnings():
        # letters that the font lacks are drawn as boxes, without a warning
        warnings.filterwarnings("ignore", "Glyph ", UserWarning)
        figure.savefig(hidden, metadata={"Software": None} if hidden.suffix == ".png" else None)


def _new_axes() -> Any:
    """Returns the axes of a new figure of pyplot, which a notebook shows. `ModuleNotFoundError` without matplotlib."""
    needs_matplotlib()
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(10, 4.8), layout="constrained")[1]


def file_or_axes(
    chart: Any,
    path: str | os.PathLike[str] | None,
    ax: Any,
    write: Callable[[Any, str | os.PathLike[str]], Path],
    draw: Callable[[Any, Any], Any],
) -> Any:
    """Draws a chart into a file with `write` and returns its path; without a path, draws it with `draw` on the axes
    `ax`, or on those of a new figure, and returns these. ValueError for both."""
    if path is not None and ax is not None:
        raise ValueError("path: expected a file or axes (ax), got both")
    return draw(chart, _new_axes() if ax is None else ax) if path is None else write(chart, path)


def label(name: str) -> str:
    """Returns a name for a picture: one line, short enough to leave room for the data, with $ escaped."""
    line = " ".join(name.split())
    return (line if len(line) <= LONGEST else line[: LONGEST - 3] + "...").replace("$", r"\$")


@contextmanager
def multiples(
    path: str | os.PathLike[str], names: Sequence[str], most: int, title: str, first: str | None, line: Line
) -> Generator[dict[str, Any]]:
    """Yields axes for the first `most` names, three in a row.

    first   what the legend calls the first line; None: no legend
    line    one of the series, whose names of values and of times are those of the axes

    Each name is the title of its axes, unless the body sets another.
    """
    shown = names[:most]
    across = min(3, len(shown))
    down = -(-len(shown) // across)
    with picture(path, 3.9 * max(across, 2), 2.3 * max(down, 1 + (across == 1)) + 0.9) as figure:
        grid = figure.subplots(down, across, squeeze=False)
        panels = dict(zip(shown, grid.flat, strict=False))
        yield panels
        for name, axes in panels.items():
            plain(axes)
            axes.tick_params(labelsize=8)
            title_of = axes.get_title() or label(name)
            axes.set_title("")
            axes.set_title(title_of, loc="left", fontsize=9, fontweight="bold", color=INK)
        for axes in grid.flat[len(shown) :]:
            axes.set_visible(False)
        some = f"{len(shown)} of {len(names)} series, " if len(shown) < len(names) else f"{len(shown)} series, "
        title = some + title if len(names) > 1 else title
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
        figure.supxlabel(label(line.time_name), fontsize=9, color=INK)
        figure.supylabel(label(line.name), fontsize=9, color=INK)
        if first is None:
            return
        lines, labels = grid.flat[0].get_legend_handles_labels()
        named = {first if k == 0 else label: line for k, (line, label) in enumerate(zip(lines, labels, strict=True))}
        place = "upper right" if across > 1 else "outside lower center"
        figure.legend(named.values(), named, loc=place, frameon=False, fontsize=8, ncols=5, labelcolor=INK)


def headed(axes: Any, title: str, subtitle: str, x: str, y: str) -> None:
    """Sets a title with a smaller line below it, the names of both axes, and a legend with room above the data."""
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK, pad=24)
    axes.text(0, 1.025, subtitle, transform=axes.transAxes, fontsize=9, color=GREY)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.legend(loc="upper left", frameon=False, fontsize=9, ncols=5, labelcolor=INK)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))


def dates(axes: Any, dated: bool, least: int, most: int) -> None:
    """Sets few tick marks on the x axis: dates, or row numbers."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator

    if dated:
        locator = AutoDateLocator(minticks=least, maxticks=most)
        axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator)
        # a day is never a number alone, and the first hour of each day says which day it is
        formatter.formats[2] = formatter.zero_formats[2] = formatter.zero_formats[3] = "%b %d"
        formatter.zero_formats[4] = "%H:%M"
        formatter.offset_formats[2:] = ["%Y", *["%Y %b %d"] * 2, "%Y %b %d %H:%M"]
        axes.xaxis.set_major_formatter(formatter)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(most - 1, integer=True))


def large(axes: Any) -> None:
    """Separates thousands on the y axis, unless numbers are so large that matplotlib writes them with exponents."""
    from matplotlib.ticker import StrMethodFormatter

    if 1e4 <= max(abs(bound) for bound in axes.get_ylim()) < 1e12:
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def plain(axes: Any) -> None:
    """Draws horizontal lines behind the data, and no frame above and to the right."""
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
