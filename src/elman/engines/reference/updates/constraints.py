"""Updates under constraints: groups of parameters with rates of their own, frozen ones, bounds for single entries.

constraints.starts (S + 1,) cuts theta into segments; segment s has its learning rate multiplied by factors[s], and is
frozen where that is 0; its weights decay where decays[s]. Entries stay in [lower, upper], each (P,), or None: anywhere.
Where `constraints` is None, theta moves freely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import optim

__all__ = ["hold", "step"]


def hold(constraints: Any, gradient: np.ndarray) -> None:
    """Sets the gradient of what can't move to 0, in place, so that it is no part of the norm either."""
    if constraints is None:
        return
    starts = constraints.starts
    for begin, end, factor in zip(starts[:-1], starts[1:], constraints.factors, strict=True):
        if factor == 0:
            gradient[begin:end] = 0
    if constraints.lower is not None:
        gradient[constraints.lower == constraints.upper] = 0


def step(
    constraints: Any,
    optimizer: Any,
    theta: np.ndarray,
    slots: Sequence[np.ndarray],
    gradient: np.ndarray,
    rate: float,
    number: int,
    piece: slice,
) -> None:
    """Takes `optim.step` for a piece of theta, segment by segment, and then the bounds."""
    if constraints is None:
        optim.step(optimizer, theta[piece], [slot[piece] for slot in slots], gradient[piece], rate, number)
        return
    starts = constraints.starts
    segments = zip(starts[:-1], starts[1:], constraints.factors, constraints.decays, strict=True)
    for first, last, factor, decays in segments:
        part = slice(max(first, piece.start), min(last, piece.stop))
        if factor == 0 or part.start >= part.stop:
            continue
        own = optimizer if decays or not hasattr(optimizer, "weight_decay") else replace(optimizer, weight_decay=0.0)
        optim.step(own, theta[part], [slot[part] for slot in slots], gradient[part], rate * float(factor), number)
    if constraints.lower is not None:
        np.clip(theta[piece], constraints.lower[piece], constraints.upper[piece], out=theta[piece])
