"""Predicted values beside true ones, and their errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman.plots.figure import BLUE, GREY, INK, RED, label, picture, plain

__all__ = ["ResidualChart", "residual_plot"]


class ResidualChart(NamedTuple):
    """What a picture shows: true and predicted values (n,), and what they are values of."""

    true: np.ndarray
    predicted: np.ndarray
    name: str


def residual_plot(chart: ResidualChart, path: str | os.PathLike[str]) -> Path:
    """Draws predicted values over true ones, and below the errors (predicted less true); returns the file's path.

    The ending of the path decides: PNG, SVG or PDF. The file appears whole or not at all. `ModuleNotFoundError` without
    matplotlib, `OSError` where it cannot be written.
    """
    true, predicted = chart.true, chart.predicted
    errors = predicted - true
    with picture(path, 7, 7.4) as figure:
        axes, below = figure.subplots(2, sharex=True, height_ratios=[3, 1.2])
        ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
        size = 16 if len(true) <= 500 else 5
        axes.plot(ends, ends, color=GREY, linewidth=1, label="predicted = true")
        axes.scatter(true, predicted, s=size, color=BLUE, alpha=0.6, linewidths=0, label="a sequence")
        below.axhline(0.0, color=GREY, linewidth=1)
        below.scatter(true, errors, s=size, color=BLUE, alpha=0.6, linewidths=0)
        far = np.argsort(-np.abs(errors))[:3]
        axes.scatter(true[far], predicted[far], s=3 * size, facecolors="none", edgecolors=RED, label="largest errors")
        axes.set_title(f"{label(chart.name)}: predicted and true", loc="left", fontsize=13, fontweight="bold",
                       color=INK, pad=24)  # fmt: skip
        about = f"{len(true):,} sequences; mean absolute error {np.abs(errors).mean():.4g}"
        axes.text(0, 1.025, about, transform=axes.transAxes, fontsize=9, color=GREY)
        axes.set_ylabel(f"predicted {label(chart.name)}", color=INK)
        below.set_ylabel("error", color=INK)
        below.set_xlabel(f"true {label(chart.name)}", color=INK)
        axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=INK)
        for part in (axes, below):
            plain(part)
    return Path(path)
