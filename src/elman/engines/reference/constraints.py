"""Updates under rules: groups of parameters with rates of their own, frozen ones, bounds for single entries.

rules.starts (S + 1,) cuts theta into segments; segment s has its learning rate multiplied by factors[s], and is frozen
where that is 0; its weights decay where decays[s]. Entries stay in [lower, upper] (each (P,), or None: anywhere).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import optim

__all__ = ["hold", "step"]


def hold(rules: Any, gradient: np.ndarray) -> None:
    """What can't move has no gradient, in place, so that it is no part of the norm either."""
    for begin, end, factor in zip(rules.starts[:-1], rules.starts[1:], rules.factors, strict=True):
        if factor == 0:
            gradient[begin:end] = 0
    if rules.lower is not None:
        gradient[rules.lower == rules.upper] = 0


def step(
    rules: Any,
    optimizer: Any,
    theta: np.ndarray,
    slots: Sequence[np.ndarray],
    gradient: np.ndarray,
    rate: float,
    number: int,
) -> None:
    """`optim.step`, segment by segment; then the bounds."""
    for begin, end, factor, decays in zip(
        rules.starts[:-1], rules.starts[1:], rules.factors, rules.decays, strict=True
    ):
        if factor == 0:
            continue
        own = optimizer if decays or not hasattr(optimizer, "weight_decay") else replace(optimizer, weight_decay=0.0)
        parts = [slot[begin:end] for slot in slots]
        optim.step(own, theta[begin:end], parts, gradient[begin:end], rate * float(factor), number)
    if rules.lower is not None:
        np.clip(theta, rules.lower, rules.upper, out=theta)
