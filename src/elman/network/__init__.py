"""A network and its uses: prediction, gradients, one step at a time, gradients checked, fixed points."""

from __future__ import annotations

from elman.network.network import Network

__all__ = ["Network"]
