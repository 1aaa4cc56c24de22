"""Bounds of values, and of options that would else exhaust the memory of any machine."""

from __future__ import annotations

__all__ = [
    "HIDDEN",
    "HORIZON",
    "LARGEST",
    "LARGEST_FORECAST",
    "LEVELS",
    "MEMBERS",
    "RECURSIVE_HORIZONS",
    "SEED",
    "SKIP",
    "SMALLEST",
    "UPDATES",
    "WINDOWS",
]

# The largest absolute value of a series lies between the first two, so that squares and ratios are finite; forecasts
# and their bounds, which may be larger, lie below the third, whose square is finite too
SMALLEST, LARGEST, LARGEST_FORECAST = 1e-100, 1e100, 1e150

HORIZON = 1_000_000  # rows of a forecast, and from one backtest window to the next
RECURSIVE_HORIZONS = 1000  # horizons: as many times the trained horizon may be forecast from forecasts
WINDOWS = 10_000  # of a backtest
LEVELS = 100  # intervals
HIDDEN = 4096  # units of a network
MEMBERS = 1000  # networks of an ensemble
UPDATES = 1_000_000  # of the weights of a network
SKIP = 1000  # seasons
SEED = 2**63 - 1
