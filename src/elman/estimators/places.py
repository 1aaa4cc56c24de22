"""Where a value of a saved tree stands, and the arrays that were found on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks

__all__ = ["Place", "Source", "Written"]


class Place(NamedTuple):
    """Where a value stands.

    path     for messages;  tensor  the name of an array that stands here
    whole    whether no list or mapping leads here, so that an array here has a tensor for itself
    sizes    the axes of the record around it that are known by now
    """

    path: str
    tensor: str
    whole: bool
    sizes: dict[str, tuple[int, str]]

    def field(self, name: str, sizes: dict[str, tuple[int, str]]) -> Place:
        """The place of a field of the record that stands here."""
        if not self.path:
            return Place(name, name, self.whole, sizes)
        return Place(f"{self.path}.{name}", f"{self.tensor}.{name}", self.whole, sizes)

    def item(self, key: object) -> Place:
        """The place of a value in the list or mapping that stands here."""
        return Place(f"{self.path}[{checks.shown(key)}]", self.tensor, False, self.sizes)

    def measure(self, axes: Sequence[str], shape: Sequence[int]) -> None:
        """ValueError where a shape does not have these axes, or one has another size than elsewhere in the record."""
        if len(axes) != len(shape):
            raise ValueError(f"{self.path}: expected the axes ({', '.join(axes)}), got the shape {tuple(shape)}")
        for axis, size in zip(axes, shape, strict=True):
            known, where = (int(axis), "") if axis.isdigit() else self.sizes.setdefault(axis, (size, self.path))
            if known != size:
                as_there = f", as {where} has" if where else ""
                raise ValueError(f"{self.path}: expected {known} for the axis {axis}{as_there}, got {size}")


class Written(NamedTuple):
    """What was written so far: arrays by the name of their tensor and whether it holds one alone; names of classes."""

    arrays: dict[tuple[str, bool], list[np.ndarray]]
    names: set[str]

    def add(self, place: Place, array: np.ndarray) -> None:
        """Takes the array that stands at a place. TypeError where another one of its tensor has another dtype."""
        known = self.arrays.setdefault((place.tensor, place.whole), [])
        if known and known[0].dtype != array.dtype:
            raise TypeError(f"{place.path}: expected {known[0].dtype}, as before it, got {array.dtype}")
        known.append(array if place.whole else array.reshape(-1))


class Source(NamedTuple):
    """What is read from.

    tensors    by their names; None where only their shapes are asked for
    names      of the classes that were read so far;  versions  the name with its version that the file has for each
    sizes      without tensors: the dtype of each, and its shape, or the number of all values where it holds many arrays
    used       with tensors: how many values of each were read
    """

    tensors: Mapping[str, np.ndarray] | None
    names: set[str]
    versions: dict[str, str]
    sizes: dict[str, tuple[np.dtype[Any], Any]]
    used: dict[str, int]

    def array(self, place: Place, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray | None:
        """The next array of this dtype and shape; None where there are no tensors."""
        name, count = place.tensor, prod(shape)
        if self.tensors is None:
            known = self.sizes.setdefault(name, (dtype, shape if place.whole else 0))
            if known[0] != dtype:
                raise ValueError(f"{place.path}: expected {known[0]}, as other values of {name} are, got {dtype}")
            if not place.whole:
                self.sizes[name] = (dtype, known[1] + count)
            return None
        if place.whole:
            return self.tensors[name]
        begin = self.used.get(name, 0)
        self.used[name] = begin + count
        return self.tensors[name][begin : begin + count].reshape(shape).copy()
