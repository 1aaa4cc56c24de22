"""What a network does, measured: fixed and slow points of its state under a constant input, and how it moves near them.

With x held constant a step of the network is a map of its state, s -> F(s). Where F(s) = s the state rests; where it is
almost so, it lingers; and the Jacobian dF/ds there says which directions decay, persist or grow. This is how a trained
network's computation is read (Sussillo and Barak 2013). The state s (S,) is all of `network.state_names` joined in
their order: h, or h and c, of every layer. All is computed in float64, whatever the network's type.
"""

from __future__ import annotations

from elman.network.inspect.flow import jacobian, joined, step
from elman.network.inspect.points import FixedPoint, FixedPoints
from elman.network.inspect.search import fixed_points

__all__ = ["FixedPoint", "FixedPoints", "fixed_points", "jacobian", "joined", "step"]
