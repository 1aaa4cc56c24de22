"""A series with a season of 48 rows and the options of quick detectors, for tests of detectors."""

from __future__ import annotations

import numpy as np

from benchmarks import drawn_series as drawn

QUICK = {"effort": "fast", "hidden_size": 8}
EVERY = 48


def wave(rows: int = 3000, seed: int = 0) -> np.ndarray:
    """Days of 48 rows on a level, with autocorrelated noise."""
    noise = drawn.autoregressive(np.random.default_rng(seed), rows, 0.6)
    return 100 + 10 * np.sin(2 * np.pi * np.arange(rows) / EVERY) + noise


def dates(rows: int) -> np.ndarray:
    return np.datetime64("2024-01-01") + np.timedelta64(30, "m") * np.arange(rows)
