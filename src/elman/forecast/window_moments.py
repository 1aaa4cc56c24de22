"""Sums of products over all windows of series, from which linear regressions of forecasts are solved exactly.

Windows of w consecutive rows that begin one row apart share nearly all of their rows. The sum of the products of rows i
and j of all windows is that of rows i - 1 and j - 1, less the product that leaves it and plus the one that enters it.
So the sums cost O(w^2) for each series, however many windows it has, and no matrix of windows is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Moments", "Regression", "Solved", "window_moments"]

SEGMENTS_AT_ONCE = 256  # number of segments whose first and last rows are multiplied at once


class Moments(NamedTuple):
    """Sums over all windows, whose rows are a context z_0 .. z_{c-1} and a horizon z_c .. z_{c+h-1}."""

    windows: int  # number of windows
    products: np.ndarray  # (c, c + h), sums of z_i z_j for i < c
    squares: np.ndarray  # (h,), sums of the squares of the rows of the horizon


def window_moments(segments: Iterable[np.ndarray], context: int, horizon: int) -> Moments:
    """Returns the moments of all windows in segments, (n,) each with n >= context + horizon, float64."""
    width = context + horizon
    windows, first = 0, np.zeros(width)
    change, squares = np.zeros((context - 1, width - 1)), np.zeros(width - 1)
    for block in _blocks(segments):
        counts = [len(z) - width + 1 for z in block]
        windows += sum(counts)
        for z, m in zip(block, counts, strict=True):
            first += np.correlate(z, z[:m], "valid")
        left = np.array([z[: width - 1] for z in block])
        entered = np.array([z[m : m + width - 1] for z, m in zip(block, counts, strict=True)])
        change += entered[:, : context - 1].T @ entered - left[:, : context - 1].T @ left
        squares += (entered**2 - left**2).sum(axis=0)
    products = np.empty((context, width))
    products[0] = first
    for i in range(1, context):
        products[i, :i] = products[:i, i]
        products[i, i:] = products[i - 1, i - 1 : -1] + change[i - 1, i - 1 :]
    return Moments(windows, products, (first[0] + np.cumsum(squares))[context - 1 :])


def _blocks(segments: Iterable[np.ndarray]) -> Iterable[Sequence[np.ndarray]]:
    """Yields the segments in lists of at most SEGMENTS_AT_ONCE."""
    block: list[np.ndarray] = []
    for z in segments:
        block.append(z)
        if len(block) == SEGMENTS_AT_ONCE:
            yield block
            block = []
    if block:
        yield block


class Regression:
    """The least squares problem of windows: the rows of the horizon, less their base, from the rows of the context,
    less the level of the window.

    Both are linear in the context x (c,): the level is the mean of its last `level_rows` rows, and the base of row j of
    the horizon is the row `lag` rows (or a multiple) before. So the forecast is W x with W (h, c), each row of which
    adds up to 1: a shift of all rows shifts the forecast. With `level_rows` 0 the level is 0, and forecasts revert to 0
    as far as the windows say. The penalty shrinks W to the rule of the base.

    gram      (c, c) sums of products of inputs
    cross     (c, h) sums of products of inputs and targets
    squares   (h,) sums of squared targets
    """

    def __init__(self, moments: Moments, level_rows: int, lag: int) -> None:
        context = len(moments.products)
        products, cross = moments.products[:, :context], moments.products[:, context:]
        horizon = cross.shape[1]
        self.windows = moments.windows
        self._level_rows = level_rows
        self._base = context - lag + np.arange(horizon) % lag
        own = products[:, self._base]
        self.squares = (
            moments.squares - 2.0 * cross[self._base, np.arange(horizon)] + own[self._base, np.arange(horizon)]
        )
        self.gram = self._less_level(self._less_level(products).T)
        self.cross = self._less_level(cross - own)

    def _less_level(self, products: np.ndarray) -> np.ndarray:
        """Returns the sums of products (c, k) of rows less the level, from those (c, k) of rows."""
        return products - products[-self._level_rows :].mean(axis=0) if self._level_rows else products

    def weights(self, slopes: np.ndarray) -> np.ndarray:
        """Returns the weights (h, c) of the rows of the context, from those (c, h) of the inputs."""
        found = slopes.T.copy()
        if self._level_rows:
            found[:, -self._level_rows :] -= slopes.sum(axis=0)[:, None] / self._level_rows
        found[np.arange(len(found)), self._base] += 1.0
        return found


class Solved:
    """The solutions of ridge regressions with any penalties, from one eigendecomposition of the Gram matrix.

    A penalty is a multiple of the mean eigenvalue.
    """

    def __init__(self, gram: np.ndarray) -> None:
        values, self._vectors = np.linalg.eigh(gram)
        self._values = np.maximum(values, 0.0)
        self._mean = max(float(self._values.mean()), np.finfo(np.float64).tiny ** 0.5)

    def slopes(self, cross: np.ndarray, penalty: float) -> np.ndarray:
        """Returns the slopes (c, h) of the regression with these sums of products (c, h) of inputs and targets."""
        return self._vectors @ ((self._vectors.T @ cross) / self._damped(penalty)[:, None])

    def errors(self, trained: Regression, scored: Regression, penalties: Sequence[float]) -> np.ndarray:
        """Returns the sum of squared errors (penalties,) of the solutions of `trained` in the windows of `scored`."""
        rotated = self._vectors.T @ trained.cross
        linear = (rotated * (self._vectors.T @ scored.cross)).sum(axis=1)
        gram = self._vectors.T @ scored.gram @ self._vectors
        quadratic = (rotated @ rotated.T) * gram
        shares = [1.0 / self._damped(penalty) for penalty in penalties]
        return scored.squares.sum() + np.array([s @ quadratic @ s - 2.0 * s @ linear for s in shares])

    def _damped(self, penalty: float) -> np.ndarray:
        return self._values + penalty * self._mean
