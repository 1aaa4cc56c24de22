"""A network and its uses: prediction, gradients, streaming, gradient checks, fixed points."""

from __future__ import annotations

from elman.network.network import Network

__all__ = ["Network"]
