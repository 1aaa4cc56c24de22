"""A series as pictures show it, whatever it was read from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Line"]


class Line(NamedTuple):
    """A series of n values along a time axis."""

    name: str
    times: np.ndarray  # (n,) datetime64, or the numbers of its rows, counted from 1
    values: np.ndarray  # (n,)
    time_name: str  # what the time axis is called

    @property
    def dated(self) -> bool:
        """Whether the time axis shows dates, not numbers of rows."""
        return self.times.dtype.kind == "M"
