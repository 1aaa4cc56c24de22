"""Describes everything that decides the result of a training, as plain values by name, so that two can be compared.

A checkpoint holds this fingerprint in its field `settings`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.core.checks import shown
from elman.core.layers import Layout
from elman.core.requests import Batch
from elman.train.state import TrainingState

__all__ = ["Plain", "data", "differences", "network", "plain", "training", "without_data"]

# The fields of a TrainingState that decide its result, beside the network and the constraints; a training changes none
# of them but the optimiser's numbers, which a callback may change.
DECIDING = (
    "optimizer",
    "loss",
    "schedule",
    "clip_norm",
    "clip_value",
    "batch_size",
    "shard_size",
    "truncate",
    "recompute",
    "activity_penalty",
    "seed",
)
BLOCK = 1 << 24  # bytes hashed at a time
SHOWN = 6  # differences that one message lists

Plain = dict[str, Any]  # name -> None, a string, a number or a flag, as JSON can say it


def training(state: TrainingState) -> Plain:
    """Returns the fingerprint of a training: its network's layers and dtype, and all that its Trainer was made with."""
    constraints = state.constraints
    found = network(state.network.layout, state.network.dtype)
    for name in DECIDING:
        found |= plain(name, getattr(state, name))
    if constraints is None:
        return found | {"rules": None}
    for name in ("starts", "factors", "decays", "lower", "upper"):
        found |= plain(f"rules.{name}", getattr(constraints, name))  # as version 0.1.0 wrote it
    return found


def network(layout: Layout, dtype: np.dtype[Any]) -> Plain:
    """Returns the fingerprint of a network, whatever its weights."""
    found = plain("layers", layout.layers) | {"input_size": layout.input_size, "dtype": dtype.name}
    return found | plain("inputs", layout.inputs)


def data(layout: Layout, batch: Batch, prefix: str = "") -> Plain:
    """Returns the fingerprint of a batch: shape, type and digest of each array, whatever its strides.

    Values that nothing reads, past a row's length, do not count. `prefix` stands before each name.
    """
    behind_last = batch.y_lengths
    if behind_last is None and layout.time is not None:
        behind_last = batch.lengths if layout.time == "x" else batch.lengths_of(layout.time)
    arrays = {"x": (batch.x, batch.lengths), "y": (batch.y, behind_last), "lengths": (batch.lengths, None)}
    if batch.y_lengths is not None:
        arrays["lengths['y']"] = (batch.y_lengths, None)
    for name, (values, lengths) in (batch.named or {}).items():
        arrays |= {f"x[{name!r}]": (values, lengths), f"lengths[{name!r}]": (lengths, None)}
    by_step = batch.weight is not None and batch.weight.ndim == 2
    arrays["sample_weight"] = (batch.weight, behind_last if by_step else None)
    for slot, array in zip(layout.states, batch.state or (), strict=False):
        arrays[f"state[{slot.name!r}]"] = (array, None)
    return {
        prefix + name: None if array is None else _digest(array, lengths) for name, (array, lengths) in arrays.items()
    }


def without_data(settings: Mapping[str, Any]) -> Plain:
    """Returns the part of a fit's fingerprint that is its training's, whatever the data and how epochs pass over
    them."""
    own = {"layers", "input_size", "dtype", "inputs", "rules", *DECIDING}
    return {name: value for name, value in settings.items() if re.split(r"[.\[]", name)[0] in own}


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns one text for each name whose values differ: what it was and what it is.

    A missing name is the same as None, False and 0: an option that a later version adds, and that is off, changes
    nothing.
    """
    names = [*then, *(name for name in now if name not in then)]
    unlike = [name for name in names if then.get(name) != now.get(name)]
    unlike = [name for name in unlike if (name in then and name in now) or then.get(name) or now.get(name)]
    kinds = tuple(name + "." for name in unlike)  # where a class differs, its fields do not matter
    names = [name for name in unlike if not name.startswith(kinds)]
    words = [f"{name} was {shown(then.get(name))} and is {shown(now.get(name))}" for name in names[:SHOWN]]
    return [*words, f"{len(names) - SHOWN} more"] if len(names) > SHOWN else words


def plain(name: str, value: Any) -> Plain:
    """Returns `value` taken apart: the fields of a dataclass and the items of a sequence get names below `name`.

    A field that a later version added, and that is at its default, is left out, as in files. Functions, and classes
    that are no dataclasses, are known by their names only.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return {name: value}
    if isinstance(value, float):
        return {name: value if math.isfinite(value) else repr(value)}
    if isinstance(value, np.ndarray):
        return {name: _digest(value, None)}
    found: Plain = {}
    if isinstance(value, list | tuple):
        for i, item in enumerate(value):
            found |= plain(f"{name}[{i}]", item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            found |= plain(f"{name}[{key!r}]", item)
    else:
        found[name] = getattr(value, "__qualname__", None) or getattr(value, "__name__", type(value).__qualname__)
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                default = field.metadata.get("added") and getattr(value, field.name) == field.default
                if field.compare and not default:
                    found |= plain(f"{name}.{field.name}", getattr(value, field.name))
    return found


def _digest(array: np.ndarray, lengths: np.ndarray | None) -> str:
    """Returns shape, type and digest of an array; with `lengths`, of (n, T, ...), steps past a row's length count as
    0. Whole numbers count as int64, whatever their type: it changes no result."""
    digest = hashlib.blake2b(digest_size=8)
    rows = array.reshape(1) if array.ndim == 0 else array
    kind = np.dtype(np.int64) if array.dtype.kind in "iu" else array.dtype
    count = max(1, BLOCK // max(1, rows[:1].size * kind.itemsize))
    steps = max(1, BLOCK // max(1, rows[:1, :1].size * kind.itemsize)) if rows.ndim > 1 else 1  # of a row alone
    for start in range(0, len(rows), count):
        block = rows[start : start + count]
        for begin in range(0, block.shape[1], steps) if rows.ndim > 1 else [0]:
            part = block[:, begin : begin + steps] if rows.ndim > 1 else block
            if lengths is not None:
                valid = np.arange(begin, begin + part.shape[1]) < lengths[start : start + count, None]
                part = np.where(valid.reshape(valid.shape + (1,) * (part.ndim - 2)), part, part.dtype.type(0))
            little = np.ascontiguousarray(part, kind.newbyteorder("<"))
            digest.update(little.reshape(-1).view(np.uint8).data)
    return f"{array.shape} {kind.name}, digest {digest.hexdigest()}"
