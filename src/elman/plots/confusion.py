"""Which class was taken for which: a matrix of counts, coloured by their share of each class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.plots.figure import GREY, INK, label, picture

__all__ = ["ConfusionChart", "confusion_plot"]

MOST = 24  # classes that have a row of their own
OTHERS = "others"


class ConfusionChart(NamedTuple):
    """What a picture shows: counts (K, K) of true classes (rows) and predicted ones, the names of the classes, what
    they are classes of, and of what the counts are."""

    labels: Sequence[str]
    counts: np.ndarray
    name: str
    counted: str = "sequences"


def confusion_plot(chart: ConfusionChart, path: str | os.PathLike[str]) -> Path:
    """Draws the matrix and returns the file's path; of many classes the 24 most frequent, and the others as one.

    The ending of the path decides: PNG, SVG or PDF. The file appears whole or not at all. `ModuleNotFoundError` without
    matplotlib, `OSError` where it cannot be written.
    """
    labels, counts = joined(chart)
    size = max(4.4, 0.42 * len(labels) + 2.6)
    with picture(path, size + 0.6, size) as figure:
        axes = figure.subplots()
        _draw(axes, labels, counts)
        total, right = int(chart.counts.sum()), int(np.trace(chart.counts))
        title = f"{label(chart.name)}: {100 * right / total:.1f} % right"
        axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK, pad=24)
        about = f"{total:,} {chart.counted}; colour: share of the true class"
        axes.annotate(about, (0, 1), (0, 6), "axes fraction", "offset points", fontsize=9, color=GREY)
    return Path(path)


def joined(chart: ConfusionChart) -> tuple[list[str], np.ndarray]:
    """Returns the names and counts of the classes that have a row; the others together are the last."""
    labels = [label(name) for name in chart.labels]
    if len(labels) <= MOST:
        return labels, chart.counts
    order = np.argsort(-chart.counts.sum(axis=1), kind="stable")
    kept, rest = np.sort(order[: MOST - 1]), np.sort(order[MOST - 1 :])
    counts = np.zeros((MOST, MOST), chart.counts.dtype)
    counts[:-1, :-1] = chart.counts[np.ix_(kept, kept)]
    counts[:-1, -1], counts[-1, :-1] = chart.counts[kept][:, rest].sum(1), chart.counts[rest][:, kept].sum(0)
    counts[-1, -1] = chart.counts[np.ix_(rest, rest)].sum()
    return [*(labels[k] for k in kept), f"{OTHERS} ({len(rest)})"], counts


def _draw(axes: Any, labels: Sequence[str], counts: np.ndarray) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colours = LinearSegmentedColormap.from_list("share", ["#ffffff", "#0b69a3"])
    axes.imshow(shares, cmap=colours, vmin=0.0, vmax=1.0)
    digits = 9 if len(labels) <= 12 else 7
    for row, column in np.argwhere(counts > 0):
        dark = shares[row, column] > 0.55
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=digits,
                  color="white" if dark else INK)  # fmt: skip
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true", color=INK)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.set_xticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#e4e7eb", linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
