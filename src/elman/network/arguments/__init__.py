"""Checks what users hand to a network, once, and puts it into the form that engines take without checks.

Arrays of the network's dtype are passed on as they are, strided views included; everything else is converted. Values
past a row's length are never read.
"""

from __future__ import annotations

from elman.network.arguments.batch import as_batch, check_unchanged, vocabulary
from elman.network.arguments.named import Inputs, State
from elman.network.arguments.options import as_key, as_objective, as_truncate, segment
from elman.network.arguments.states import as_gradient, as_hidden_upstream, as_state, as_upstream
from elman.network.arguments.targets import target_width
from elman.network.arguments.values import as_array, as_dtype, as_real, as_whole, check_width, is_finite

__all__ = [
    "Inputs",
    "State",
    "as_array",
    "as_batch",
    "as_dtype",
    "as_gradient",
    "as_hidden_upstream",
    "as_key",
    "as_objective",
    "as_real",
    "as_state",
    "as_truncate",
    "as_upstream",
    "as_whole",
    "check_unchanged",
    "check_width",
    "is_finite",
    "segment",
    "target_width",
    "vocabulary",
]
