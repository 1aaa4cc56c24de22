"""Gross values among the rows that a model is fitted to: found, so that they neither widen the band nor go unseen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from elman.anomaly.calibration import alarm_score, error_distribution
from elman.anomaly.network import fit_scaling
from elman.anomaly.online.recent import BEYOND
from elman.anomaly.profile import fit_profile

__all__ = ["find_gross", "gross_rows", "without"]

ROWS_PER_GROSS = 50  # so many of the rows may be gross: a fault often lasts for several


def find_gross(values: np.ndarray, seasons: Sequence[int]) -> np.ndarray:
    """Returns the rows, rising, of gross values among values (n,), whose season may be one of `seasons`.

    First those that lie far from all the others, then, without these, those whose errors do, forecast from the row
    before and from the row after. Values that recur at the same position of a season belong to it, and are not gross.
    """
    far = _not_recurring(gross_rows(values), seasons)
    cleaned = without(values, far)
    profile, transformed, held_out = fit_profile(cleaned, seasons)
    rest = (transformed - held_out) / profile.dispersion[np.arange(len(values)) % len(profile)]
    rest -= np.median(rest)
    odd = _not_recurring(gross_rows(_isolated(rest, fit_scaling(rest).ar1)), seasons)
    return np.union1d(far, odd).astype(int)


def _isolated(values: np.ndarray, ar1: float) -> np.ndarray:
    """Returns how far each of values (n,) lies from what both the row before and the row after it let one expect.

    It is 0 between the two, as in a step from one level to another.
    """
    known = np.concatenate([values[:1], values, values[-1:]])
    before, after = values - ar1 * known[:-2], values - ar1 * known[2:]
    return np.where(before * after > 0.0, np.sign(before) * np.minimum(np.abs(before), np.abs(after)), 0.0)


def gross_rows(values: np.ndarray) -> np.ndarray:
    """Returns the places, rising, of those among values (n,) that are far rarer than all the others let one expect.

    For each side the k largest are taken away, and the distribution of the others says how rare the least of them is;
    the largest k counts for which that is far rarer than once in n rows. So two gross values do not hide one another.
    Where nearly all the others are equal, nothing says how far values may lie apart, and none is gross.
    """
    n = len(values)
    least = math.log10(n) + BEYOND
    order = np.argsort(values, kind="stable")
    most = max(2, n // ROWS_PER_GROSS)
    found: list[int] = []
    for tail, side in enumerate((order, order[::-1])):
        for k in range(most, 0, -1):
            others = error_distribution(np.delete(values, side[:k]))
            if others.tails[tail][1] <= 0.0:
                continue
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


def _not_recurring(rows: np.ndarray, seasons: Sequence[int]) -> np.ndarray:
    """Returns those of the rows that no other one follows by whole seasons, nearly."""
    apart = np.abs(rows[:, None] - rows)
    kept = np.ones(len(rows), bool)
    for m in seasons:
        if m > 1:
            near = np.minimum(apart % m, m - apart % m) <= m // 50
            kept &= ~(near & (apart > m // 2)).any(axis=1)
    return rows[kept]
