"""Finds fixed and slow points of a network's state under a constant input, and how the state moves near them.

With x held constant, a step of the network is a map of its state, s -> F(s). The state rests where F(s) = s, and moves
slowly where that is almost so; the Jacobian dF/ds there says which directions decay, persist or grow. This is a way to
understand a trained network's computation (Sussillo and Barak 2013). The state s (S,) is all of `network.state_names`
joined in their order: h, or h and c, of every layer. Everything is computed in float64, whatever the network's dtype.
"""

from __future__ import annotations

from elman.network.inspect.flow import jacobian, joined, step
from elman.network.inspect.points import FixedPoint, FixedPoints
from elman.network.inspect.search import fixed_points

__all__ = ["FixedPoint", "FixedPoints", "fixed_points", "jacobian", "joined", "step"]
