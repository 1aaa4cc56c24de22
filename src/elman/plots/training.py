"""How a training went."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from elman.plots.figure import BLUE, GREY, HISTORY, INK, picture, plain

__all__ = ["learning_curve"]


class Losses(Protocol):
    """The table of a training of E epochs, such as `elman.History`."""

    @property
    def loss(self) -> np.ndarray: ...  # (E,)
    @property
    def validation_loss(self) -> np.ndarray: ...  # (E,), NaN where there was no validation data
    @property
    def learning_rate(self) -> np.ndarray: ...  # (E,)
    @property
    def best_epoch(self) -> int | None: ...  # counted from 1
    def __len__(self) -> int: ...


def learning_curve(history: Losses, path: str | os.PathLike[str]) -> Path:
    """Draws losses by epoch, the best epoch, and the learning rate below where it changed; returns the file's path.

    The ending of the path decides: PNG, SVG or PDF. The file appears whole or not at all. ValueError for a history
    without epochs, `ModuleNotFoundError` without matplotlib, `OSError` where the file cannot be written.
    """
    if not len(history):
        raise ValueError(f"history: expected at least one epoch, got {history!r}")
    changed = np.ptp(history.learning_rate) > 0
    with picture(path, 7.5, 4.8 if changed else 4) as figure:
        if changed:
            losses, rates = figure.subplots(2, sharex=True, height_ratios=[4, 1])
            _rates(rates, history)
            bottom = rates
        else:
            losses = bottom = figure.add_subplot()
        _losses(losses, history)
        bottom.set_xlabel("epoch", color=INK)
    return Path(path)


def _losses(axes: Any, history: Losses) -> None:
    """Draws the losses, on a logarithmic scale where they are above 0 and span more than a factor of 20."""
    from matplotlib.ticker import MaxNLocator

    epochs, best = np.arange(1, len(history) + 1), history.best_epoch
    marker = {"marker": "o", "markersize": 3.2} if len(history) <= 24 else {}
    axes.plot(epochs, history.loss, color=HISTORY, linewidth=1.5, label="training", **marker)
    shown = [history.loss]
    if np.isfinite(history.validation_loss).any():
        axes.plot(epochs, history.validation_loss, color=BLUE, linewidth=1.9, label="validation", **marker)
        shown.append(history.validation_loss)
    if best is not None:
        value = shown[-1][best - 1]
        ring = {"markersize": 7, "markerfacecolor": "none", "markeredgecolor": INK}
        axes.plot(best, value, "o", label=f"best, epoch {best}: {value:.4g}", **ring)
    figures = np.concatenate(shown)
    figures = figures[np.isfinite(figures)]
    if len(figures) and figures.min() > 0 and figures.max() > 20 * figures.min():
        axes.set_yscale("log")
    title = f"Loss after {len(history)} epoch{'s' if len(history) > 1 else ''}"
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK)
    axes.set_ylabel("loss", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.legend(loc="upper right", frameon=False, fontsize=9, labelcolor=INK)
    plain(axes)


def _rates(axes: Any, history: Losses) -> None:
    axes.plot(np.arange(1, len(history) + 1), history.learning_rate, color=GREY, linewidth=1.5)
    axes.set_ylabel("learning\nrate", color=INK, fontsize=9)
    axes.set_ylim(bottom=0)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
    axes.yaxis.get_offset_text().set(size=8, color=INK)
    plain(axes)
