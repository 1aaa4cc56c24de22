"""Where a series is cut: each fold once, into train | validation | calibration | scored.

The calibration part of a fold is the scored parts of other folds, which its own did not touch (`coverage.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Fold", "cut", "make_folds"]


class Fold(NamedTuple):
    """Rows [0, train) train, [train, validation) choose, [validation, scored) are scored and never seen before."""

    train: int
    validation: int
    scored: int


def cut(rows: int, horizon: int) -> int:
    """Rows that train, of `rows` that are known: the last fifth validates, at least one horizon and at most half."""
    return rows - min(max(rows // 5, horizon), rows // 2)


def make_folds(rows: int, horizon: int, windows: int, least: int, step: int | None = None) -> list[Fold]:
    """The last `windows` windows of `horizon` rows, `step` rows apart, oldest first; as many of them as have at least
    `least` rows before them.

    Without a step they follow one another where at least `least` rows remain before the first; else they overlap as
    much as they must, and where even that is too little there are fewer. Empty where not one has `least` rows before
    it.
    """
    room = rows - horizon - least  # rows by which the first cut may lie before the last
    count = min(windows, room + 1 if step is None else room // step + 1)
    if count < 1:
        return []
    stride = step if step is not None else min(horizon, room // (count - 1)) if count > 1 else 0
    ends = rows - stride * np.arange(count - 1, -1, -1)
    return [Fold(cut(int(end) - horizon, horizon), int(end) - horizon, int(end)) for end in ends]
