"""What becomes of networks whose training failed: they answer what they began with, and a warning says so."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from elman.core.layers import Layout
from elman.estimators.training import Trained
from elman.network import Network

__all__ = ["ForecastWarning", "networks_of"]


class ForecastWarning(UserWarning):
    """A forecast that stands, but is not what was asked for."""


def networks_of(layout: Layout, results: Sequence[Trained]) -> tuple[Network, ...]:
    """The trained networks of an ensemble. Where a training failed, a ForecastWarning says that the network answers
    as it did before: a new one repeats the last value or season. A backtest judges it as any other."""
    if any(trained.failed for trained in results):
        # the same words each time, so that they are said once
        warnings.warn(
            "the training of a network failed, so that it answers as it did before (a new network repeats the last"
            " value or season); the data may be too far from ordinary for it",
            ForecastWarning,
            stacklevel=3,
        )
    return tuple(Network.from_theta(layout, trained.theta) for trained in results)
