"""The search for the most probable labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.engines import ctc as engine
from elman.network.ctc.outputs import as_outputs

__all__ = ["Hypothesis", "beam_search"]


class Hypothesis(NamedTuple):
    """Labels that outputs may stand for."""

    labels: np.ndarray  # int64 (U,)
    log_probability: float  # of all their paths that the search followed; `loss` has it of all


def beam_search(
    outputs: ArrayLike,
    lengths: ArrayLike | None = None,
    *,
    beam_size: int = 16,
    n_best: int = 1,
    blank: int = 0,
) -> Any:
    """Returns the `n_best` most probable labels that a prefix beam search finds, as a list of `Hypothesis`, the most
    probable first: one list for each row, or for one sequence.

    beam_size  how many prefixes are kept from step to step; with as many as there are, the search is exact

    Hannun, Maas, Jurafsky and Ng 2014, without a language model. Where prefixes are equally probable, the order is
    fixed, so the same outputs give the same labels. `align` tells at which steps they stand.
    """
    given = as_outputs(outputs, lengths, blank)
    size, best = checks.whole("beam_size", beam_size, low=1), checks.whole("n_best", n_best, low=1)
    if best > size:
        raise ValueError(f"n_best: expected at most beam_size={size}, got {best}")
    found = engine.beam(given.values, given.lengths, blank, size, best)
    rows = [[Hypothesis(*one) for one in row] for row in found]
    return rows[0] if given.single else rows
