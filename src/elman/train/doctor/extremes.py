"""Finds the largest entries of parameters and of data."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from elman.core.parameters import Parameters

__all__ = ["Extreme", "extreme", "extreme_of_data", "size", "weights_beyond"]


class Extreme(NamedTuple):
    """The largest entry, by size, of a parameter or of the data; NaN is larger than all."""

    name: str  # of the parameter; "x", "y"
    at: tuple[int, ...]  # in the parameter; in x and y (row, step, column), the row that of the caller's data
    value: float

    def __str__(self) -> str:
        if self.name in ("x", "y"):
            words = ("row", "step", "column") if len(self.at) == 3 else ("row", "column")
            return f"{self.name} = {self.value:.3g} at " + ", ".join(
                f"{word} {i}" for word, i in zip(words, self.at, strict=True)
            )
        return f"{self.name}[{', '.join(map(str, self.at))}] = {self.value:.3g}"


def weights_beyond(parameters: Parameters, bound: float) -> tuple[Extreme, ...]:
    """Returns the first five entries that are not finite or, by size, above the bound."""
    found: list[Extreme] = []
    for name, array in parameters.items():
        for index in np.argwhere(~(np.abs(array) <= bound))[: 5 - len(found)]:
            found.append(Extreme(name, tuple(map(int, index)), float(array[tuple(index)])))
    return tuple(found)


def extreme(name: str, array: np.ndarray) -> Extreme:
    """Returns the largest entry of an array, by size."""
    sizes = np.abs(array)
    index = np.unravel_index(int(np.where(np.isnan(sizes), np.inf, sizes).argmax()), array.shape)
    return Extreme(name, tuple(map(int, index)), float(array[index]))


def extreme_of_data(name: str, array: np.ndarray, lengths: np.ndarray | None, rows: np.ndarray, start: int) -> Extreme:
    """Returns the largest entry of x or y (n, T, ...) within the lengths, with its row in `rows` and its step from
    `start` on."""
    if lengths is not None and array.ndim == 3:
        array = np.where((np.arange(array.shape[1]) < lengths[:, None])[..., None], array, 0)
    found = extreme(name, array)
    row, *place = found.at
    if array.ndim == 3:
        place[0] += start
    return found._replace(at=(int(rows[row]), *place))


def size(extreme: Extreme) -> float:
    """Returns the size of the entry; NaN counts as infinity."""
    return math.inf if math.isnan(extreme.value) else abs(extreme.value)
