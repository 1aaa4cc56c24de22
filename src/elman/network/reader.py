"""Makes networks from files: the class that `elman.load` asks for files of the kind "network"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.core.io import Shapes
from elman.core.parameters import Parameters
from elman.network import description
from elman.network.network import Network

__all__ = ["NetworkReader"]


class NetworkReader:
    """Reads what `Network.contents` described; an `elman.core.io.Reader`."""

    @classmethod
    def _file_shapes(cls, plain: Mapping[str, Any]) -> Shapes:
        """Returns shape and type of every tensor of a file with this description."""
        layout, dtype = description.from_plain("network", plain)
        return {each.name: (each.shape, dtype) for each in layout.parameters}

    @classmethod
    def _from_file(cls, plain: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Network:
        """Returns the network, from tensors of the shapes of `_file_shapes`."""
        layout, dtype = description.from_plain("network", plain)
        theta = np.empty(layout.size, dtype)
        parameters = Parameters(layout, theta)
        for name, array in tensors.items():
            parameters[name] = array
        return Network.from_theta(layout, theta)
