"""What kind of anomaly a row shows, in words."""

from __future__ import annotations

__all__ = ["FLAT", "KINDS", "NONE", "kind_of_level", "kind_of_spread", "kind_of_value"]

KINDS = (
    "",
    "spike",
    "dip",
    "missing peak",
    "missing low",
    "level shift up",
    "level shift down",
    "burst",
    "more spread",
    "less spread",
    "flat line",
    "changed season",
)
NONE, SPIKE, DIP, NO_PEAK, NO_LOW, LEVEL_UP, LEVEL_DOWN, BURST, MORE, LESS, FLAT, SEASON = range(len(KINDS))
BURST_ROWS = 8  # more spread of so few rows is a burst


def kind_of_value(error: float, seasonal: float, deviation: float, usual: float) -> int:
    """Returns the kind of a single value: its number among KINDS.

    error      the value less the forecast;  seasonal  the seasonal effect, above the level
    deviation  the value less the level;  usual  the size of usual deviations
    """
    missing = abs(seasonal) > 3.0 * usual and abs(deviation) < 0.5 * abs(seasonal)
    if error < 0.0:
        return NO_PEAK if missing and seasonal > 0.0 else DIP
    return NO_LOW if missing and seasonal < 0.0 else SPIKE


def kind_of_level(smoothed: float) -> int:
    """Returns the kind of a changed level from the smoothed normal score."""
    return LEVEL_UP if smoothed > 0.0 else LEVEL_DOWN


def kind_of_spread(more: bool, scale: int, seasonal: bool, span: int) -> int:
    """Returns the kind of a changed spread of `scale` rows; many large errors of both signs are a changed season."""
    if not more:
        return LESS
    if scale <= BURST_ROWS:
        return BURST
    return SEASON if seasonal and 2 * scale >= span else MORE
