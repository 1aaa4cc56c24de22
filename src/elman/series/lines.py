"""A series as pictures show it."""

from __future__ import annotations

import numpy as np

from elman.plots.lines import Line
from elman.series.series import Series

__all__ = ["line"]


def line(series: Series, values: np.ndarray | None = None) -> Line:
    """Returns the series' name, times (or row numbers from 1) and values, or these `values` in their place."""
    times = np.arange(1, len(series) + 1) if series.times is None else series.times
    return Line(series.name, times, series.values if values is None else values, series.time_name or "row")
