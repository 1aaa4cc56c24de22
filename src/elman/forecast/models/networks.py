"""Makes the networks of a model from the results of training, and checks networks that were read from a file."""

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
    """Warns that a forecast was made, but not by a fully trained network."""


def networks_of(layout: Layout, results: Sequence[Trained]) -> tuple[Network, ...]:
    """Returns the trained networks of an ensemble, and issues one ForecastWarning if any training failed.

    A network whose training failed has its weights from before; a new network repeats the last value or season. The
    backtest scores it like any other.
    """
    if any(trained.failed for trained in results):
        # the text is always the same, so that Python's default filter shows it once
        warnings.warn(
            "the training of a network failed, so its forecasts are those from before the training (a new network"
            " repeats the last value or season); the values may be too extreme to train on",
            ForecastWarning,
            stacklevel=3,
        )
    return tuple(Network.from_theta(layout, trained.theta) for trained in results)


def check_networks(
    networks: Sequence[Network], input_size: int, output_size: int, output: str = "last", skip: bool = True
) -> None:
    """Raises ValueError for networks that training does not make for a model with these sizes.

    `output` and `skip` are described in `training.layout_of`.
    """
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
            raise ValueError("networks: expected one recurrent layer, head and skip path, the same in all, got others")
        if network.dtype != np.float32 or not np.isfinite(network.theta).all():
            raise ValueError("networks.theta: expected finite numbers, float32")
