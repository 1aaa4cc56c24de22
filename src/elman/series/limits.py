"""How large values may be, and how much may be asked for where the data do not say it."""

from __future__ import annotations

__all__ = [
    "BEYOND",
    "HIDDEN",
    "HORIZON",
    "LARGEST",
    "LEVELS",
    "MEMBERS",
    "ROLLED",
    "SEED",
    "SKIP",
    "SMALLEST",
    "UPDATES",
    "WINDOWS",
]

# A series' largest value lies between these, so that squares and ratios are still numbers; a forecast, which may well
# be larger, and its bounds do not lie beyond the third, whose square is one too
SMALLEST, LARGEST, BEYOND = 1e-100, 1e100, 1e150

# Beyond these, no machine's memory or patience suffices

HORIZON = 1_000_000  # rows, and from one window to the next
ROLLED = 1000  # times the trained horizon: rows that are forecast from forecasts
WINDOWS = 10_000
LEVELS = 100  # intervals
HIDDEN = 4096  # units of a network
MEMBERS = 1000  # networks
UPDATES = 1_000_000  # of a network's weights
SKIP = 1000  # seasons
SEED = 2**63 - 1
