"""The loss of outputs that lie in an array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core.losses import CTC
from elman.engines import ctc as engine
from elman.network.ctc.outputs import as_classes, as_outputs

__all__ = ["loss", "loss_and_grad"]


def loss(
    outputs: ArrayLike,
    y: Any,
    *,
    lengths: ArrayLike | None = None,
    y_lengths: ArrayLike | None = None,
    blank: int = 0,
    impossible: str = "error",
) -> Any:
    """Returns -log p(y) of every row, float64 (B,); a number for one sequence.

    outputs (B, T, O), lengths (B,); y a list of B sequences of labels, or (B, U) with y_lengths (B,); blank and
    impossible as for `elman.losses.CTC`. `torch.nn.CTCLoss(reduction="none")` of their log softmax is the same.
    Raises ValueError for labels that are the blank or no class, and for targets that do not fit, with the row.
    """
    return _terms(outputs, y, lengths, y_lengths, CTC(blank, impossible), False)[0]


def loss_and_grad(
    outputs: ArrayLike,
    y: Any,
    *,
    lengths: ArrayLike | None = None,
    y_lengths: ArrayLike | None = None,
    blank: int = 0,
    impossible: str = "error",
) -> tuple[Any, np.ndarray]:
    """Returns what `loss` does, and the derivative of each row's value by its outputs, shaped like them and 0 past the
    lengths."""
    return _terms(outputs, y, lengths, y_lengths, CTC(blank, impossible), True)


def _terms(outputs: Any, y: Any, lengths: Any, y_lengths: Any, how: CTC, gradient: bool) -> tuple[Any, Any]:
    given = as_outputs(outputs, lengths, how.blank)
    labels, counts = as_classes(y, y_lengths, how, given)
    values, slopes = engine.value_and_gradient(how, given.values, given.lengths, labels, counts, gradient)
    if given.single:
        return float(values[0]), None if slopes is None else slopes[0]
    return values, slopes
