"""Makes an engine's Batch of x, y, lengths, weights and the initial state, checked together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core.checks import shown
from elman.core.layers import INPUT, Layout
from elman.core.losses import Loss
from elman.core.requests import Batch, NamedInput
from elman.network.arguments.named import TARGETS, as_named, by_name
from elman.network.arguments.ragged import like_steps, padded
from elman.network.arguments.states import as_state
from elman.network.arguments.targets import as_ragged, as_targets, target_width
from elman.network.arguments.values import as_array, as_real, as_whole, check_finite, check_range, check_width, refuse

__all__ = ["as_batch", "check_unchanged", "vocabulary"]


LISTS = (list, tuple)  # of sequences, which may be of unequal length; looked at first, since most calls give arrays


def as_batch(
    layout: Layout,
    dtype: np.dtype[Any],
    x: object,
    y: object = None,
    *,
    loss: Loss | None = None,
    lengths: object = None,
    sample_weight: object = None,
    state: Mapping[str, ArrayLike] | None = None,
) -> tuple[Batch, bool]:
    """Returns the data as an engine's Batch, and whether x was one sequence, without the axis B.

    x              (B, T, D) or (T, D) real; behind an Embedding (B, T) or (T,) whole numbers below its table's rows, of
                   any integer type; a list of B sequences of unequal length, whose lengths then count, with y and
                   weights alike; a mapping of names to such, each with the axis B, for a network with named inputs
    y              read where `loss` is given: (B, T, O), or (B, O) behind Last; the last axis may be left out where
                   it is 1; classes for cross entropy (B, T) or (B,); without B for one sequence. Ragged losses: a list
                   of B sequences of classes, or (B, U) with `lengths["y"]`
    lengths        (B,) whole numbers in [1, T]; one number for one sequence; or a mapping of names to such
    sample_weight  (B, T) or (B,), at least 0, with a positive sum
    state          names of `layout.states` -> (B, size); what is missing is zero

    Raises TypeError for values that are no numbers; ValueError for wrong shapes, and for values out of range, NaN and
    infinity with their place.
    """
    values, counts = None, None
    if layout.inputs or (lengths is not None and isinstance(lengths, Mapping)):
        values, counts = by_name(layout, x, lengths, y, loss is not None)
        x, lengths = values[INPUT], counts.get(INPUT)
    if type(x) in LISTS:
        x, ragged = padded("x", x, (1,) if layout.integer_input else (2,))
        if ragged is not None and lengths is not None:
            raise ValueError(f"lengths: expected None, since a list of sequences has its own, got {shown(lengths)}")
        lengths = lengths if ragged is None else ragged
    rows, single = _inputs(layout, dtype, x)
    n, steps = rows.shape[:2]
    own = None if lengths is None else _lengths(lengths, n, steps, single)
    valid = None if own is None else np.arange(steps) < own[:, None]
    if layout.integer_input:
        check_range("x", rows, valid, single, vocabulary(layout))
    else:
        check_finite("x", rows, valid, single, steps=True)
    named = None
    if layout.inputs and values is not None and counts is not None:
        if single:
            raise ValueError(f"x: expected the axis B for a network of several inputs, got {rows.shape[1:]}")
        named = {}
        times = {INPUT: (steps, own)}
        for name, given in layout.inputs.items():
            time = times.get(given.time) if given.time else None
            one = named[name] = as_named(name, given, dtype, values[name], counts.get(name), n, time)
            times |= {} if one.lengths is None else {name: (one.values.shape[1], one.lengths)}
        if layout.time in named:  # outputs and targets have the steps of another input
            array, ends = named[layout.time]
            steps, valid = array.shape[1], None if ends is None else np.arange(array.shape[1]) < ends[:, None]
    if loss is not None and (type(y) in LISTS or type(sample_weight) in LISTS) and not layout.last and not single:
        ends = _ends(layout, own, named, n, steps)
        y = y if loss.ragged else like_steps("y", y, ends, steps)
        sample_weight = like_steps("sample_weight", sample_weight, ends, steps)
    targets, target_lengths = None, None
    if loss is not None and loss.ragged:
        ends = _ends(layout, own, named, n, steps)
        target_width(layout, loss)
        targets, target_lengths = as_ragged(y, (counts or {}).get(TARGETS), loss, ends, layout.output_size, single)
    elif loss is not None:
        targets = as_targets(layout, dtype, y, loss, n, steps, valid, single)
    weight = None
    if sample_weight is not None:
        by_row = layout.last or (loss is not None and loss.ragged)
        weight = _weight(dtype, sample_weight, n, None if by_row else steps, valid, single)
    given = None if state is None else as_state("state", layout, dtype, state, n)
    return Batch(rows, targets, own, weight, given, target_lengths, named), single


def check_unchanged(layout: Layout, batch: Batch, loss: Loss) -> None:
    """Raises ValueError where ids or labels of a batch that was checked before are now out of their range.

    The arrays are the caller's, who may have written to them since; an engine takes such a number for NaN.
    """
    valid = None if batch.lengths is None else np.arange(batch.x.shape[1]) < batch.lengths[:, None]
    try:
        if layout.integer_input:
            check_range("x", batch.x, valid, False, vocabulary(layout))
        for name, given in layout.inputs.items():
            if given.kind == "integers" and batch.named is not None:
                array, counts = batch.named[name]
                assert counts is not None
                check_range(name, array, np.arange(array.shape[1]) < counts[:, None], False, given.size)
        if loss.ragged and batch.y is not None and batch.y_lengths is not None:
            mask = np.arange(batch.y.shape[1]) < batch.y_lengths[:, None]
            check_range("y", batch.y, mask, False, layout.output_size)
            loss.check_rows(batch.y, batch.y_lengths, batch.lengths_of(layout.time or INPUT))
        elif loss.classes and batch.y is not None:
            time = layout.time
            mask = valid
            if time not in (None, INPUT):
                mask = np.arange(batch.steps_of(time)) < batch.lengths_of(time)[:, None]
            check_range("y", batch.y, mask, False, layout.output_size, steps=time is not None)
    except ValueError as error:
        raise ValueError(f"{error}, where another number stood when training began") from None


def vocabulary(layout: Layout) -> int:
    """Returns the number of rows of the Embedding that reads x."""
    table: Any = next(part.layer for part in layout.parts if part.layer.integers and part.reads[0] == INPUT)
    return table.num_embeddings


def _inputs(layout: Layout, dtype: np.dtype[Any], x: object) -> tuple[np.ndarray, bool]:
    """Returns x with the axis B, and whether it came without."""
    if layout.integer_input:
        array, tail = as_whole("x", x, "whole numbers (the network begins with an Embedding)"), ()
    else:
        array, tail = as_real("x", x, dtype), (layout.input_size,)
    if array.ndim != 2 + len(tail) or array.shape[2:] != tail or not array.size:
        check_width("x", array.shape, [("B", "T", *tail), ("T", *tail)])
    single = array.ndim == 1 + len(tail)
    return (array[None], True) if single else (array, False)


def _lengths(lengths: object, n: int, steps: int, single: bool) -> np.ndarray:
    """Returns each row's number of steps, int64 (n,)."""
    array = as_array("lengths", lengths, "iu", "whole numbers").astype(np.int64)
    array = array[None] if single and array.ndim == 0 else array
    check_width("lengths", array.shape, [(n,)])
    bad = (array < 1) | (array > steps)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"lengths: expected whole numbers in [1, {steps}], got {array[row]} at row {row}")
    return array


def _ends(
    layout: Layout, own: np.ndarray | None, named: Mapping[str, NamedInput] | None, n: int, steps: int
) -> np.ndarray:
    """Returns the lengths (n,) of the outputs' rows; `own` are those of x, `steps` the outputs' T."""
    time = layout.time or INPUT
    ends = own if named is None or time == INPUT else named[time].lengths
    return np.full(n, steps, np.int64) if ends is None else ends


def _weight(
    dtype: np.dtype[Any], weight: object, n: int, steps: int | None, valid: np.ndarray | None, single: bool
) -> np.ndarray:
    """Returns weights (n, T), or (n,) where steps are None; a row's single weight counts at each of its steps."""
    array = as_real("sample_weight", weight, dtype)
    lead = (n,) if steps is None else (n, steps)
    if single and array.shape == lead[1:]:
        array = array[None]
    check_width("sample_weight", array.shape, [lead] if steps is None else [lead, (n,)])
    by_step = array.ndim == 2
    mask = valid if by_step else None
    check_finite("sample_weight", array, mask, single, steps=by_step)
    refuse("sample_weight", array, array < 0, mask, single, by_step, "numbers of at least 0")
    if not (array > 0 if mask is None else (array > 0) & mask).any():
        raise ValueError("sample_weight: expected at least one weight above 0, got zeros alone")
    if steps is not None and not by_step:  # one weight a row: the same at each of its steps
        array = np.repeat(array[:, None], steps, axis=1)
    return np.ascontiguousarray(array)
