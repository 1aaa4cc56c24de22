"""Which windows of a backtest the weights of each window are learned from: others, without the rows that it has too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.coverage import folds_of, positions

__all__ = ["learning_folds"]


def learning_folds(backtest: Backtest) -> Iterator[tuple[np.ndarray, Backtest | None]]:
    """Yields the indices of windows, and the windows from which their weights are learned; None where there are none.

    The latter are all windows at other positions, whose true values in rows of the scored windows are left out (NaN).
    With `refit`, models of later windows were trained on earlier rows, so only rows before the scored ones are left. If
    every series has only one window, those of half of the series are learned from those of the others.
    """
    if len(backtest.places) == len(backtest):
        for scored, others in folds_of(backtest):
            yield scored, backtest.take(others) if len(others) else None
        return
    position = positions(backtest)
    rows = position[:, None] + np.arange(backtest.horizon)
    for k in np.unique(position):
        hidden = rows >= k if backtest.refit else (rows >= k) & (rows < k + backtest.horizon)
        truth = np.where(hidden, np.nan, backtest.truth)
        others = np.flatnonzero(np.isfinite(truth).any(axis=1))
        yield np.flatnonzero(position == k), replace(backtest, truth=truth).take(others) if len(others) else None
