"""Gross values among the rows that a model is fitted to: found, so that they neither widen the band nor go unseen."""

from __future__ import annotations

import math

import numpy as np

from elman.anomaly.calibration import alarm_score, error_distribution

__all__ = ["gross_rows", "without"]

MOST_SHARE = 0.03  # of the rows on one side may be gross, at most
BEYOND = 2.5  # a gross value is so much rarer, as a score, than the rarest that so many rows have


def gross_rows(values: np.ndarray) -> np.ndarray:
    """Returns the places, rising, of those among values (n,) that are far rarer than all the others let one expect.

    For each side the k largest are taken away, and the distribution of the others says how rare the least of them is;
    the largest k counts for which that is far rarer than once in n rows. So two gross values do not hide one another.
    """
    n = len(values)
    least = math.log10(n) + BEYOND
    order = np.argsort(values, kind="stable")
    most = max(1, int(MOST_SHARE * n))
    found: list[int] = []
    for side in (order, order[::-1]):
        for k in range(most, 0, -1):
            others = error_distribution(np.delete(values, side[:k]))
            if alarm_score(abs(others.normal_score(float(values[side[k - 1]]))), 1) > least:
                found += side[:k].tolist()
                break
    return np.array(sorted(found), int)


def without(values: np.ndarray, gross: np.ndarray) -> np.ndarray:
    """Returns a copy of values (n,) in which the rows `gross` are interpolated between those around them."""
    if not len(gross):
        return values
    kept = np.delete(np.arange(len(values)), gross)
    return np.interp(np.arange(len(values)), kept, values[kept])
