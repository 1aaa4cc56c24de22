"""The length of a season, found in the values of a series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["autocorrelation", "default_horizon", "find_season", "shown_season"]

LONGEST = 366  # the longest season that is looked for, in steps
# Normal quantiles: for a usual length, one test at the level 5 %; for any length, hundreds of tests, a stricter level
_ONE_TEST, _MANY_TESTS = 1.645, 3.0


def find_season(values: np.ndarray, usual: Sequence[int] = ()) -> int:
    """Returns the number of steps in a season of values (n,), 1 where they show none.

    usual   lengths that the calendar suggests, of which the first that is significant is taken. Empty: every length
            from 3 to a third of the rows is tried; the shortest is taken whose autocorrelation is nearly the largest

    Whether there is a season is judged by the autocorrelation r of the changes from row to row, so that a trend or a
    random walk is no season, against Bartlett's limit sqrt((1 + 2 sum_{i<m} r_i^2) / n). Its length, where the calendar
    suggests none, is then found in the values less their straight line, since these have less noise than the changes.
    """
    changes = np.diff(values)
    longest = min(len(values) // (2 if usual else 3), LONGEST)
    r = autocorrelation(changes, longest + longest // 4 + 1)
    limit = np.sqrt(
        (1.0 + 2.0 * np.concatenate([[0.0], np.cumsum(r[1:-1] ** 2)])) / max(len(changes), 1)
    )  # of the lags from 1
    if usual:
        known = (m for m in usual if 1 < m <= longest and r[m] > _ONE_TEST * limit[m - 1])
        return next((m for m in known if r[m] > max(r[m - max(m // 4, 1)], r[m + max(m // 4, 1)])), 1)
    least = _MANY_TESTS * np.sqrt(1 / max(len(changes), 1))
    peaks = [
        m
        for m in range(3, longest + 1)
        if r[m] > r[m - 1] and r[m] >= r[m + 1] and r[m] > least and r[m] > limit[m - 1]
    ]
    rough = next((m for m in peaks if r[m] >= 0.8 * max(r[p] for p in peaks)), 1)
    if rough == 1:
        return 1
    time = np.arange(len(values)) - (len(values) - 1) / 2
    level = values - values.mean()
    near = range(max(rough - rough // 4, 2), min(rough + rough // 4, longest) + 1)
    r = autocorrelation(level - time * (time @ level) / (time @ time), 2 * near[-1])
    return max(near, key=lambda m: r[m] + r[2 * m])  # the second season doubles the error of a length


def shown_season(season: int, rows: int) -> int:
    """Returns the season where `rows` rows hold two of it, else 1: fewer cannot tell a season from a trend."""
    return season if rows >= 2 * season else 1


def default_horizon(rows: int, season: int) -> int:
    """Returns the horizon where none is given: one season, else a tenth of the rows; at most 48."""
    return min(season if season > 1 else max(rows // 10, 1), 48)


def autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    """Returns the autocorrelations of values (n,) at lags 0 to `lags`, float64 (lags + 1,); zeros for equal values."""
    centred = values - values.mean() if len(values) else values
    total = float(centred @ centred)
    r = np.zeros(lags + 1)
    if total > 0.0:
        for lag in range(min(lags + 1, len(values))):
            r[lag] = float(centred[lag:] @ centred[: len(values) - lag]) / total
    return r
