"""What decides the result of a training, as plain values by name, so that two trainings can be compared."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.core.checks import shown
from elman.core.requests import Constraints

if TYPE_CHECKING:
    from elman.core.layers import Layout
    from elman.core.requests import Batch
    from elman.train.training import Trainer

__all__ = ["data", "differences", "of_trainer", "plain"]

STATE = {"network", "history", "slots", "updates"}  # what a training changes; all else of a Trainer decides its result
BLOCK = 1 << 24  # bytes hashed at a time
SHOWN = 6  # differences that one message lists

Plain = dict[str, Any]  # name -> None, a string, a number or a flag, as JSON can say it


def of_trainer(trainer: Trainer) -> Plain:
    """The settings of a Trainer and its network: every public attribute that training itself does not change."""
    network = trainer.network
    found = plain("layers", network.layers)
    found |= {"input_size": network.input_size, "dtype": network.dtype.name} | plain("optimizer", trainer.optimizer)
    found |= plain("inputs", network.layout.inputs)
    for name, value in vars(trainer).items():
        if not name.startswith("_") and name not in STATE:
            found |= plain(name, value)
    return found


def data(layout: Layout, batch: Batch, prefix: str = "") -> Plain:
    """Shape, type and digest of each array of a batch, whatever its strides; what nothing reads does not count."""
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


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A few words on each name whose value is another.

    None, False, 0 and no such name are one: an option that a later elman adds, and that is off, makes no difference.
    """
    names = [*then, *(name for name in now if name not in then)]
    unlike = [name for name in names if (then.get(name) or None) != (now.get(name) or None)]
    kinds = tuple(name + "." for name in unlike)  # of a class that is another, the fields do not matter
    names = [name for name in unlike if not name.startswith(kinds)]
    words = [f"{name} was {shown(then.get(name))} and is {shown(now.get(name))}" for name in names[:SHOWN]]
    return [*words, f"{len(names) - SHOWN} more"] if len(names) > SHOWN else words


def plain(name: str, value: Any) -> Plain:
    """`value` taken apart: the fields of a dataclass and the items of a sequence get names of their own.

    Code is known by its name alone; a class that is no dataclass too.
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
    if isinstance(value, Constraints):
        for field, item in value._asdict().items():
            found |= plain(f"{name}.{field}", item)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            found |= plain(f"{name}[{i}]", item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            found |= plain(f"{name}[{key!r}]", item)
    else:
        found[name] = getattr(value, "__qualname__", None) or getattr(value, "__name__", type(value).__qualname__)
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                if field.compare:
                    found |= plain(f"{name}.{field.name}", getattr(value, field.name))
    return found


def _digest(array: np.ndarray, lengths: np.ndarray | None) -> str:
    """In words; with `lengths`, array is (n, T, ...) and steps past a row's length count as 0."""
    digest = hashlib.blake2b(digest_size=8)
    rows = array.reshape(1) if array.ndim == 0 else array
    count = max(1, BLOCK // max(1, rows[:1].size * rows.itemsize))
    for start in range(0, len(rows), count):
        block = rows[start : start + count]
        if lengths is not None:
            valid = np.arange(block.shape[1]) < lengths[start : start + count, None]
            block = np.where(valid.reshape(valid.shape + (1,) * (block.ndim - 2)), block, block.dtype.type(0))
        little = np.ascontiguousarray(block, block.dtype.newbyteorder("<"))
        digest.update(little.reshape(-1).view(np.uint8).data)
    return f"{array.shape} {array.dtype.name}, digest {digest.hexdigest()}"
