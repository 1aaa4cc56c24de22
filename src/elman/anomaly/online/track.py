"""How often each way of scoring has spoken so far: scores that were reached too often count for less.

A score says how rare a row is in a series that does not change. Most series do, in ways that the first rows do not
show. So each way of scoring, such as a single value or the level of 32 rows, keeps a record of its high scores: how
many episodes there were above FROM, and how far above. That corrects its next ones, as the excesses over a threshold do
in extreme value theory: they are exponential, with the mean 1 / ln 10 and a known count where the scores are right. A
way that speaks less often than it may is not raised, since silence so far is no proof. By the shares single values may
speak up more often than smoothed ones: the level of a real series wanders, and its spread, without anything being
wrong, and what matters in them begins with a row that stands out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["STUCK_WAY", "VALUE_WAY", "TrackRecord"]

VALUE_WAY, STUCK_WAY = 0, 1

FROM = 1.5  # the score above which episodes are counted
PRIOR = 4.0  # episodes that agree with what the scores say, before any is seen
VALUE_PRIOR = 24.0  # those of single values, whose scores were made from many more than those of smoothed ones
MOST_EXCESS = 2.0  # how far above FROM an episode counts at most, so that one true anomaly changes little
STEEPEST = 1.25  # scores count for at most so much more than they say
LONG_AGO = 10**9  # rows
VALUE_SHARE, STUCK_SHARE, LEVEL_SHARE, SPREAD_SHARE = 0.3, 0.0, -0.7, -0.9
LN10 = math.log(10.0)


class TrackRecord:
    """The record of several ways of scoring.

    scales   of the smoothed series, each of which has two ways: its level and its spread
    first    the first row that is recorded: the scores were made from those before it, and say nothing new of them
    shares   added to the scores of each way: VALUE and STUCK first, then level and spread of each scale
    rests    rows below FROM after which the next episode of each way begins
    last     the last row of each way above FROM
    highest  score of each way in its last episode
    counts   episodes of each way, without the last
    excess   sum of how far above FROM their highest scores were
    rarer    how much less the scores of each way count, because it spoke too often
    steeper  what the part of its scores above FROM is multiplied by
    """

    def __init__(self, scales: Sequence[int], first: int = 0) -> None:
        self.first = first
        self.rests = (8, 8, *(2 * scale for scale in scales for _ in range(2)))
        self.shares = VALUE_SHARE, STUCK_SHARE, *((LEVEL_SHARE, SPREAD_SHARE) * len(scales))
        ways = len(self.rests)
        self.last = [-LONG_AGO] * ways
        self.highest = [0.0] * ways
        self.counts = [0.0] * ways
        self.excess = [0.0] * ways
        self.rarer = [0.0] * ways
        self.steeper = [1.0] * ways

    def corrected(self, way: int, score: float, row: int) -> float:
        """Takes a score of a way in a row, both counted from 0, and returns what it counts for."""
        if score > FROM and row >= self.first:
            if row - self.last[way] > self.rests[way]:
                self._end_episode(way, row)
            self.last[way] = row
            self.highest[way] = max(self.highest[way], score)
            score = FROM + self.steeper[way] * (score - FROM) - self.rarer[way]
        return max(0.0, score + self.shares[way])

    def score_for(self, way: int, corrected: float) -> float:
        """Returns the score of a way that counts for `corrected`: the inverse of `corrected`, above FROM."""
        return FROM + max(corrected - self.shares[way] + self.rarer[way] - FROM, 0.0) / self.steeper[way]

    def _end_episode(self, way: int, row: int) -> None:
        """Adds the last episode of a way to its record."""
        if self.highest[way] > 0.0:
            self.counts[way] += 1.0
            self.excess[way] += min(self.highest[way] - FROM, MOST_EXCESS)
            prior = VALUE_PRIOR if way == VALUE_WAY else PRIOR
            count = prior + self.counts[way]
            self.rarer[way] = max(0.0, math.log10(count / (prior + row * 10.0**-FROM)))
            self.steeper[way] = min(count / (prior + LN10 * self.excess[way]), STEEPEST)
        self.highest[way] = 0.0
