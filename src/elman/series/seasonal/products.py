"""`Products`: how alike the changes of many series are at every lag, summed so that a season of any length is tested.

The changes are those from one mean of `width` rows to the next, since a long smooth season hides in the noise of single
rows. Those of a random walk are independent, and those of independent values depend on the next 2 width - 1 alone, so
a lag of six widths or more is alike by chance only, unless there is a season.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["Products", "changes_of", "f_log_tail", "independent"]

COMPARED = 30  # about how many series at least are compared with each other, where there are so many
CLIPPED = 5.0  # standard deviations, found robustly, to which single changes are clipped


def changes_of(values: np.ndarray, width: int = 1) -> np.ndarray:
    """Returns the changes from the mean of `width` rows to that of the next, at each row: (n - 2 width + 1,), less
    their mean, clipped, of variance 1; zeros where there are none."""
    sums = np.concatenate([[0.0], np.cumsum(values - values.mean())])
    means = (sums[width:] - sums[:-width]) / width
    changes = means[width:] - means[:-width]
    if len(changes) < 2:
        return np.zeros(1)
    middle = float(np.median(changes))
    spread = 1.4826 * float(np.median(np.abs(changes - middle)))
    if spread > 0.0:
        changes = np.clip(changes, middle - CLIPPED * spread, middle + CLIPPED * spread)
    changes = changes - changes.mean()
    size = float(np.sqrt((changes**2).mean()))
    rounding = 1e-9 * float(np.abs(values).max())
    return changes / size if size > rounding else np.zeros(len(changes))


class Products:
    """The products of changes at every lag, of N series, longest first.

    rows       (N,) number of rows of each series
    summed     (N, L) products at lag l, summed over the first 1, 2, ... N series
    counts     (N,) numbers of changes, summed
    """

    def __init__(self, values: Sequence[np.ndarray], width: int) -> None:
        made = [(len(each), changes_of(each, width)) for each in values]
        kept = sorted((pair for pair in made if pair[1].any()), key=lambda pair: -len(pair[1]))
        self.rows = np.array([rows for rows, _ in kept], dtype=np.int64)
        lengths = np.array([len(each) for _, each in kept], dtype=np.float64)
        most = int(lengths.max(initial=1))
        products = np.zeros((len(kept), most))
        size = 2 ** math.ceil(math.log2(2 * most))
        for k, (_, each) in enumerate(kept):
            transformed = np.fft.rfft(each, size)
            products[k, : len(each)] = np.fft.irfft(transformed * transformed.conj(), size)[: len(each)]
        self.summed, self._products = products.cumsum(axis=0), products
        self.counts = lengths.cumsum()
        self._lengths, self._changes = lengths, [each for _, each in kept]
        self._least_memory = _memory_of_means(width)

    def usable(self, rows: int) -> int:
        """Returns how many of the series, the first ones, have at least so many rows."""
        return int((self.rows >= rows).sum())

    def between(self, season: int, count: int) -> float:
        """Returns the part of the squares of the changes of the first `count` series that a season explains: the
        squares of the means of its rows. Their sum is `counts[count - 1]`."""
        rows = self._lengths[:count]
        whole, rest = rows // season, rows % season
        pairs = season * whole**2 + rest * (2.0 * whole + 1.0)  # of equal places in the season, both ways and itself
        alike = rows + 2.0 * self._products[:count, season::season].sum(axis=1)
        return float((alike * rows / pairs).sum())

    def explained(self, season: int, count: int) -> float:
        """Returns `between` to the last digit, which takes longer: it differs where the last season is a part of one
        and noise is small."""
        total = 0.0
        for each in self._changes[:count]:
            row = np.arange(len(each)) % season
            total += float(
                (np.bincount(row, each, season) ** 2 / np.maximum(np.bincount(row, minlength=season), 1)).sum()
            )
        return total

    def worth(self, season: int, count: int) -> float:
        """Returns how many independent series each of the first `count` is worth, since series that move alike tell the
        same: at most 1, and in sum at least 1. What the season explains is left out: that they share it is no reason
        to believe in it less."""
        some = self._changes[:count][:: max(1, count // COMPARED)]
        left: list[np.ndarray] = []
        for each in some:
            row = np.arange(-len(each), 0) % season
            means = np.bincount(row, each, season) / np.maximum(np.bincount(row, minlength=season), 1)
            left.append(each - means[row])
        return max(independent(left, season) / len(some), 1.0 / count)

    def ratio(self, season: int, count: int) -> float:
        """Returns the mean square that a season explains over the mean square that it leaves; 1 by chance."""
        total = float(self.counts[count - 1])
        explained = min(max(self.between(season, count), 0.0), (1.0 - 1e-9) * total)
        return explained / (count * season) * max(total - count * season, 1.0) / (total - explained)

    def memory(self, season: int, count: int) -> float:
        """Returns 1 + 2 sum r_i^2, by which dependent changes have fewer degrees of freedom: r_i the autocorrelations
        below half a season, less what lags of i more or less than whole seasons share with them."""
        products, most = self.summed[count - 1], self.summed.shape[1]
        lags = np.arange(most)
        pairs = np.maximum(self._lengths[:count, None] - lags, 0.0).sum(axis=0)
        half = min(season // 2, most - 1)
        whole = np.full(-(-most // season) * season, 0.0), np.full(-(-most // season) * season, 0.0)
        whole[0][:most], whole[1][:most] = products, pairs
        folded, folds = (each.reshape(-1, season)[1:].sum(axis=0) for each in whole)
        before = (-np.arange(1, half + 1)) % season
        seasonal = (folded[1 : half + 1] + folded[before]) / np.maximum(folds[1 : half + 1] + folds[before], 1.0)
        own = products[1 : half + 1] / np.maximum(pairs[1 : half + 1], 1.0)
        return max(1.0 + 2.0 * float(((own - seasonal[: len(own)]) ** 2).sum()), self._least_memory)


def _memory_of_means(width: int) -> float:
    """Returns 1 + 2 sum r_i^2 of the changes of means over `width` rows, the smaller one of those of a random walk and
    of independent values."""
    ones = np.ones(width)
    found: list[float] = []
    for weights in (np.convolve(ones, ones), np.concatenate([ones, -ones])):
        r = np.correlate(weights, weights, "full") / float(weights @ weights)
        found.append(float((r**2).sum()))
    return min(found) if width > 1 else 1.0


def independent(changes: Sequence[np.ndarray], fitted: int = 0) -> float:
    """Returns N / (1 + (N - 1) q) for N series, q the mean squared correlation of two of them, less that of noise.

    fitted   number of means that were subtracted from each, which leave less noise to be alike by chance
    """
    count = len(changes)
    if count < 2:
        return float(count)
    rows = min(map(len, changes))
    ends = np.array([each[-rows:] - each[-rows:].mean() for each in changes])
    size = np.sqrt((ends**2).sum(axis=1))
    ends = ends / np.maximum(size, 1e-12)[:, None]
    squares = (ends @ ends.T) ** 2
    mean = (float(squares.sum()) - count) / (count * (count - 1))
    return count / (1.0 + (count - 1) * max(mean - 1.0 / max(rows - fitted, 2), 0.0))


def f_log_tail(ratio: float, above: float, below: float) -> float:
    """Returns the logarithm of the probability that an F variable exceeds `ratio`, about: that of a normal variable
    exceeding the signed root of the deviance of the share of squares that `ratio` stands for.

    above, below   degrees of freedom of numerator and denominator
    """
    share, expected = ratio * above / (ratio * above + below), above / (above + below)
    if share <= expected:
        return 0.0
    deviance = above * math.log(share / expected) + below * math.log((1.0 - share) / (1.0 - expected))
    z = math.sqrt(max(-deviance, 0.0))
    if z < 5.0:
        return math.log(0.5 * math.erfc(z / math.sqrt(2.0)))
    return -0.5 * z * z - math.log(z * math.sqrt(2.0 * math.pi))
