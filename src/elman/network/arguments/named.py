"""Inputs by name, of networks that read more than x: each with its own steps and lengths, checked one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core.checks import shown
from elman.core.layers import INPUT, Input, Layout
from elman.core.requests import NamedInput
from elman.network.arguments.ragged import padded
from elman.network.arguments.values import as_array, as_real, as_whole, check_finite, check_range, check_width

__all__ = ["TARGETS", "Inputs", "State", "as_lengths", "as_named", "by_name"]

TARGETS = "y"  # the input that is the targets

Inputs = ArrayLike | Mapping[str, ArrayLike]  # x and lengths: of one input, or by name of several
State = Mapping[str, ArrayLike]  # name -> array-like (B, size)


def by_name(
    layout: Layout, x: object, lengths: object, y: object, training: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the user gave for each input and for the targets, and the lengths of each, by name.

    x         one array for a network without other inputs, else a mapping of names to arrays
    lengths   of x, or a mapping of names to lengths; "y" are those of the targets
    training  whether y are targets that a loss asks for; else the input "y", if the network reads it, is in x
    """
    known = [INPUT, *layout.inputs]
    if not layout.inputs:
        values = {INPUT: x}
    elif isinstance(x, Mapping):
        values = dict(x)
    else:
        raise TypeError(f"x: expected a mapping with the inputs {', '.join(known)}, got {shown(x)}")
    if training:
        values[TARGETS] = y
    missing = [name for name in known if name not in values]
    if missing:
        raise ValueError(f"x: expected the inputs {', '.join(known)}, got none for {missing[0]!r}")
    unknown = [name for name in values if name not in (*known, TARGETS)]
    if unknown:
        raise ValueError(f"x: expected the inputs {', '.join(known)}, got {shown(unknown[0])}")
    counts = dict(lengths) if isinstance(lengths, Mapping) else {INPUT: lengths}
    for name in counts:
        if name not in (*known, TARGETS) or (name in layout.inputs and layout.inputs[name].kind == "vector"):
            raise ValueError(f"lengths: expected names of sequences among the inputs, got {shown(name)}")
    return values, counts


def as_named(
    name: str,
    given: Input,
    dtype: np.dtype[Any],
    value: object,
    lengths: object,
    n: int,
    time: tuple[int, np.ndarray | None] | None = None,
) -> NamedInput:
    """One input besides x, of n rows; `time` are T and the lengths of the input whose steps it has, if not its own.
    Raises TypeError or ValueError as for x."""
    if given.kind == "vector":
        array = as_real(name, value, dtype)
        check_width(name, array.shape, [(n, given.size)])
        check_finite(name, array, None, False, steps=False)
        return NamedInput(np.ascontiguousarray(array), None)
    whole = given.kind == "integers"
    value, ragged = padded(name, value, (1,) if whole else (2,))
    if ragged is not None:
        if lengths is not None:
            raise ValueError(f"lengths[{name!r}]: expected none for a list of sequences, got {shown(lengths)}")
        lengths = ragged
    array = as_whole(name, value, "whole numbers") if whole else as_real(name, value, dtype)
    tail = () if whole else (given.size,)
    steps, ends = (None, None) if time is None else time
    check_width(name, array.shape, [(n, "T" if steps is None else steps, *tail)])
    counts = as_lengths(f"lengths[{name!r}]", ends if lengths is None else lengths, n, array.shape[1])
    if steps is not None:
        unlike = counts != (steps if ends is None else ends)
        if unlike.any():
            row = int(unlike.argmax())
            those = f"those of {given.time!r}, whose steps {name!r} has"
            raise ValueError(f"lengths[{name!r}]: expected {those}, got {counts[row]} at row {row}")
    valid = np.arange(array.shape[1]) < counts[:, None]
    if whole:
        check_range(name, array, valid, False, given.size)
    else:
        check_finite(name, array, valid, False, steps=True)
    return NamedInput(array, counts)


def as_lengths(name: str, lengths: object, n: int, steps: int, least: int = 1) -> np.ndarray:
    """Each row's number of steps, int64 (n,), from `least` to `steps`; None: all of them."""
    if lengths is None:
        return np.full(n, steps, np.int64)
    array = as_array(name, lengths, "iu", "whole numbers").astype(np.int64)
    check_width(name, array.shape, [(n,)])
    bad = (array < least) | (array > steps)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"{name}: expected whole numbers in [{least}, {steps}], got {array[row]} at row {row}")
    return array
