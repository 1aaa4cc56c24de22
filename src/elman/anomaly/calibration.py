"""From errors to how rare they are.

Everything is said on one scale, the score: -log10 of how many alarms a row such errors give where nothing changes. A
score of 4 is reached once in 10,000 rows.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated

import numpy as np

__all__ = [
    "COUNTED",
    "ROOT",
    "ROOT_SPREAD",
    "Calibration",
    "Errors",
    "calibrate",
    "least_of",
    "scales_of",
    "score_of",
    "student_to_normal",
]

NORMAL = NormalDist()
EDGE = 1.5  # normal score at which the tails begin
KNOTS = np.arange(-EDGE, EDGE + 0.25, 0.25)  # normal scores at which quantiles of the errors are kept
BEYOND = NORMAL.cdf(-EDGE)  # share of the errors in each tail
LARGEST = 12.0  # of a normal score
USUAL_SCALE = 0.44  # mean of what lies beyond EDGE, of normal errors
USUAL_SHAPE, USUAL_COUNT = 0.15, 60.0  # a tail's shape before it was seen, and how many values that is worth
SCALES = (8, 32, 128, 512, 2048)  # rows that errors are smoothed over, as far as a day
SHORT = 32  # or these, where a day is shorter
COUNTED = 3.0  # a normal score counts no more than this where errors are smoothed
ROOT, ROOT_SPREAD = 0.8222, 0.3491  # mean and standard deviation of the root of a standard normal's size
WHOLE = 8  # times a scale fits into the rows that it is calibrated on
LN10 = math.log(10.0)
HALF_LOG = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Errors:
    """The distribution of errors where nothing changes.

    quantiles   at the normal scores KNOTS, rising
    tails       (shape, scale) of the generalised Pareto distribution below the first of them and beyond the last
    """

    quantiles: tuple[float, ...]
    tails: tuple[tuple[float, float], tuple[float, float]]

    def normal(self, error: float) -> float:
        """The normal score of an error: where a standard normal value as rare would lie."""
        q = self.quantiles
        if error < q[0]:
            return -self._tail(q[0] - error, 0)
        if error > q[-1]:
            return self._tail(error - q[-1], 1)
        k = min(bisect_right(q, error), len(q) - 1)
        width = q[k] - q[k - 1]
        return -EDGE + 0.25 * (k - 1 + ((error - q[k - 1]) / width if width > 0.0 else 0.5))

    def _tail(self, excess: float, side: int) -> float:
        shape, scale = self.tails[side]
        rest = 1.0 + shape * excess / scale
        share = BEYOND * rest ** (-1.0 / shape) if rest > 0.0 else 0.0
        return -NORMAL.inv_cdf(share) if share > 1e-32 else LARGEST

    def error(self, normal: float) -> float:
        """The error whose normal score this is."""
        q = self.quantiles
        if abs(normal) <= EDGE:
            return float(np.interp(normal, KNOTS, q))
        shape, scale = self.tails[int(normal > 0.0)]
        # far out NORMAL.cdf takes the difference of two numbers that are nearly one
        share = NORMAL.cdf(-abs(normal)) if abs(normal) < 6.0 else 0.5 * math.erfc(abs(normal) / math.sqrt(2.0))
        excess = scale / shape * ((share / BEYOND) ** -shape - 1.0)
        return q[-1] + excess if normal > 0.0 else q[0] - excess


@dataclass(frozen=True)
class Calibration:
    """errors   their distribution
    scales   rows over which normal scores are smoothed, growing
    levels   mean square of the smoothed scores, of each scale
    sizes    (mean, variance) of the smoothed roots of the scores' sizes, of each scale
    longest  rows of the longest run of equal values
    rows     that all this was learned from
    """

    errors: Errors
    scales: Annotated[tuple[int, ...], "(k,)"]
    levels: Annotated[tuple[float, ...], "(k,)"]
    sizes: Annotated[tuple[tuple[float, float], ...], "(k,)"]
    longest: int
    rows: int


def calibrate(errors: np.ndarray, values: np.ndarray, span: int) -> Calibration:
    """Of errors (n,) of values that were not learned from, and the values themselves; scales reach `span` rows."""
    found = _distribution(errors)
    normal = np.clip([found.normal(error) for error in errors.tolist()], -COUNTED, COUNTED)
    scales = scales_of(span, len(errors))
    levels: list[float] = []
    sizes: list[tuple[float, float]] = []
    for t in scales:
        white = least_of(t)
        squares = _smoothed(normal, t, 0.0)[t:] ** 2
        levels.append(max(white, float(np.minimum(squares, 20.0 * np.median(squares)).mean())))
        roots = _smoothed(np.sqrt(np.abs(normal)), t, ROOT)[t:]
        sizes.append((float(roots.mean()), max(ROOT_SPREAD**2 * white, float(roots.var()))))
    return Calibration(found, scales, tuple(levels), tuple(sizes), _longest_run(values), len(values))


def scales_of(span: int, rows: int) -> tuple[int, ...]:
    """The rows over which errors are smoothed, where so many rows calibrate them."""
    return tuple(t for t in SCALES if t <= max(span, SHORT) and WHOLE * t <= rows)


def least_of(scale: int) -> float:
    """What smoothing over `scale` rows makes of the variance of independent errors: no level is lower."""
    return 1.0 / (2 * scale - 1)


def score_of(normal: float, scale: int) -> float:
    """The score of errors smoothed over `scale` rows that are `normal` times their usual size.

    A smoothed normal series crosses a high level a, on either side, about 2 a phi(a) / scale times a row, where a is
    0.583 of the usual step higher because it is looked at once a row (Siegmund 1985); single errors lie beyond it
    2 phi(a) / a times.
    """
    if normal < 1.0:
        return 0.0
    if scale > 1:
        normal += 0.8245 / math.sqrt(scale)
        crossings = 2.0 * normal / scale
    else:
        crossings = 2.0 / normal
    return max(0.0, (0.5 * normal * normal + HALF_LOG - math.log(crossings)) / LN10)


def student_to_normal(t: float, freedom: float) -> float:
    """The normal score of Student's t > 0, to a few per cent (Wallace 1959): a size that was itself measured on few
    values says less."""
    return math.sqrt(freedom * math.log1p(t * t / freedom)) * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)


def _distribution(errors: np.ndarray) -> Errors:
    q = np.quantile(errors, [NORMAL.cdf(float(k)) for k in KNOTS])
    q += 1e-9 * max(float(q[-1] - q[0]), 1e-100) * KNOTS  # rising, where errors repeat
    low = _tail_of(q[0] - errors[errors < q[0]], USUAL_SCALE * float(q[6] - q[2]))
    high = _tail_of(errors[errors > q[-1]] - q[-1], USUAL_SCALE * float(q[10] - q[6]))
    return Errors(tuple(q.tolist()), (low, high))


def _tail_of(excess: np.ndarray, usual: float) -> tuple[float, float]:
    """Shape and scale by probability weighted moments (Hosking and Wallis 1987); the shape is drawn towards a usual
    one, and the scale a little to that of normal errors: a few dozen values say little about either."""
    n = len(excess)
    mean = (float(excess.sum()) + 5.0 * usual) / (n + 5.0)
    weighted = float((np.sort(excess) * (n - np.arange(n) - 0.65)).sum()) / max(n * n, 1)
    own = float(excess.mean()) if n else 0.0
    raw = 2.0 - own / (own - 2.0 * weighted) if own > 2.0 * weighted else 0.5
    shape = (n * min(max(raw, -0.2), 0.6) + USUAL_COUNT * USUAL_SHAPE) / (n + USUAL_COUNT)
    return shape if abs(shape) > 1e-3 else 1e-3, mean * (1.0 - shape)


def _smoothed(values: np.ndarray, scale: int, start: float) -> np.ndarray:
    found, last = np.empty(len(values)), start
    for i, value in enumerate(values.tolist()):
        last += (value - last) / scale
        found[i] = last
    return found


def _longest_run(values: np.ndarray) -> int:
    ends = np.flatnonzero(np.concatenate([[True], np.diff(values) != 0.0, [True]]))
    return int(np.diff(ends).max())
