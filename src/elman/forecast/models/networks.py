"""The networks of a model: those that training gave, and whether those of a file are such."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from elman.core.layers import Layout
from elman.core.stack import is_stack
from elman.estimators.training import Trained
from elman.network import Network
from elman.series import limits

__all__ = ["ForecastWarning", "check_networks", "networks_of"]


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


def check_networks(
    networks: Sequence[Network], input_size: int, output_size: int, output: str = "last", skip: bool = True
) -> None:
    """ValueError where these are no networks that training makes for a model of these sizes."""
    if not 1 <= len(networks) <= limits.MEMBERS:
        raise ValueError(f"networks: expected 1 to {limits.MEMBERS} networks, got {len(networks)}")
    first = networks[0].layout.layers
    for network in networks:
        layout = network.layout
        if layout.input_size != input_size or layout.output_size != output_size:
            raise ValueError(
                f"networks: expected {input_size} inputs and {output_size} outputs, as the model has them, got"
                f" {layout.input_size} and {layout.output_size}"
            )
        if not is_stack(layout.layers, output_size, output, skip) or layout.layers != first:
            raise ValueError("networks: expected one recurrent layer and what the model's answer takes, in each alike")
        if network.dtype != np.float32 or not np.isfinite(network.theta).all():
            raise ValueError("networks.theta: expected finite numbers, float32")
