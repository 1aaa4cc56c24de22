"""Drawn series for the witnesses of exponential smoothing: levels, trends and seasons of several strengths."""

from __future__ import annotations

import numpy as np

SEASON = 4


def drawn(seed: int, rows: int, alpha: float, beta: float, gamma: float, noise: float) -> np.ndarray:
    """A series that exponential smoothing with these parameters makes, above zero."""
    rng = np.random.default_rng(seed)
    level, trend, season = 100.0, rng.normal(0.0, 1.0), rng.normal(0.0, 8.0, SEASON)
    values = np.empty(rows)
    for t in range(rows):
        error = rng.normal(0.0, noise)
        values[t] = level + trend + season[t % SEASON] + error
        level, trend = level + trend + alpha * error, 0.95 * trend + beta * error
        season[t % SEASON] += gamma * error
    return np.maximum(values, 1.0)


SERIES = {
    "calm": drawn(1, 40, 0.1, 0.01, 0.05, 3.0),
    "walk": drawn(2, 60, 0.95, 0.0, 0.0, 4.0),
    "trend": drawn(3, 48, 0.6, 0.3, 0.05, 3.0),
    "season": drawn(4, 80, 0.3, 0.02, 0.5, 2.0),
    "short": drawn(5, 20, 0.4, 0.05, 0.1, 2.0),
    "noise": drawn(6, 100, 0.0, 0.0, 0.0, 10.0),
}
