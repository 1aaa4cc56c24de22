"""Drawing one of several outcomes from a network's outputs; native/engine/sampler.h does the same.

p_i is proportional to exp(logit_i / temperature); temperature 0 takes the most probable. `top_k` keeps so many of the
most probable, `top_p` the fewest of those whose probabilities sum to that share (nucleus sampling, Holtzman et al.
2020). The draw is the first outcome with which the running sum passes u times the whole, where u is a function of
(seed, row, number of the draw) alone; without `top_k` and `top_p` the sum runs in the order of the outcomes, else from
the most probable on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..random import BITS, DrawPlace, Draws

__all__ = ["Sampling", "pick", "uniform"]


class Sampling(NamedTuple):
    """How outcomes are drawn."""

    temperature: float
    top_k: int
    top_p: float
    seed: int


def uniform(seed: int, row: int, number: int) -> float:
    """Returns a multiple of 2^-48 in [0, 1)."""
    high, low = Draws(seed, 0, np.array([row])).bits(DrawPlace(0, 0), "sample", number, 2)[0].tolist()
    return (high + low / 2**BITS) / 2**BITS


def pick(how: Sampling, logits: np.ndarray, row: int, number: int) -> int:
    """Returns the outcome that draw `number` of a row takes by its logits (O,); -1 where these are not all numbers."""
    wide = logits.astype(np.float64)
    if how.temperature == 0:
        return -1 if np.isnan(wide).any() else int(wide.argmax())
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        p = np.exp((wide - wide.max()) / how.temperature)
    if np.isnan(p).any():
        return -1
    kept = np.arange(len(p))
    if how.top_k < len(p) or how.top_p < 1:
        kept = np.argsort(-p, kind="stable")[: how.top_k]
        if how.top_p < 1:
            whole = p[kept].cumsum()[-1] if how.top_k < len(p) else p.cumsum()[-1]
            kept = kept[: int((p[kept].cumsum() < how.top_p * whole).sum()) + 1]
    sums = p[kept].cumsum()
    passed = sums > uniform(how.seed, row, number) * sums[-1]
    return int(kept[passed.argmax()] if passed.any() else kept[np.flatnonzero(p[kept])[-1]])
