"""Checks targets: the shape, type and range that a loss asks of y."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.network.arguments.named import as_lengths
from elman.network.arguments.values import as_array, as_real, as_whole, check_finite, check_range, check_width, refuse

__all__ = ["as_ragged", "as_targets", "target_width"]


def target_width(layout: Layout, loss: Loss) -> int | None:
    """Returns the size of y's last axis, or None where targets are whole numbers, without that axis. Raises ValueError
    where the network's outputs are no multiple of what the loss takes for a target."""
    if loss.ragged and layout.last:
        raise ValueError(f"loss: expected a network with an output at every step for {loss.label}, got one behind Last")
    if loss.ragged and layout.parts[-1].layer.kind == "adaptive_softmax":
        raise ValueError(f"loss: expected a network that ends with a Dense for {loss.label}, got an AdaptiveSoftmax")
    return loss.target_width(layout.output_size)


def as_targets(
    layout: Layout,
    dtype: np.dtype[Any],
    y: object,
    loss: Loss,
    n: int,
    steps: int,
    valid: np.ndarray | None,
    single: bool,
) -> np.ndarray:
    """Returns y with the axis B, checked for a batch of n sequences at the steps where `valid` (n, T) holds."""
    lead, mask = ((n,), None) if layout.last else ((n, steps), valid)
    width = target_width(layout, loss)
    if width is None:
        array = as_whole("y", y, f"whole numbers, the classes (loss is {loss.label})")
        array = array[None] if single else array
        check_width("y", array.shape[1:] if single else array.shape, [lead[1:] if single else lead])
        check_range("y", array, mask, single, layout.output_size, steps=not layout.last)
        return array
    array = as_real("y", y, dtype)
    array = array[None] if single else array
    if width == 1 and array.shape == lead:
        array = array[..., None]
    shape = (*lead, width)
    check_width("y", array.shape[1:] if single else array.shape, [shape[1:] if single else shape])
    check_finite("y", array, mask, single, steps=not layout.last)
    low, high = loss.low, loss.high
    if low is not None and high is not None:
        expected = f"numbers in [{low:g}, {high:g}] (loss is {loss.label})"
        refuse("y", array, (array < low) | (array > high), mask, single, not layout.last, expected)
    return array


def as_ragged(
    y: object, lengths: object, loss: Loss, ends: np.ndarray, outputs: int, single: bool
) -> tuple[np.ndarray, np.ndarray]:
    """One sequence of classes a row, from a list of sequences or from an array and its lengths: int64 (n, U) and its
    rows' lengths (n,), from 0 to U. `ends` (n,) are the lengths of the outputs, which are so many a step."""
    n = len(ends)
    expected = f"one sequence of whole numbers a row (loss is {loss.label})"
    given: Any = [y] if single else y
    if isinstance(given, list | tuple) and lengths is None:
        rows = [as_array("y", row, "iu", expected) if len(row) else np.zeros(0, np.int64) for row in given]
        if len(rows) != n or any(row.ndim != 1 for row in rows):
            raise ValueError(f"y: expected {expected}, got {len(rows)} for {n} rows")
        lengths = np.array([len(row) for row in rows], np.int64)
        given = np.zeros((n, max(1, int(lengths.max()))), np.int64)
        for to, row in zip(given, rows, strict=True):
            to[: len(row)] = row
    array = as_whole("y", given, expected)
    check_width("y", array.shape, [(n, "U")])
    counts = as_lengths("lengths['y']", lengths, n, array.shape[1], 0)
    check_range("y", array, np.arange(array.shape[1]) < counts[:, None], single, outputs)
    loss.check_rows(array, counts, ends)
    return array, counts
