"""The centred mean over one season: the level of a series around each row, in which each place of the season counts the
same."""

from __future__ import annotations

import numpy as np

__all__ = ["centred_mean"]


def centred_mean(values: np.ndarray, season: int) -> np.ndarray:
    """Returns the mean of the season around each of the values (n,), NaN in half a season at either end.

    Of a season of an even number of rows, the rows half a season before and after count half each.
    """
    weights = np.full(season + 1 - season % 2, 1.0 / season)
    if season % 2 == 0:
        weights[[0, -1]] /= 2.0
    half = len(weights) // 2
    found = np.full(len(values), np.nan)
    if len(values) > 2 * half:
        found[half : len(values) - half] = np.convolve(values, weights, "valid")
    return found
