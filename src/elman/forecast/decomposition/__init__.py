"""Seasonal parts taken out of series, and put back: `decompose`."""

from elman.forecast.decomposition.decompose import Decomposition, decompose

__all__ = ["Decomposition", "decompose"]
