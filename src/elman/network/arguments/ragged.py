"""Lists of sequences of unequal length, as one array padded with 0 and the lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.core.checks import shown

__all__ = ["filled", "like_steps", "padded"]


def padded(name: str, value: object, axes: Sequence[int]) -> tuple[object, np.ndarray | None]:
    """Returns a list of sequences of unequal length as one array (B, T, ...), and their lengths, int64 (B,); any other
    value as it is, and None.

    axes  how many axes one sequence may have, the first of which are steps; lists of anything else stay as they are
    """
    if not isinstance(value, list | tuple) or len({_count(item) for item in value}) < 2:
        return value, None
    arrays = [_array(item) for item in value]
    if any(array is None or array.ndim not in axes for array in arrays):
        return value, None
    given: list[Any] = arrays
    first = given[0].shape[1:]
    for i, array in enumerate(given):
        if array.shape[1:] != first:
            expected = ", ".join(["T", *map(str, first)])
            raise ValueError(f"{name}[{i}]: expected shape ({expected}), as {name}[0] has, got {array.shape}")
        if not len(array):
            raise ValueError(f"{name}[{i}]: expected at least one step, got {shown(array)}")
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name}[{i}]: expected real numbers, got {shown(array)}")
    return filled(given)


def filled(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns sequences (T, ...), all but their steps of one shape, as one array padded with 0, and their lengths."""
    lengths = np.array([len(array) for array in arrays], np.int64)
    rows = np.zeros((len(arrays), int(lengths.max()), *arrays[0].shape[1:]), np.result_type(*arrays))
    for row, array in zip(rows, arrays, strict=True):
        row[: len(array)] = array
    return rows, lengths


def like_steps(name: str, value: object, lengths: np.ndarray, steps: int) -> object:
    """Returns a list of one sequence a row, each of its row's length, as an array (B, T, ...) of `steps` steps; any
    other value as it is. Raises ValueError where a sequence has another length than its row."""
    rows, own = padded(name, value, (1, 2))
    if own is None or not isinstance(rows, np.ndarray):
        return value
    if len(own) != len(lengths):
        raise ValueError(f"{name}: expected {len(lengths)} sequences, one a row, got {len(own)}")
    if (own != lengths).any():
        i = int((own != lengths).argmax())
        raise ValueError(f"{name}[{i}]: expected {lengths[i]} steps, as x has there, got {own[i]}")
    more = np.zeros((len(rows), steps - rows.shape[1], *rows.shape[2:]), rows.dtype)
    return np.concatenate([rows, more], axis=1)


def _count(item: Any) -> int:
    """Returns the length of an item, -1 where it has none."""
    try:
        return len(item)
    except TypeError:
        return -1


def _array(item: Any) -> np.ndarray | None:
    try:
        return np.asarray(item)
    except ValueError:
        return None
