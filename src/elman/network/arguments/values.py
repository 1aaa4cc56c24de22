"""Checks arrays from users: their type, their shape, and whether values are finite or in a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.core.checks import shown
from elman.engines.select import finite_check

__all__ = [
    "as_array",
    "as_dtype",
    "as_real",
    "as_whole",
    "check_finite",
    "check_range",
    "check_width",
    "is_finite",
    "refuse",
]


def as_dtype(dtype: object) -> np.dtype[Any]:
    """Returns float32 or float64, from its name or NumPy's type."""
    try:
        result = np.dtype(dtype)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise TypeError(f"dtype: expected 'float32' or 'float64', got {shown(dtype)}") from None
    if result not in (np.dtype(np.float32), np.dtype(np.float64)) or dtype is None:
        raise ValueError(f"dtype: expected 'float32' or 'float64', got {shown(dtype)}")
    return result.newbyteorder("=")


def as_real(name: str, value: object, dtype: np.dtype[Any]) -> np.ndarray:
    """Returns an array of `dtype`; one that has it already as it is, whatever its strides."""
    # most calls, which take microseconds, hand over such an array
    if type(value) is np.ndarray and value.dtype == dtype and value.flags.aligned:
        return value
    array = as_array(name, value, "biuf", "real numbers")
    if array.dtype != dtype or not array.flags.aligned:
        with np.errstate(over="ignore"):  # what becomes infinite is refused afterwards, with its place
            array = array.astype(dtype)
    return array


def as_whole(name: str, value: object, expected: str) -> np.ndarray:
    """Returns an array of whole numbers in the machine's own byte order, of any of NumPy's integer types: one that is
    already as it is, whatever its strides, so that a memory-mapped text is read in place."""
    array = as_array(name, value, "iu", expected)
    return array.astype(array.dtype.newbyteorder("="), copy=not array.flags.aligned)


def as_array(name: str, value: object, kinds: str, expected: str) -> np.ndarray:
    """Returns an array whose dtype is of one of these kinds (NumPy's letters), which a message calls `expected`."""
    try:
        array = np.asarray(value)
    except ValueError:  # nested lists of unequal length
        raise ValueError(f"{name}: expected {expected} in rows of equal length, got {shown(value)}") from None
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name}: expected {expected}, got {shown(value if array.ndim == 0 else array)}")
    return array


def is_finite(array: np.ndarray) -> bool:
    """Returns whether no entry of an array of float32 or float64 is NaN or infinite."""
    try:
        return finite_check()(array)
    except (TypeError, ValueError):  # strides that are no multiple of an element's size, or many axes
        return bool(np.isfinite(array).all())


def check_width(name: str, shape: tuple[int, ...], expected: Sequence[tuple[Any, ...]]) -> None:
    """Raises ValueError for a shape that fits none of the patterns; a letter stands for any positive size."""
    for pattern in expected:
        fits = (size == want if isinstance(want, int) else size > 0 for size, want in zip(shape, pattern, strict=False))
        if len(shape) == len(pattern) and all(fits):
            return
    patterns = " or ".join(f"({', '.join(map(str, p))}{',' if len(p) == 1 else ''})" for p in expected)
    raise ValueError(f"{name}: expected shape {patterns}, got {shape}")


def check_finite(name: str, array: np.ndarray, valid: np.ndarray | None, single: bool, *, steps: bool) -> None:
    """Raises ValueError, with the place, for NaN or infinity within the rows' lengths; see `refuse`."""
    if not is_finite(array):
        refuse(name, array, ~np.isfinite(array), valid, single, steps, "finite numbers")


def check_range(
    name: str, array: np.ndarray, valid: np.ndarray | None, single: bool, top: int, *, steps: bool = True
) -> None:
    """Raises ValueError, with the place, for a whole number outside of [0, top - 1]; see `refuse`."""
    if array.size and int(array.min()) >= 0 and int(array.max()) < top:  # without memory for each entry
        return
    bad = (array < 0) | (array >= top)
    refuse(name, array, bad, valid, single, steps, f"whole numbers in [0, {top - 1}]")


def refuse(
    name: str, array: np.ndarray, bad: np.ndarray, valid: np.ndarray | None, single: bool, steps: bool, expected: str
) -> None:
    """Raises ValueError with the first place where `bad` holds.

    valid   (n, T) steps within the rows' lengths, the only ones looked at; None: all
    single  whether the user gave one sequence, whose row the message leaves out
    steps   whether the second axis counts steps, not columns
    """
    if valid is not None:
        bad = bad & (valid if bad.ndim == 2 else valid[..., None])
    if bad.any():
        place = np.unravel_index(int(bad.argmax()), bad.shape)
        axes = ("row", "step", "column") if steps else ("row", "column")
        words = [f"{axis} {index}" for axis, index in zip(axes, place, strict=False)]
        where = ", ".join(words[1:] if single and len(words) > 1 else words)
        raise ValueError(f"{name}: expected {expected}, got {array[place]} at {where}")
