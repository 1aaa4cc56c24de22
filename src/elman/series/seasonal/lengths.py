"""The length of the season that many series share, found in their values: `common_season`, `longer_season`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from elman.series.seasonal.products import Products, f_log_tail

__all__ = ["LONGEST", "common_season", "has_season", "longer_season"]

LONGEST = 366  # the longest season that is looked for, in rows
READ = 16 * LONGEST  # the last rows of a series that are examined
USUAL = (4, 7, 12, 24, 48, 52, 96, 144, 168, 288, 365)  # lengths that calendars make
PRIOR = math.log(20.0)  # by which such a length is likelier than another before the values are seen
FALSE = 0.01  # probability of finding a season where there is none
FALSE_KNOWN = 0.05  # the same of one length that the calendar suggests
PERIODS, PERIODS_KNOWN = 3, 2  # seasons that a series must have to be asked for a length, or for a known one
FEW_SERIES = 3  # series, with which the usual lengths are known ones: two seasons of one series tell too little
NARROW = 6  # means over at most one sixth of a season are compared
SHARE = 0.05  # of the squares of the changes, which a season that counts explains beyond chance
LEAST_ROWS = 6


def common_season(values: Sequence[np.ndarray], usual: Sequence[int] = ()) -> int:
    """Returns the number of rows in the season that series share, 1 where they show none.

    values   one or more series, of any lengths; those with equal values and very short ones say nothing
    usual    lengths that the calendar suggests, of which the shortest that shows is taken; empty: every length from 3
             to a third of the rows is tried

    For each length, the squares of the changes that it explains are compared with those that it leaves, over all
    series (an F test with degrees of freedom for changes that depend on each other, and series that move alike). The
    length of the least likely ratio is the season, lengths of the calendar being likelier before; a length that
    explains hardly more than a part of it gives way to this part.
    """
    if usual:
        return next((m for m in sorted(usual) if m > 1 and has_season(values, m, FALSE_KNOWN)), 1)
    values = [each[-READ:] for each in values if len(each) >= LEAST_ROWS]
    rows, known = max(map(len, values), default=0), USUAL if len(values) >= FEW_SERIES else ()
    lengths = np.array([m for m in range(3, LONGEST + 1) if rows >= _least(m, known)], dtype=np.int64)
    if not len(lengths):
        return 1
    scores = _evidence(values, lengths, known) + PRIOR * np.isin(lengths, USUAL)
    best = int(scores.argmax())
    if scores[best] <= math.log(len(lengths) / FALSE):
        return 1
    return _fundamental(values, int(lengths[best]), known)


def has_season(values: Sequence[np.ndarray], season: int, false: float = FALSE) -> bool:
    """Returns whether series, of which one at least has two seasons of this length, show it.

    false   the probability of seeing a season where there is none
    """
    values = [each[-READ:] for each in values if len(each) >= max(PERIODS_KNOWN * season, LEAST_ROWS)]
    return bool(values) and float(_evidence(values, np.array([season]), (season,))[0]) > -math.log(false)


def longer_season(values: Sequence[np.ndarray], season: int, usual: Sequence[int]) -> int:
    """Returns the one of the lengths `usual`, multiples of a season that series have, which shows in the means of
    the series over that season; 1 for none. Half of the series must have three of the longer ones."""
    means = [each[len(each) % season :].reshape(-1, season).mean(axis=1) for each in values if len(each) >= season]
    times = sorted(m // season for m in usual if m > season and m % season == 0)
    for count in reversed(times):
        long = [each for each in means if len(each) >= PERIODS * count]
        if 2 * len(long) > len(values) and has_season(long, count, FALSE_KNOWN):
            return count * season
    return 1


def _least(season: int, known: Sequence[int]) -> int:
    """Returns the rows that a series must have to be asked for a length, which may be one of those that are `known`."""
    return (PERIODS_KNOWN if season in known else PERIODS) * season


def _evidence(values: Sequence[np.ndarray], lengths: np.ndarray, known: Sequence[int]) -> np.ndarray:
    """Returns for each length minus the logarithm of the probability that chance explains as much."""
    best, tried = np.zeros(len(lengths)), np.zeros(len(lengths))
    width = 1
    while width == 1 or NARROW * width <= lengths.max():
        products = Products(values, width)
        for k, m in enumerate(lengths.tolist()):
            count = products.usable(_least(m, known))
            if count and (width == 1 or m >= NARROW * width):
                best[k] = max(best[k], _of_length(products, m, count))
                tried[k] += 1
        width *= 2
    return best - np.log(np.maximum(tried, 1.0))


def _of_length(products: Products, season: int, count: int) -> float:
    """Returns the evidence for a length at one width of means, from the first `count` series."""
    total = float(products.counts[count - 1])
    side = max(season // 4, 1)
    beside = [products.ratio(m, count) for m in (season - side, season + side) if m >= 2]
    ratio = products.ratio(season, count) / max(1.0, min(beside))  # what any length would explain
    if (products.between(season, count) - count * season) < SHARE * total:
        return 0.0
    above, below = count * (season - 1), max(total - count * season, 1.0)
    memory = products.memory(season, count)
    found = f_log_tail(ratio, max(above / memory, 1.0), max(below / memory, 1.0))
    if found < math.log(FALSE_KNOWN):  # it counts, so that it is worth asking how alike the series are
        worth = products.worth(season, count) / memory
        found = f_log_tail(ratio, max(above * worth, 1.0), max(below * worth, 1.0))
    return -found


def _fundamental(values: Sequence[np.ndarray], season: int, known: Sequence[int]) -> int:
    """Returns the shortest part of a season that explains as much, or a usual multiple that explains more."""
    widths = [1]
    while NARROW * 2 * widths[-1] <= season:
        widths.append(2 * widths[-1])
    every = [Products(values, width) for width in widths]
    for part in range(3, season // 2 + 1):
        if season % part == 0 and not _explains_more(every, part, season, known):
            return part
    longer = [m for m in USUAL if season < m <= 4 * season and m % season == 0]
    return next((m for m in longer if _explains_more(every, season, m, known)), season)


def _explains_more(every: Sequence[Products], short: int, long: int, known: Sequence[int]) -> bool:
    """Returns whether the longer of two lengths explains more than chance would, at one of the widths."""
    for products in every:
        count = products.usable(_least(long, known))
        if not count:
            continue
        total, explained = float(products.counts[count - 1]), products.explained(long, count)
        extra, left = explained - products.explained(short, count), max(total - explained, 1e-9 * total)
        above, below = count * (long - short), max(total - count * long, 1.0)
        worth = products.worth(long, count) / products.memory(long, count)
        ratio = max(extra, 0.0) / above * below / left
        tail = f_log_tail(ratio, max(above * worth, 1.0), max(below * worth, 1.0))
        if tail < math.log(FALSE / len(every)):
            return True
    return False
