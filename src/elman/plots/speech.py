"""Spectrograms of sounds, with the labels that were heard in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.plots.figure import BLUE, GREY, INK, RED, file_or_axes, label, picture, plain

__all__ = ["SpeechChart", "speech_plot"]

DARKEST = 9.0  # natural logarithms below the loudest, about 39 dB
MOST = 6  # labels whose probabilities have a colour of their own
COLORS = (BLUE, RED, "#2f855a", "#b7791f", "#6b46c1", "#2c7a7b")


class SpeechChart(NamedTuple):
    """What a picture of a recognised sound shows.

    log_mel        (frames, bands), one every `frame_seconds`;  centres  of the bands, Hz
    spans          (label, begin, end, probability) of each label, in seconds
    probabilities  (T, labels + 1), one step every `step_seconds`; the first output stands for none
    tokens         the labels of the other outputs
    """

    log_mel: np.ndarray
    frame_seconds: float
    centres: np.ndarray
    spans: Sequence[tuple[str, float, float, float]]
    probabilities: np.ndarray
    step_seconds: float
    tokens: Sequence[str]
    title: str


def speech_plot(chart: SpeechChart, path: str | os.PathLike[str] | None = None, *, ax: Any = None) -> Any:
    """Draws the spectrogram of a sound, the place at which each label was heard, and below it the probabilities of the
    labels at each step.

    path  a PNG, SVG or PDF file, which appears whole or not at all; its path is returned
    ax    axes of matplotlib to draw the spectrogram alone on, in place of a file; without either, those of a new
          figure. They are returned
    """
    return file_or_axes(chart, path, ax, _write, _spectrogram)


def _write(chart: SpeechChart, path: str | os.PathLike[str]) -> Path:
    with picture(path, 10, 5.4) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.4))
        _spectrogram(chart, above)
        above.set_xlabel("")
        _probabilities(chart, below)
    return Path(path)


def _spectrogram(chart: SpeechChart, axes: Any) -> Any:
    seconds, bands = len(chart.log_mel) * chart.frame_seconds, chart.log_mel.shape[1]
    loudest = float(chart.log_mel.max()) if chart.log_mel.size else 0.0
    axes.imshow(
        chart.log_mel.T, origin="lower", aspect="auto", cmap="Greys", vmin=loudest - DARKEST, vmax=loudest,
        extent=(0.0, seconds, -0.5, bands - 0.5), interpolation="nearest",
    )  # fmt: skip
    for said, begin, end, _ in chart.spans:
        axes.axvspan(begin, end, color=BLUE, alpha=0.22, linewidth=0)
        axes.text(
            (begin + end) / 2, bands - 0.2, label(said), ha="center", va="bottom", fontsize=11, fontweight="bold",
            color=BLUE,
        )  # fmt: skip
    ticks = np.unique(np.linspace(0, bands - 1, min(bands, 6)).round().astype(int))
    axes.set_yticks(ticks, [f"{chart.centres[k]:,.0f}" for k in ticks])
    axes.set_xlim(0.0, seconds)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9, length=3)
    axes.set_title(label(chart.title), loc="left", fontsize=13, fontweight="bold", color=INK, pad=22)
    axes.set_xlabel("seconds", color=INK)
    axes.set_ylabel("frequency, Hz (mel)", color=INK)
    return axes


def _probabilities(chart: SpeechChart, axes: Any) -> None:
    """Draws a line for each label that was heard; the least frequent of many share a colour."""
    edges = np.arange(len(chart.probabilities) + 1) * chart.step_seconds
    axes.stairs(chart.probabilities[:, 0], edges, color=GREY, linewidth=1.0, linestyle=":", label="none")
    heard = list(dict.fromkeys(said for said, *_ in chart.spans))
    for i, said in enumerate(heard):
        color = COLORS[i] if i < MOST else GREY
        name = label(said) if i < MOST else None
        axes.stairs(chart.probabilities[:, chart.tokens.index(said) + 1], edges, color=color, linewidth=1.4, label=name)
    plain(axes)
    axes.set_ylim(0.0, 1.05)
    axes.set_xlabel("seconds", color=INK)
    axes.set_ylabel("probability", color=INK)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9, labelcolor=INK)
