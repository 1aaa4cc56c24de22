"""Checks outputs of a network, given as an array, and their targets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.losses import CTC
from elman.network.arguments.named import as_lengths
from elman.network.arguments.targets import as_ragged
from elman.network.arguments.values import as_real, check_finite, check_width

__all__ = ["Outputs", "as_classes", "as_outputs"]


class Outputs(NamedTuple):
    """Outputs of B rows."""

    values: np.ndarray  # (B, T, O), float32 or float64
    lengths: np.ndarray  # int64 (B,)
    single: bool  # whether they came as one sequence


def as_outputs(outputs: Any, lengths: Any, blank: Any) -> Outputs:
    """Returns outputs and lengths as they are checked; raises ValueError and TypeError for what is none."""
    single_precision = getattr(outputs, "dtype", None) == np.float32
    array = as_real("outputs", outputs, np.dtype(np.float32 if single_precision else np.float64))
    check_width("outputs", array.shape, [("B", "T", "O"), ("T", "O")])
    single = array.ndim == 2
    array = array[None] if single else array
    if single and lengths is not None:
        lengths = [checks.whole("lengths", lengths, low=1)]
    ends = as_lengths("lengths", lengths, len(array), array.shape[1])
    check_finite("outputs", array, np.arange(array.shape[1]) < ends[:, None], single, steps=True)
    if checks.whole("blank", blank, low=0) >= array.shape[2]:
        raise ValueError(f"blank: expected one of the {array.shape[2]} classes of the outputs, got {blank}")
    return Outputs(np.ascontiguousarray(array), ends, single)


def as_classes(y: Any, y_lengths: Any, how: CTC, outputs: Outputs) -> tuple[np.ndarray, np.ndarray]:
    """Returns the targets (B, U) and their lengths (B,), checked against the outputs."""
    y, y_lengths = as_ragged(y, y_lengths, how, outputs.lengths, outputs.values.shape[2], outputs.single)
    return y.astype(np.int64, copy=False), y_lengths
