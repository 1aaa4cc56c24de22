"""What users hand to a network, checked once and put into the form that engines trust.

Arrays of the network's dtype are passed on as they are, strided views included; everything else is converted. Values
past a row's length are never looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.core.checks import count, shown
from elman.core.layers import Layout
from elman.core.losses import BinaryCrossEntropy, CrossEntropy, Custom, Loss, Pinball, outputs_per_target
from elman.core.requests import Batch
from elman.engines.select import finite_check

__all__ = [
    "as_batch",
    "as_dtype",
    "as_real",
    "as_state",
    "as_upstream",
    "as_whole",
    "check_unchanged",
    "check_width",
    "is_finite",
    "segment",
    "target_width",
]


def as_dtype(dtype: object) -> np.dtype[Any]:
    """float32 or float64, from its name or NumPy's type."""
    try:
        result = np.dtype(dtype)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise TypeError(f"dtype: expected 'float32' or 'float64', got {shown(dtype)}") from None
    if result not in (np.dtype(np.float32), np.dtype(np.float64)) or dtype is None:
        raise ValueError(f"dtype: expected 'float32' or 'float64', got {shown(dtype)}")
    return result.newbyteorder("=")


def as_real(name: str, value: object, dtype: np.dtype[Any]) -> np.ndarray:
    """An array of `dtype`; one that has it already is returned as it is, whatever its strides."""
    array = _array(name, value, "biuf", "real numbers")
    if array.dtype != dtype or not array.flags.aligned:
        with np.errstate(over="ignore"):  # what becomes infinite is refused afterwards, with its place
            array = array.astype(dtype)
    return array


def as_whole(name: str, value: object, expected: str) -> np.ndarray:
    """An int64 array; one already is returned as it is, whatever its strides, unless its address is odd."""
    array = _array(name, value, "iu", expected)
    return array.astype(np.int64, copy=not array.flags.aligned)


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
        _check_range("x", rows, valid, single, _vocabulary(layout))
    else:
        _check_finite("x", rows, valid, single, steps=True)
    targets = None if loss is None else _targets(layout, dtype, y, loss, n, steps, valid, single)
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
            _check_range("x", batch.x, valid, False, _vocabulary(layout))
        if _has_classes(loss) and batch.y is not None:
            mask = None if layout.last else valid
            _check_range("y", batch.y, mask, False, layout.output_size, steps=not layout.last)
    except ValueError as error:
        raise ValueError(f"{error}, where another number stood when training began") from None


def as_state(
    name: str, layout: Layout, dtype: np.dtype[Any], state: Mapping[str, Any] | None, n: int
) -> list[np.ndarray] | None:
    """A mapping of named states as the list that engines take: every (n, size), zeros where a name is missing."""
    if state is None:
        return None
    if not isinstance(state, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name}: expected a mapping of names to arrays, got {shown(state)}")
    names = [slot.name for slot in layout.states]
    for key in state:
        if key not in names:
            raise ValueError(f"{name}: expected names among {', '.join(names)}, got {shown(key)}")
    result: list[np.ndarray] = []
    for slot in layout.states:
        value = state.get(slot.name)
        if value is None:
            result.append(np.zeros((n, slot.size), dtype))
            continue
        array = as_real(f"{name}[{slot.name!r}]", value, dtype)
        array = array[None] if n == 1 and array.ndim == 1 else array
        if array.shape != (n, slot.size):
            raise ValueError(f"{name}[{slot.name!r}]: expected shape {(n, slot.size)}, got {array.shape}")
        _check_finite(f"{name}[{slot.name!r}]", array, None, False, steps=False)
        result.append(np.ascontiguousarray(array))
    return result


def as_upstream(
    name: str, dtype: np.dtype[Any], value: object, shape: tuple[int, ...], lengths: np.ndarray | None, single: bool
) -> np.ndarray:
    """A gradient that arrives at an output of this shape, with the axis B. What lies past the lengths is not looked
    at."""
    array = as_real(name, value, dtype)
    check_width(name, array.shape, [shape])
    rows = array[None] if single else array
    steps = rows.ndim == 3
    if not is_finite(rows):
        valid = None if lengths is None or not steps else np.arange(rows.shape[1]) < lengths[:, None]
        _check_finite(name, rows, valid, single, steps=steps)
    return np.ascontiguousarray(rows)


def target_width(layout: Layout, loss: Loss) -> int:
    """The last axis of y: O, O/Q for the pinball loss over Q quantiles, O/2 for densities, or what a user's own loss
    says."""
    if isinstance(loss, Custom):
        if loss.outputs not in (None, layout.output_size):
            raise ValueError(f"loss: {loss} expects a network of {loss.outputs} outputs, got {layout.output_size}")
        return layout.output_size if loss.targets is None else loss.targets
    count = outputs_per_target(loss)
    if layout.output_size % count:
        each = "quantiles" if isinstance(loss, Pinball) else f"numbers (location, log scale) of {loss.kind}"
        raise ValueError(
            f"loss: expected a network whose outputs are a multiple of the {count} {each}, got {layout.output_size}"
        )
    return layout.output_size // count


def segment(layout: Layout, recompute: object, steps: int) -> int | None:
    """`recompute=` as steps between two kept states: None for False, the root of T for True."""
    if recompute is False or recompute is None:
        return None
    if layout.bidirectional:
        raise ValueError(f"recompute: expected False for a network of two directions, got {shown(recompute)}")
    return math.isqrt(max(0, steps - 1)) + 1 if recompute is True else count("recompute", recompute)


def is_finite(array: np.ndarray) -> bool:
    """Whether no entry of an array of float32 or float64 is NaN or infinite."""
    try:
        return finite_check()(array)
    except (TypeError, ValueError):  # strides that are no multiple of an element's size, or many axes
        return bool(np.isfinite(array).all())


def check_width(name: str, shape: tuple[int, ...], expected: Sequence[tuple[Any, ...]]) -> None:
    """Refuses a shape that fits none of the patterns; a letter in a pattern stands for any positive size."""
    for pattern in expected:
        fits = (size == want if isinstance(want, int) else size > 0 for size, want in zip(shape, pattern, strict=False))
        if len(shape) == len(pattern) and all(fits):
            return
    patterns = " or ".join(f"({', '.join(map(str, p))}{',' if len(p) == 1 else ''})" for p in expected)
    raise ValueError(f"{name}: expected shape {patterns}, got {shape}")


# ------------------------------------------------------------------------------------------ one argument each


def _array(name: str, value: object, kinds: str, expected: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:  # nested lists of unequal length
        raise ValueError(f"{name}: expected {expected} in rows of equal length, got {shown(value)}") from None
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name}: expected {expected}, got {shown(value if array.ndim == 0 else array)}")
    return array


def _vocabulary(layout: Layout) -> int:
    return layout.parts[0].layer.num_embeddings  # type: ignore[union-attr]


def _has_classes(loss: Loss) -> bool:
    return isinstance(loss, CrossEntropy) or (isinstance(loss, Custom) and loss.classes)


def _inputs(layout: Layout, dtype: np.dtype[Any], x: object) -> tuple[np.ndarray, bool]:
    if layout.integer_input:
        array, tail = as_whole("x", x, "whole numbers (the network begins with an Embedding)"), ()
    else:
        array, tail = as_real("x", x, dtype), (layout.input_size,)
    if array.ndim != 2 + len(tail) or array.shape[2:] != tail or not array.size:
        check_width("x", array.shape, [("B", "T", *tail), ("T", *tail)])
    single = array.ndim == 1 + len(tail)
    return (array[None], True) if single else (array, False)


def _lengths(lengths: object, n: int, steps: int, single: bool) -> np.ndarray | None:
    if lengths is None:
        return None
    array = _array("lengths", lengths, "iu", "whole numbers").astype(np.int64)
    array = array[None] if single and array.ndim == 0 else array
    check_width("lengths", array.shape, [(n,)])
    bad = (array < 1) | (array > steps)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"lengths: expected whole numbers in [1, {steps}], got {array[row]} at row {row}")
    return array


def _targets(
    layout: Layout,
    dtype: np.dtype[Any],
    y: object,
    loss: Loss,
    n: int,
    steps: int,
    valid: np.ndarray | None,
    single: bool,
) -> np.ndarray:
    lead, mask = ((n,), None) if layout.last else ((n, steps), valid)
    width = target_width(layout, loss)
    if _has_classes(loss):
        name = getattr(loss, "name", loss.kind)
        array = as_whole("y", y, f"whole numbers, the classes (loss is {name})")
        array = array[None] if single else array
        check_width("y", array.shape[1:] if single else array.shape, [lead[1:] if single else lead])
        _check_range("y", array, mask, single, layout.output_size, steps=not layout.last)
        return array
    array = as_real("y", y, dtype)
    array = array[None] if single else array
    if width == 1 and array.shape == lead:
        array = array[..., None]
    shape = (*lead, width)
    check_width("y", array.shape[1:] if single else array.shape, [shape[1:] if single else shape])
    _check_finite("y", array, mask, single, steps=not layout.last)
    if isinstance(loss, BinaryCrossEntropy):
        outside = (array < 0) | (array > 1)
        _refuse("y", array, outside, mask, single, not layout.last, "numbers in [0, 1] (loss is binary_cross_entropy)")
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
    if weight is None:
        return None
    array = as_real("sample_weight", weight, dtype)
    lead = (n,) if layout.last else (n, steps)
    if single and array.shape == lead[1:]:
        array = array[None]
    check_width("sample_weight", array.shape, [lead] if layout.last else [lead, (n,)])
    by_step = array.ndim == 2
    mask = valid if by_step else None
    _check_finite("sample_weight", array, mask, single, steps=by_step)
    _refuse("sample_weight", array, array < 0, mask, single, by_step, "numbers of at least 0")
    if not (array > 0 if mask is None else (array > 0) & mask).any():
        raise ValueError("sample_weight: expected at least one weight above 0, got zeros alone")
    if array.ndim < len(lead):  # one weight a row: the same at each of its steps
        array = np.repeat(array[:, None], steps, axis=1)
    return np.ascontiguousarray(array)


# --------------------------------------------------------------------------------------------------- values


def _check_finite(name: str, array: np.ndarray, valid: np.ndarray | None, single: bool, *, steps: bool) -> None:
    if not is_finite(array):
        _refuse(name, array, ~np.isfinite(array), valid, single, steps, "finite numbers")


def _check_range(
    name: str, array: np.ndarray, valid: np.ndarray | None, single: bool, top: int, *, steps: bool = True
) -> None:
    bad = (array < 0) | (array >= top)
    _refuse(name, array, bad, valid, single, steps, f"whole numbers in [0, {top - 1}]")


def _refuse(
    name: str, array: np.ndarray, bad: np.ndarray, valid: np.ndarray | None, single: bool, steps: bool, expected: str
) -> None:
    """Raises with the first place, within the rows' lengths, where `bad` holds."""
    if valid is not None:
        bad = bad & (valid if bad.ndim == 2 else valid[..., None])
    if bad.any():
        place = np.unravel_index(int(bad.argmax()), bad.shape)
        axes = ("row", "step", "column") if steps else ("row", "column")
        words = [f"{axis} {index}" for axis, index in zip(axes, place, strict=False)]
        where = ", ".join(words[1:] if single and len(words) > 1 else words)
        raise ValueError(f"{name}: expected {expected}, got {array[place]} at {where}")
