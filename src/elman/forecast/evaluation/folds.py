"""Folds of a backtest: each divides a series into rows for training, for validation, and for scoring.

Prediction intervals in the scored rows of a fold are calibrated on the scored rows of other folds (`coverage.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Fold", "cut", "make_folds"]


class Fold(NamedTuple):
    """A fold: rows [0, train) are for training, [train, validation) for validation, [validation, scored) for scoring.

    The scored rows affect neither the training nor any choice.
    """

    train: int
    validation: int
    scored: int


def cut(rows: int, horizon: int) -> int:
    """Returns how many of the first `rows` rows are for training; the rest is for validation.

    The validation part is the last fifth of the rows, but at least one horizon and at most half of the rows.
    """
    return rows - min(max(rows // 5, horizon), rows // 2)


def make_folds(rows: int, horizon: int, windows: int, least: int, step: int | None = None) -> list[Fold]:
    """Returns folds that score the last `windows` windows of `horizon` rows, oldest first.

    least   smallest number of rows before the first window; windows with fewer rows before them are left out, so the
            list may be shorter than `windows`, or empty
    step    number of rows from the start of one window to the start of the next; None: `horizon`, or less where the
            windows would not fit otherwise, so that they overlap
    """
    room = rows - horizon - least  # the most rows between the start of the first window and that of the last
    count = min(windows, room + 1 if step is None else room // step + 1)
    if count < 1:
        return []
    stride = step if step is not None else min(horizon, room // (count - 1)) if count > 1 else 0
    ends = rows - stride * np.arange(count - 1, -1, -1)
    return [Fold(cut(int(end) - horizon, horizon), int(end) - horizon, int(end)) for end in ends]
