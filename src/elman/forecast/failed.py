"""What becomes of a network whose training failed: it answers nothing, so what it adds to is the forecast."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager

from elman.network import Network
from elman.train.training import TrainingError

__all__ = ["ForecastWarning", "kept_simple"]


class ForecastWarning(UserWarning):
    """A forecast that stands, but is not what was asked for."""


@contextmanager
def kept_simple(network: Network) -> Generator[None]:
    """Trains a network in its body; where that ends in a TrainingError, the network's weights are 0 from then on, and a
    ForecastWarning says so. Its forecast is then the last value or season: the backtest judges it as any other."""
    try:
        yield
    except TrainingError:
        network.theta[...] = 0.0
        # the same words each time, so that they are said once
        warnings.warn(
            "the training of a network failed, so that it repeats the last value or season; the data may be too far"
            " from ordinary for it",
            ForecastWarning,
            stacklevel=3,
        )
