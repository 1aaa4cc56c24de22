"""The distribution of errors, estimated anew from the rows that came since: few first rows show no rare errors."""

from __future__ import annotations

import math

import numpy as np

from elman.anomaly.calibration import NORMAL, ErrorDistribution, error_distribution

__all__ = ["RecentErrors"]

MOST = 8192  # errors that are kept
GROWTH = 1.25  # the distribution is estimated anew after so many times the errors of the last time
EVERY = 1024  # and after so many rows at the latest


class RecentErrors:
    """The last errors, up to MOST, and the distribution that was last estimated from them.

    An error beyond the one expected once in ten times the errors kept counts as that one, so that an anomaly changes
    the distribution little, and many like it do.

    distribution  of errors
    errors        (n,) the last ones, in the order of their rows
    due           number of errors, including those forgotten, at which the distribution is next estimated
    seen          number of errors so far
    """

    def __init__(self, distribution: ErrorDistribution, errors: np.ndarray, seen: int, due: int) -> None:
        self.distribution, self.seen, self.due = distribution, seen, due
        self.errors: list[float] = errors[-MOST:].tolist()
        self._bound()

    @classmethod
    def after(cls, distribution: ErrorDistribution, errors: np.ndarray, rows: int) -> RecentErrors:
        """Returns those after the errors (n,) that the distribution was estimated from.

        Where these are not known, n is 0, and the distribution stays until there were `rows` errors.
        """
        return cls(distribution, errors, len(errors), _next(len(errors)) if len(errors) else rows)

    def add(self, error: float) -> bool:
        """Adds an error, and estimates the distribution anew where that is due; returns whether it was."""
        self.errors.append(min(max(error, self.low), self.high))
        self.seen += 1
        if self.seen < self.due:
            return False
        self.due = _next(self.seen)
        del self.errors[:-MOST]
        self.distribution = error_distribution(np.array(self.errors))
        self._bound()
        return True

    def _bound(self) -> None:
        size = -NORMAL.inv_cdf(0.1 / min(max(self.due, 60), MOST))
        self.low, self.high = self.distribution.error_at(-size), self.distribution.error_at(size)


def _next(seen: int) -> int:
    return min(math.ceil(GROWTH * seen), seen + EVERY)
