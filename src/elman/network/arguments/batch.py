"""Data from users as an engine's Batch: x, y, lengths, weights and the initial state, checked together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.requests import Batch
from elman.network.arguments.states import as_state
from elman.network.arguments.targets import as_targets, has_classes
from elman.network.arguments.values import as_array, as_real, as_whole, check_finite, check_range, check_width, refuse

__all__ = ["as_batch", "check_unchanged"]


def as_batch(
    layout: Layout,
    dtype: np.dtype[Any],
    x: object,
    y: object = None,
    *,
    loss: Loss | None = None,
    lengths: object = None,
    sample_weight: object = None,
    state: Mapping[str, Any] | None = None,
) -> tuple[Batch, bool]:
    """The data as an engine's Batch, and whether x was one sequence, without the axis B.

    x              (B, T, D) or (T, D) real; behind an Embedding (B, T) or (T,) whole numbers below its table's rows
    y              read where `loss` is given: (B, T, O), or (B, O) behind Last; the last axis may be left out where
                   it is 1; classes for cross entropy (B, T) or (B,); without B for one sequence
    lengths        (B,) whole numbers in [1, T]; one number for one sequence
    sample_weight  (B, T) or (B,), at least 0, with a positive sum
    state          names of `layout.states` -> (B, size); what is missing is zero

    Raises TypeError for what is no number, ValueError for shapes, ranges, NaN and infinity, with their place.
    """
    rows, single = _inputs(layout, dtype, x)
    n, steps = rows.shape[:2]
    counts = _lengths(lengths, n, steps, single)
    valid = None if counts is None else np.arange(steps) < counts[:, None]
    if layout.integer_input:
        check_range("x", rows, valid, single, _vocabulary(layout))
    else:
        check_finite("x", rows, valid, single, steps=True)
    targets = None if loss is None else as_targets(layout, dtype, y, loss, n, steps, valid, single)
    weight = _weight(layout, dtype, sample_weight, n, steps, valid, single)
    given = None if state is None else as_state("state", layout, dtype, state, n)
    return Batch(rows, targets, counts, weight, given), single


def check_unchanged(layout: Layout, batch: Batch, loss: Loss) -> None:
    """Raises ValueError where ids or labels of a checked batch lie outside of their range now.

    The arrays are the caller's, who may have written to them since; an engine takes such a number for NaN.
    """
    steps = batch.x.shape[1]
    valid = None if batch.lengths is None else np.arange(steps) < batch.lengths[:, None]
    try:
        if layout.integer_input:
            check_range("x", batch.x, valid, False, _vocabulary(layout))
        if has_classes(loss) and batch.y is not None:
            mask = None if layout.last else valid
            check_range("y", batch.y, mask, False, layout.output_size, steps=not layout.last)
    except ValueError as error:
        raise ValueError(f"{error}, where another number stood when training began") from None


def _vocabulary(layout: Layout) -> int:
    """The number of ids that an Embedding at the network's beginning knows."""
    return layout.parts[0].layer.num_embeddings  # type: ignore[union-attr]


def _inputs(layout: Layout, dtype: np.dtype[Any], x: object) -> tuple[np.ndarray, bool]:
    """x with the axis B, and whether it came without."""
    if layout.integer_input:
        array, tail = as_whole("x", x, "whole numbers (the network begins with an Embedding)"), ()
    else:
        array, tail = as_real("x", x, dtype), (layout.input_size,)
    if array.ndim != 2 + len(tail) or array.shape[2:] != tail or not array.size:
        check_width("x", array.shape, [("B", "T", *tail), ("T", *tail)])
    single = array.ndim == 1 + len(tail)
    return (array[None], True) if single else (array, False)


def _lengths(lengths: object, n: int, steps: int, single: bool) -> np.ndarray | None:
    """Each row's number of steps, int64 (n,)."""
    if lengths is None:
        return None
    array = as_array("lengths", lengths, "iu", "whole numbers").astype(np.int64)
    array = array[None] if single and array.ndim == 0 else array
    check_width("lengths", array.shape, [(n,)])
    bad = (array < 1) | (array > steps)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"lengths: expected whole numbers in [1, {steps}], got {array[row]} at row {row}")
    return array


def _weight(
    layout: Layout,
    dtype: np.dtype[Any],
    weight: object,
    n: int,
    steps: int,
    valid: np.ndarray | None,
    single: bool,
) -> np.ndarray | None:
    """Weights (n, T), or (n,) behind Last; one weight a row counts at each of its steps."""
    if weight is None:
        return None
    array = as_real("sample_weight", weight, dtype)
    lead = (n,) if layout.last else (n, steps)
    if single and array.shape == lead[1:]:
        array = array[None]
    check_width("sample_weight", array.shape, [lead] if layout.last else [lead, (n,)])
    by_step = array.ndim == 2
    mask = valid if by_step else None
    check_finite("sample_weight", array, mask, single, steps=by_step)
    refuse("sample_weight", array, array < 0, mask, single, by_step, "numbers of at least 0")
    if not (array > 0 if mask is None else (array > 0) & mask).any():
        raise ValueError("sample_weight: expected at least one weight above 0, got zeros alone")
    if array.ndim < len(lead):  # one weight a row: the same at each of its steps
        array = np.repeat(array[:, None], steps, axis=1)
    return np.ascontiguousarray(array)
