"""The part of a year in rows that are no whole number of it: harmonics of its true length, fitted to means of rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Annual", "find_annual", "harmonics"]

PARTS = 52  # of a year at most, whose means are fitted
MOST = 6  # harmonics
STEPS = 3  # in which the dependence of neighbouring means is found


class Annual(NamedTuple):
    """The part of a year: coefficients of cosine and sine of harmonics 1 to K of a year of `rows` rows."""

    rows: float
    coefficients: np.ndarray  # (2 K,)

    def at(self, row: np.ndarray) -> np.ndarray:
        """Returns the part at rows, counted from the first."""
        return harmonics(row, self.rows, len(self.coefficients) // 2) @ self.coefficients


def harmonics(row: np.ndarray, rows: float, count: int) -> np.ndarray:
    """Returns cosines and sines (n, 2 count) of the first `count` harmonics of a period of `rows` rows."""
    turn = 2.0 * np.pi / rows * np.asarray(row, dtype=np.float64)[:, None] * np.arange(1, count + 1)
    return np.stack([np.cos(turn), np.sin(turn)], axis=2).reshape(len(turn), 2 * count)


def find_annual(values: np.ndarray, rows: float) -> Annual:
    """Returns the part of a year in values (n,) with at least two years of `rows` rows.

    The means of parts of a year are fitted by a level that may bend once a year, and harmonics; neighbouring errors
    depend on each other as an autoregression says that is fitted with them. The number of harmonics has the least
    AICc, and each is shrunk by what its error adds to it.
    """
    width = max(1, int(rows / PARTS))
    count = len(values) // width
    start = len(values) - count * width
    means = values[start:].reshape(count, width).mean(axis=1)
    middle = start + width * np.arange(count) + (width - 1) / 2.0
    trend = _trend(middle, rows)
    best: tuple[float, np.ndarray] = (np.inf, np.zeros(2))
    for k in range(1, MOST + 1):
        if 2 * k + trend.shape[1] + 2 > count // 2:
            break
        wave = harmonics(middle, rows, k)
        wave *= np.repeat(_kept(np.arange(1, k + 1) * width / rows), 2)  # a mean over rows has a smaller wave
        found = _fit(means, trend, wave)
        if found[0] < best[0]:
            best = found
    return Annual(rows, best[1])


def _kept(turns: np.ndarray) -> np.ndarray:
    """Returns the part of a wave that is left of it in means over so many turns."""
    return np.sinc(turns)


def _trend(row: np.ndarray, rows: float) -> np.ndarray:
    """Returns a constant, a slope, and a bend for each year but the first half and the last (n, 1 + bends)."""
    at = row / rows
    bends = np.arange(1.0, at[-1] - 0.75, 1.0)
    return np.column_stack([np.ones(len(at)), at, *(np.maximum(at - b, 0.0) for b in bends)])


def _fit(values: np.ndarray, trend: np.ndarray, wave: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the AICc of a fit, and the coefficients of its waves, shrunk."""
    x, n, own = np.hstack([trend, wave]), len(values), wave.shape[1]
    phi, solved, left, inverse, weights = 0.0, np.zeros(x.shape[1]), values, np.eye(x.shape[1]), np.ones(n)
    for _ in range(STEPS):
        root = np.sqrt(1.0 - phi * phi)
        y = np.concatenate([[root * values[0]], values[1:] - phi * values[:-1]])
        z = np.vstack([root * x[:1], x[1:] - phi * x[:-1]])
        weights = np.ones(n)
        for _ in range(3):  # means far off weigh less
            inverse = np.linalg.pinv(z.T @ (weights[:, None] * z))
            solved = inverse @ (z.T @ (weights * y))
            left = y - z @ solved
            spread = 1.4826 * float(np.median(np.abs(left))) + 1e-300
            weights = np.minimum(1.0, 2.0 * spread / np.maximum(np.abs(left), 1e-300))
        error = values - x @ solved
        phi = float(np.clip(error[1:] @ error[:-1] / max(float(error @ error), 1e-300), 0.0, 0.98))
    free = n - x.shape[1] - 1
    variance = max(float((weights * left**2).sum()) / max(float(weights.sum()) - x.shape[1], 1.0), 1e-300)
    parameters = x.shape[1] + 1
    score = n * np.log(variance) + 2.0 * parameters * n / max(free, 1)
    coefficients = solved[-own:].reshape(-1, 2)
    noise = variance * np.diag(inverse)[-own:].reshape(-1, 2).sum(axis=1)
    power = (coefficients**2).sum(axis=1)
    shrink = np.maximum(0.0, 1.0 - noise / np.maximum(power, 1e-300))
    return float(score), (coefficients * shrink[:, None]).ravel()
