"""Parameters of a cell by name, from and to the plain tuples in which layouts and users hold them."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

__all__ = ["named", "present"]

Arrays = tuple[np.ndarray, ...]
P = TypeVar("P", bound=tuple[Any, ...])


def named(kind: type[P], names: list[str], arrays: Arrays) -> P:
    """Returns the arrays as a NamedTuple of this kind, by these names; one of the kind already comes back as it is."""
    if isinstance(arrays, kind):
        return arrays
    return kind(**dict(zip(names, arrays, strict=True)))  # type: ignore[arg-type]


def present(parameters: tuple[np.ndarray | None, ...]) -> Arrays:
    """Returns the arrays that the cell has, as a plain tuple in the order of its parameters."""
    return tuple(array for array in parameters if array is not None)
