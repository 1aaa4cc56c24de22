"""Checks options of the computation of gradients, and puts them into the form that engines take."""

from __future__ import annotations

import math

from elman.core.checks import count, number, shown, whole
from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.requests import Key, Objective

__all__ = ["as_key", "as_objective", "as_truncate", "segment"]


def as_key(key: object) -> Key | None:
    """Returns `key=` (seed, update), from which dropout, zoneout and noise draw; None draws nothing."""
    if key is None:
        return None
    if not isinstance(key, tuple) or len(key) != 2:
        raise TypeError(f"key: expected (seed, update), got {shown(key)}")
    return Key(whole("key[0]", key[0], low=0), whole("key[1]", key[1], low=0))


def as_truncate(truncate: object) -> int | None:
    """Returns `truncate=`, the most steps that a gradient of the state passes; None for all of them."""
    return None if truncate is None else count("truncate", truncate)


def as_objective(
    layout: Layout, loss: Loss, steps: int, activity_penalty: object, truncate: object, recompute: object, key: object
) -> tuple[Objective, int]:
    """Returns the options of `Network.loss_and_grad` for sequences of so many steps, as an engine's objective, and the
    number of the update that draws."""
    drawn, penalty = as_key(key), number("activity_penalty", activity_penalty, low=0.0)
    kept = segment(layout, loss, recompute, steps)
    seed, update = drawn or (None, 0)
    return Objective(loss, penalty, as_truncate(truncate), kept, seed=seed), update


def segment(layout: Layout, loss: Loss, recompute: object, steps: int) -> int | None:
    """Returns `recompute=` as the steps between two kept states: None for False, the root of T for True."""
    if recompute is False or recompute is None:
        return None
    if layout.whole:
        raise ValueError(f"recompute: expected False for a network of {layout.whole}, got {shown(recompute)}")
    if loss.ragged:
        raise ValueError(
            f"recompute: expected False for a loss of whole sequences ({loss.label}), got {shown(recompute)}"
        )
    return math.isqrt(max(0, steps - 1)) + 1 if recompute is True else count("recompute", recompute)
