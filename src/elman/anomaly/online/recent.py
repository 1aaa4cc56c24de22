"""The distribution of errors, estimated anew from the rows that came since: few first rows show no rare errors."""

from __future__ import annotations

import math

import numpy as np

from elman.anomaly.calibration import MAX_NORMAL_SCORE, NORMAL, ErrorDistribution, error_distribution

__all__ = ["BEYOND", "ROWS_PER_GROSS", "RecentErrors"]

MOST = 8192  # errors that are kept
GROWTH = 1.25  # the distribution is estimated anew after so many times the errors of the last time
ROWS_PER_GROSS, BEYOND = 150, 2.5  # so many errors may be gross; these are so much rarer, as a score, than the rarest
EVERY = 1024  # and after so many rows at the latest


class RecentErrors:
    """The last errors, up to MOST, and the distribution that was last estimated from them.

    An error that is far rarer than once in those kept is a gross value, which is left out as one in the first rows is,
    unless there were many. Others count for at most the one expected once in twice as many errors as are kept.

    distribution  of errors
    errors        (n,) the last ones, in the order of their rows
    due           number of errors, including those forgotten, at which the distribution is next estimated
    seen          number of errors so far
    gross         how many of them were left out
    """

    def __init__(
        self, distribution: ErrorDistribution, errors: np.ndarray, seen: int, due: int, gross: int = 0
    ) -> None:
        self.gross = gross
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
        self.seen += 1
        if not self.lowest < error < self.highest and self.gross < max(2, self.seen // ROWS_PER_GROSS):
            self.gross += 1
        else:
            self.errors.append(min(max(error, self.low), self.high))
        if self.seen < self.due:
            return False
        self.due = _next(self.seen)
        del self.errors[:-MOST]
        self.distribution = error_distribution(np.array(self.errors))
        self._bound()
        return True

    def _bound(self) -> None:
        """Computes beyond which errors one is gross, and beyond which one counts for less."""
        count = min(max(self.due, 60), MOST)
        size, gross = (min(-NORMAL.inv_cdf(share / count), MAX_NORMAL_SCORE) for share in (0.5, 0.5 * 10.0**-BEYOND))
        self.low, self.high = self.distribution.error_at(-size), self.distribution.error_at(size)
        self.lowest, self.highest = self.distribution.error_at(-gross), self.distribution.error_at(gross)


def _next(seen: int) -> int:
    return min(math.ceil(GROWTH * seen), seen + EVERY)
