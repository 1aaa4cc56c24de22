"""The arrays of a saved tree: where each of them belongs, collecting them for a file, and finding them in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.io import Shapes

__all__ = ["ArrayReader", "ArrayWriter", "FieldPath"]


class FieldPath(NamedTuple):
    """The way from the root of a tree to one of its values.

    text      the fields, keys and indices, for messages
    tensor    the fields alone: the name of the tensor that holds an array found here
    single    whether no list or mapping is on the way, so that the tensor holds one array alone
    sizes     axis -> size and the text of the path where it was seen first, in the record around the value
    """

    text: str
    tensor: str
    single: bool
    sizes: dict[str, tuple[int, str]]

    def field(self, name: str, sizes: dict[str, tuple[int, str]]) -> FieldPath:
        """Returns the path to a field of the record here, whose axes are collected in `sizes`."""
        if not self.text:
            return FieldPath(name, name, self.single, sizes)
        return FieldPath(f"{self.text}.{name}", f"{self.tensor}.{name}", self.single, sizes)

    def item(self, key: object) -> FieldPath:
        """Returns the path to a value of the list or mapping here."""
        return FieldPath(f"{self.text}[{checks.shown(key)}]", self.tensor, False, self.sizes)

    def check_axes(self, axes: Sequence[str], shape: Sequence[int]) -> None:
        """Raises ValueError where a shape does not have these axes, or another size than elsewhere in the record."""
        if len(axes) != len(shape):
            raise ValueError(f"{self.text}: expected the axes ({', '.join(axes)}), got the shape {tuple(shape)}")
        for axis, size in zip(axes, shape, strict=True):
            known, where = (int(axis), "") if axis.isdigit() else self.sizes.setdefault(axis, (size, self.text))
            if known != size:
                as_there = f", as {where} has" if where else ""
                raise ValueError(f"{self.text}: expected {known} for the axis {axis}{as_there}, got {size}")


class ArrayWriter:
    """Collects the arrays of a tree, and the names of its classes in `classes`."""

    def __init__(self) -> None:
        self.classes: set[str] = set()
        self._arrays: dict[str, list[np.ndarray]] = {}
        self._single: set[str] = set()

    def add(self, path: FieldPath, array: np.ndarray) -> None:
        """Takes the array at a path. TypeError where another array of its tensor has another dtype."""
        known = self._arrays.setdefault(path.tensor, [])
        if known and known[0].dtype != array.dtype:
            raise TypeError(f"{path.text}: expected {known[0].dtype}, as before it, got {array.dtype}")
        known.append(array if path.single else array.reshape(-1))
        if path.single:
            self._single.add(path.tensor)

    def tensors(self) -> dict[str, np.ndarray]:
        """Returns the tensors by name: single arrays in their shape, the arrays of a list or mapping end to end."""
        return {
            name: arrays[0] if name in self._single else np.concatenate(arrays) for name, arrays in self._arrays.items()
        }


class ArrayReader:
    """Finds the arrays of a tree among `tensors`, and collects the names of the classes that it meets.

    Without tensors it finds no array and collects their `shapes` instead: what a description speaks of is known before
    anything is read.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray] | None = None) -> None:
        self.tensors = tensors
        self.classes: set[str] = set()
        self.versions: dict[str, str] = {}  # name of a class -> the same with the version that the file has
        self._shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self._used: dict[str, int] = {}  # name of a tensor -> how many of its values were read

    @property
    def shapes(self) -> Shapes:
        """The shape and dtype of each tensor, by name."""
        return {**self._shapes}

    def next(self, path: FieldPath, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray | None:
        """Returns the next array at a path, of this dtype and shape; None where there are no tensors."""
        name, count = path.tensor, prod(shape)
        if self.tensors is None and path.single:
            self._shapes[name] = shape, dtype
            return None
        if self.tensors is None:
            (before,), known = self._shapes.get(name, ((0,), dtype))
            if known != dtype:
                raise ValueError(f"{path.text}: expected {known}, as other values of {name} are, got {dtype}")
            self._shapes[name] = (before + count,), dtype
            return None
        if path.single:
            return self.tensors[name]
        begin = self._used.get(name, 0)
        self._used[name] = begin + count
        return self.tensors[name][begin : begin + count].reshape(shape).copy()
