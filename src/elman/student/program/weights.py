"""Finds the arrays that a program keeps, in attributes, dictionaries, lists and the objects that it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Weight", "arrays"]

DEPTH = 3  # objects and containers inside each other
LARGEST = 200_000  # entries


class Weight(NamedTuple):
    """Where an array is stored: the attributes and keys that lead to it. A key is in a tuple of its own, (key,)."""

    path: tuple[Any, ...]

    @property
    def name(self) -> str:
        text = "".join(f"[{step[0]!r}]" if isinstance(step, tuple) else f".{step}" for step in self.path)
        return text.lstrip(".")

    @property
    def key(self) -> str:
        """The last attribute or key, as a word."""
        last = self.path[-1]
        return str(last[0] if isinstance(last, tuple) else last)

    def read(self, owner: Any) -> np.ndarray:
        """Returns a copy of the present value."""
        return np.array(self._at(owner, self.path))

    def write(self, owner: Any, value: np.ndarray) -> None:
        """Stores a value: into the array where it is, so that what shares it sees it too, else in its place."""
        array = self._at(owner, self.path)
        if isinstance(array, np.ndarray) and array.flags.writeable and array.shape == value.shape:
            array[...] = value
            if np.array_equal(self._at(owner, self.path), array):
                return
        holder, last = self._at(owner, self.path[:-1]), self.path[-1]
        if isinstance(last, tuple):
            holder[last[0]] = value.copy()
        else:
            setattr(holder, last, value.copy())

    @staticmethod
    def _at(owner: Any, path: tuple[Any, ...]) -> Any:
        for step in path:
            owner = owner[step[0]] if isinstance(step, tuple) else getattr(owner, step)
        return owner


def arrays(owner: Any, *, written: bool = False) -> list[Weight]:
    """Returns every array of floating-point numbers, each once.

    written  only those that can be written
    """
    found: list[Weight] = []
    seen: list[np.ndarray] = []
    for path, value in _walk(owner, (), DEPTH, set()):
        weight = Weight(path)
        if any(np.may_share_memory(value, other) and np.shares_memory(value, other) for other in seen):
            continue  # the same numbers by another name, such as one vector of all weights
        seen.append(value)
        if written:
            try:
                weight.write(owner, np.array(value))
            except (AttributeError, TypeError, ValueError):
                continue
        found.append(weight)
    return found


def _walk(owner: Any, path: tuple[Any, ...], depth: int, seen: set[int]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yields the path and the value of each array below an owner; attributes before what is inside them."""
    inner: list[tuple[tuple[Any, ...], Any]] = []
    for step, value in _entries(owner):
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "f" and 0 < value.size <= LARGEST:
                yield (*path, step), value
        elif depth > 1 and _opens(value) and id(value) not in seen:
            seen.add(id(value))
            inner.append(((*path, step), value))
    for place, value in inner:
        yield from _walk(value, place, depth - 1, seen)


def _entries(owner: Any) -> list[tuple[Any, Any]]:
    if isinstance(owner, dict):
        return [((key,), value) for key, value in owner.items()]
    if isinstance(owner, list):
        return [((key,), value) for key, value in enumerate(owner[:64])]
    own = getattr(owner, "__dict__", {})
    kind = type(owner)
    described = [name for name in dir(kind) if hasattr(_static(kind, name), "__set__")]
    names = [name for name in dict.fromkeys([*own, *described]) if not name.startswith("__")]
    found: list[tuple[Any, Any]] = []
    for name in names:
        try:
            found.append((name, getattr(owner, name)))
        except Exception:  # a property of the student's own may raise anything; it is no weight then
            continue
    return found


def _static(kind: type, name: str) -> Any:
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


def _opens(value: Any) -> bool:
    """Returns whether arrays may lie inside a value."""
    if isinstance(value, dict | list):
        return True
    kind = type(value)
    if isinstance(value, type) or callable(value) or not hasattr(value, "__dict__"):
        return False
    return kind.__module__ not in ("builtins", "types", "numpy", "random")
