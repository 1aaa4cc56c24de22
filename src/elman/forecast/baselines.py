"""What a forecast has to beat: rules that learn nothing (Hyndman and Athanasopoulos, Forecasting, section 5.2)."""

from __future__ import annotations

import numpy as np

__all__ = ["baselines", "drift", "naive", "seasonal_naive"]


def naive(values: np.ndarray, horizon: int) -> np.ndarray:
    """The last value, for ever: values (n,) -> (horizon,)."""
    return np.full(horizon, values[-1])


def seasonal_naive(values: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The last season, repeated: values (n,), n >= season -> (horizon,)."""
    return np.resize(values[-season:], horizon)


def drift(values: np.ndarray, horizon: int) -> np.ndarray:
    """The straight line through the first and the last value, carried on: values (n,), n >= 2 -> (horizon,)."""
    slope = (values[-1] - values[0]) / (len(values) - 1)
    return values[-1] + slope * np.arange(1, horizon + 1)


def baselines(values: np.ndarray, horizon: int, season: int) -> dict[str, np.ndarray]:
    """Every rule's forecast (horizon,) by its name; the seasonal one equals the naive where there is no season."""
    return {
        "naive": naive(values, horizon),
        "seasonal naive": seasonal_naive(values, horizon, season),
        "drift": drift(values, horizon),
    }
