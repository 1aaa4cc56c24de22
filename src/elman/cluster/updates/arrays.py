"""Arrays on their way to workers: views of a series are sent as the series, and files that workers see as names."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from elman.core.requests import Batch, NamedInput

__all__ = ["Unreadable", "aligned", "only", "packed", "spread", "unpacked"]


class View(NamedTuple):
    """An array whose elements overlap in memory, such as windows of one series."""

    memory: np.ndarray  # uint8 (bytes,), from its first byte to its last
    offset: int  # of its first element
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


class File(NamedTuple):
    """An array that lies in a file (`numpy.memmap`), which is read where it is used."""

    path: str
    changed: int  # nanoseconds: when it was written
    offset: int  # in bytes
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


class Unreadable(Exception):
    """A worker does not see the file of an array, or sees another one."""


def packed(batch: Batch, files: bool) -> list[Any]:
    """Returns a batch's fields in a form that is short to send.

    files  whether arrays that lie in files are sent as their names
    """

    def pack(array: np.ndarray | None) -> Any:
        if array is None:
            return None
        file = _file_of(array) if files else None
        if file is not None:
            return file
        steps = [(size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True)]
        before, after = -sum(min(step, 0) for step in steps), sum(max(step, 0) for step in steps) + array.itemsize
        if before + after >= array.nbytes:
            return np.ascontiguousarray(array)
        lowest = array[tuple(slice(-1, None) if step < 0 else slice(0, 1) for step in steps)]
        memory = as_strided(lowest.reshape(1).view(np.uint8), (before + after,), (1,))
        return View(memory, before, array.shape, array.strides, array.dtype.str)

    x, y, lengths, weight, state, y_lengths, named = batch
    states = None if state is None else [pack(array) for array in state]
    others = None if named is None else {name: [pack(array) for array in one] for name, one in named.items()}
    return [pack(x), pack(y), pack(lengths), pack(weight), states, pack(y_lengths), others]


def unpacked(fields: list[Any]) -> Batch:
    """Returns the batch; raises Unreadable where a file of it is not the one that was meant."""

    def unpack(given: Any) -> Any:
        if isinstance(given, View):
            return np.ndarray(given.shape, given.dtype, aligned(given.memory), given.offset, given.strides)
        return _opened(given) if isinstance(given, File) else None if given is None else aligned(given)

    x, y, lengths, weight, states, y_lengths, others = fields
    state = None if states is None else [unpack(array) for array in states]
    named = None if others is None else {name: NamedInput(*map(unpack, one)) for name, one in others.items()}
    return Batch(unpack(x), unpack(y), unpack(lengths), unpack(weight), state, unpack(y_lengths), named)


def only(batch: Batch, own: np.ndarray) -> Batch:
    """Returns a batch with the values of some rows alone; what counts rows and steps stays that of all."""
    named = {name: NamedInput(one.values[own], one.lengths) for name, one in (batch.named or {}).items()}
    return batch.take(own)._replace(
        lengths=batch.lengths, weight=batch.weight, y_lengths=batch.y_lengths, named=named if batch.named else None
    )


def spread(part: Batch, own: np.ndarray, rows: int) -> Batch:
    """Returns the batch of so many rows of which `only` took some; the others hold zeros, which nothing reads."""

    def all_rows(array: np.ndarray) -> np.ndarray:
        whole = np.zeros((rows, *array.shape[1:]), array.dtype)
        whole[own] = array
        return whole

    named = {name: NamedInput(all_rows(one.values), one.lengths) for name, one in (part.named or {}).items()}
    return part._replace(
        x=all_rows(part.x),
        y=None if part.y is None else all_rows(part.y),
        state=None if part.state is None else [all_rows(array) for array in part.state],
        named=named if part.named else None,
    )


def aligned(array: np.ndarray) -> np.ndarray:
    """Returns the array itself where its numbers lie at addresses of their kind, else a copy: what arrives by network
    may begin anywhere."""
    return np.require(array, requirements=["C", "A"])


def _file_of(array: np.ndarray) -> File | None:
    """Returns where in a file an array lies, if it does."""
    base: Any = array
    while base is not None and not (isinstance(base, np.memmap) and not isinstance(base.base, np.ndarray)):
        base = base.base if isinstance(base, np.ndarray) else None
    if base is None or not isinstance(base.filename, str | os.PathLike):
        return None
    start, origin = array.__array_interface__["data"][0], base.__array_interface__["data"][0]
    path = os.path.abspath(base.filename)
    place = base.offset + start - origin
    return File(path, os.stat(path).st_mtime_ns, place, array.shape, array.strides, array.dtype.str)


def _opened(file: File) -> np.ndarray:
    try:
        if os.stat(file.path).st_mtime_ns != file.changed:
            raise Unreadable(f"{file.path}: expected the file as it was when the training began, got a changed one")
        whole = np.memmap(file.path, np.uint8, "r")
        return np.ndarray(file.shape, file.dtype, whole, file.offset, file.strides)
    except (OSError, ValueError, TypeError) as error:
        raise Unreadable(f"{file.path}: {error}") from error
