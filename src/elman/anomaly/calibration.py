"""The calibration of forecast errors: from an error to a score that says how rare it is.

An error becomes a normal score: the value that is as rare under a standard normal distribution. Normal scores, alone or
smoothed over several rows, become scores: -log10 of how many alarms a row such errors give in a series that does not
change. A score of 4 is reached once in 10,000 rows.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated

import numpy as np

__all__ = [
    "MAX_NORMAL_SCORE",
    "ROOT_MEAN",
    "ROOT_STD",
    "SMOOTHING_CLIP",
    "TAIL_START",
    "Calibration",
    "ErrorDistribution",
    "alarm_score",
    "calibrate",
    "error_distribution",
    "smoothing_scales",
    "student_to_normal",
    "white_noise_variance",
]

NORMAL = NormalDist()
TAIL_START = 1.5  # normal score at which the tails begin
KNOTS = np.arange(-TAIL_START, TAIL_START + 0.25, 0.25)  # normal scores at which quantiles of the errors are kept
TAIL_SHARE = NORMAL.cdf(-TAIL_START)  # share of the errors in each tail
MAX_NORMAL_SCORE = 12.0
NORMAL_TAIL_SCALE = 0.44  # mean excess of standard normal errors over TAIL_START
PRIOR_TAIL_SHAPE, PRIOR_TAIL_COUNT = 0.15, 60.0  # prior shape of a tail, and how many errors the prior counts for
LEAST_TAIL_SHAPE = -0.1  # about that of normal errors: no tail is taken to end sooner, however short it seems so far
SCALES = (8, 32, 128, 512, 2048)  # rows over which normal scores are smoothed; at most the span, such as a day
MIN_SPAN = 32  # scales up to this one are used where the span is shorter
SMOOTHING_CLIP = 3.0  # normal scores are clipped to this before they are smoothed
ROOT_MEAN, ROOT_STD = 0.8222, 0.3491  # mean and standard deviation of sqrt(abs(z)) for a standard normal z
MIN_ROWS_PER_SCALE = 8  # a scale is used where the calibration has at least this many times its rows
LN10 = math.log(10.0)
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class ErrorDistribution:
    """The distribution of forecast errors in a series that does not change.

    quantiles  at the normal scores KNOTS, rising
    tails      (shape, scale) of the generalised Pareto distributions below the first quantile and above the last one
    """

    quantiles: tuple[float, ...]
    tails: tuple[tuple[float, float], tuple[float, float]]

    def normal_score(self, error: float) -> float:
        """Returns the normal score of an error: the standard normal quantile at the error's probability."""
        q = self.quantiles
        if error < q[0]:
            return -self._tail_score(q[0] - error, 0)
        if error > q[-1]:
            return self._tail_score(error - q[-1], 1)
        k = min(bisect_right(q, error), len(q) - 1)
        width = q[k] - q[k - 1]
        return -TAIL_START + 0.25 * (k - 1 + ((error - q[k - 1]) / width if width > 0.0 else 0.5))

    def _tail_score(self, excess: float, side: int) -> float:
        """Returns the size of the normal score of an error `excess` beyond the outermost quantile of a side, 0 or 1."""
        shape, scale = self.tails[side]
        rest = 1.0 + shape * excess / scale
        share = TAIL_SHARE * rest ** (-1.0 / shape) if rest > 0.0 else 0.0
        return -NORMAL.inv_cdf(share) if share > 1e-32 else MAX_NORMAL_SCORE

    def error_at(self, normal_score: float) -> float:
        """Returns the error that has this normal score: the inverse of `normal_score`."""
        q = self.quantiles
        if abs(normal_score) <= TAIL_START:
            return float(np.interp(normal_score, KNOTS, q))
        shape, scale = self.tails[int(normal_score > 0.0)]
        size = abs(normal_score)
        # far out NORMAL.cdf cancels: it subtracts two numbers near one
        share = NORMAL.cdf(-size) if size < 6.0 else 0.5 * math.erfc(size / math.sqrt(2.0))
        excess = scale / shape * ((share / TAIL_SHARE) ** -shape - 1.0)
        return q[-1] + excess if normal_score > 0.0 else q[0] - excess


@dataclass(frozen=True)
class Calibration:
    """What the calibration rows say about the sizes of errors, alone and smoothed over each of k scales.

    distribution     of single errors
    scales           numbers of rows over which normal scores are smoothed exponentially, rising
    level_variances  mean squares of the smoothed normal scores, one for each scale
    spread_moments   (mean, variance) of the smoothed square roots of the scores' sizes, one pair for each scale
    longest_run      number of rows in the longest run of equal values
    rows             number of rows that the model was fitted to
    """

    distribution: ErrorDistribution
    scales: Annotated[tuple[int, ...], "(k,)"]
    level_variances: Annotated[tuple[float, ...], "(k,)"]
    spread_moments: Annotated[tuple[tuple[float, float], ...], "(k,)"]
    longest_run: int
    rows: int

    def smoothed(self, errors: np.ndarray) -> tuple[list[float], list[float]]:
        """Returns smoothed normal scores and smoothed roots of their sizes after errors (n,), one for each scale."""
        normal = _normal_scores(self.distribution, errors)
        roots = np.sqrt(np.abs(normal))
        last = [(_smoothed(normal, k, 0.0)[-1:], _smoothed(roots, k, ROOT_MEAN)[-1:]) for k in self.scales]
        return [float(a.sum()) for a, _ in last], [float(b.sum()) if len(b) else ROOT_MEAN for _, b in last]


def calibrate(errors: np.ndarray, values: np.ndarray, scales: tuple[int, ...], rows: int) -> Calibration:
    """Returns the calibration for these scales from out-of-sample errors (n,), and the values of the `rows` rows that
    the model was fitted to, without those filled in."""
    distribution = error_distribution(errors)
    normal = _normal_scores(distribution, errors)
    level_variances: list[float] = []
    spread_moments: list[tuple[float, float]] = []
    for scale in scales:
        least, settled = white_noise_variance(scale), min(scale, len(errors) // 2)
        squares = _smoothed(normal, scale, 0.0)[settled:] ** 2
        level_variances.append(max(least, float(np.minimum(squares, 20.0 * np.median(squares)).mean())))
        roots = _smoothed(np.sqrt(np.abs(normal)), scale, ROOT_MEAN)[settled:]
        spread_moments.append((float(roots.mean()), max(ROOT_STD**2 * least, float(roots.var()))))
    longest = _longest_run(values)
    return Calibration(distribution, scales, tuple(level_variances), tuple(spread_moments), longest, rows)


def smoothing_scales(span: int, rows: int) -> tuple[int, ...]:
    """Returns the scales up to `span` that `rows` calibration rows suffice for."""
    return tuple(scale for scale in SCALES if scale <= max(span, MIN_SPAN) and MIN_ROWS_PER_SCALE * scale <= rows)


def white_noise_variance(scale: int) -> float:
    """Returns the variance of independent errors of variance 1 after exponential smoothing with weight 1 / scale.

    No calibrated variance is taken to be lower.
    """
    return 1.0 / (2 * scale - 1)


def alarm_score(deviation: float, scale: int) -> float:
    """Returns the score of normal scores smoothed over `scale` rows that lie `deviation` standard deviations from 0.

    A smoothed normal series crosses a high level a, on either side, about 2 a phi(a) / scale times a row. Since it is
    observed only once a row, a counts as higher by 0.583 standard deviations of one step (Siegmund 1985). A single
    error lies beyond a with probability 2 phi(a) / a.
    """
    if deviation < 1.0:
        return 0.0
    if scale > 1:
        deviation += 0.8245 / math.sqrt(scale)
        crossings = 2.0 * deviation / scale
    else:
        crossings = 2.0 / deviation
    return max(0.0, (0.5 * deviation * deviation + HALF_LOG_2PI - math.log(crossings)) / LN10)


def student_to_normal(t: float, degrees_of_freedom: float) -> float:
    """Returns the normal score of a value t > 0 of Student's t distribution, to a few per cent (Wallace 1959).

    It corrects a deviation that was divided by a standard deviation estimated from few values.
    """
    root = math.sqrt(degrees_of_freedom * math.log1p(t * t / degrees_of_freedom))
    return root * (8.0 * degrees_of_freedom + 1.0) / (8.0 * degrees_of_freedom + 3.0)


def error_distribution(errors: np.ndarray) -> ErrorDistribution:
    """Returns the distribution of errors (n,): empirical quantiles, and beyond them fitted tails."""
    q = np.quantile(errors, [NORMAL.cdf(float(k)) for k in KNOTS])
    q += 1e-9 * max(float(q[-1] - q[0]), 1e-100) * KNOTS  # strictly rising, also where errors repeat
    low = _fit_tail(q[0] - errors[errors < q[0]], NORMAL_TAIL_SCALE * float(q[6] - q[2]))
    high = _fit_tail(errors[errors > q[-1]] - q[-1], NORMAL_TAIL_SCALE * float(q[10] - q[6]))
    return ErrorDistribution(tuple(q.tolist()), (low, high))


def _fit_tail(excess: np.ndarray, prior_mean: float) -> tuple[float, float]:
    """Returns shape and scale of the generalised Pareto distribution of `excess` (n,).

    They are estimated by probability-weighted moments (Hosking and Wallis 1987). The shape is shrunk towards
    PRIOR_TAIL_SHAPE and the mean towards `prior_mean`, because a few dozen values determine neither well.
    """
    n = len(excess)
    mean = (float(excess.sum()) + 5.0 * prior_mean) / (n + 5.0)
    weighted = float((np.sort(excess) * (n - np.arange(n) - 0.65)).sum()) / max(n * n, 1)
    sample_mean = float(excess.mean()) if n else 0.0
    raw = 2.0 - sample_mean / (sample_mean - 2.0 * weighted) if sample_mean > 2.0 * weighted else 0.5
    shape = (n * min(max(raw, -0.2), 0.6) + PRIOR_TAIL_COUNT * PRIOR_TAIL_SHAPE) / (n + PRIOR_TAIL_COUNT)
    shape = max(shape, LEAST_TAIL_SHAPE)
    return shape if abs(shape) > 1e-3 else 1e-3, mean * (1.0 - shape)


def _normal_scores(distribution: ErrorDistribution, errors: np.ndarray) -> np.ndarray:
    """Returns the normal scores (n,) of errors (n,), clipped as they are smoothed."""
    return np.clip([distribution.normal_score(error) for error in errors.tolist()], -SMOOTHING_CLIP, SMOOTHING_CLIP)


def _smoothed(values: np.ndarray, scale: int, start: float) -> np.ndarray:
    """Returns values (n,) smoothed exponentially with weight 1 / scale, beginning at `start`."""
    found, last = np.empty(len(values)), start
    for i, value in enumerate(values.tolist()):
        last += (value - last) / scale
        found[i] = last
    return found


def _longest_run(values: np.ndarray) -> int:
    """Returns the number of rows in the longest run of equal values."""
    ends = np.flatnonzero(np.concatenate([[True], np.diff(values) != 0.0, [True]]))
    return int(np.diff(ends).max())
