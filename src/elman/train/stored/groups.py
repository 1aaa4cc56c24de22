"""Batches of rows that lie in groups, of which only a few are in memory at a time, in an order that the seed draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from elman.core import checks
from elman.network.arguments.ragged import filled

__all__ = ["GroupedBatches", "Rows", "as_memory"]

Rows = dict[str, Any]  # "x", "y" and perhaps "sample_weight" -> an array of rows, or a list of sequences
DEFAULT_MEMORY = 256 << 20
# Parts of the memory for a block, of which there are two, one of them coming; for reading a group; and for rows that a
# training is handed at a time, where they must be padded or have the network's type.
BLOCK, GROUP, PIECE = 4, 8, 32
UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def as_memory(memory: int | str) -> int:
    """Returns a number of bytes from one, or from a text such as "500 MB" or "2 GiB"."""
    if isinstance(memory, str):
        number, _, unit = memory.strip().partition(" ")
        if unit in UNITS and number.replace(".", "", 1).isdigit():
            return checks.whole("memory", int(float(number) * UNITS[unit]), low=1)
        raise ValueError(f"memory: expected bytes, or a text such as '500 MB' or '2 GiB', got {memory!r}")
    return checks.whole("memory", memory, low=1)


class GroupedBatches(ABC):
    """Data that lie in groups of rows: an epoch takes the groups in an order drawn from (seed, epoch), some at a time,
    draws an order of their rows, and cuts these into batches. What is left of a batch goes on with the next groups, so
    all batches but the last are full. Only the seed, the epoch and the data decide what a batch holds.

    The subclasses say how many rows and bytes each group has, read one, and name it in errors.
    """

    def __init__(self, batch_size: int, seed: int, shuffle: bool, memory: int | str) -> None:
        self.batch_size = checks.count("batch_size", batch_size)
        self.seed = checks.whole("seed", seed, low=0)
        self.shuffle = checks.flag("shuffle", shuffle)
        self.memory = as_memory(memory)
        self._first: tuple[str, dict[str, Any]] | None = None  # the group that was read first, and the form of its rows

    @property
    @abstractmethod
    def sizes(self) -> list[tuple[int, int]]:
        """(rows, bytes in memory) of each group."""

    @abstractmethod
    def read(self, groups: Sequence[int]) -> Iterator[tuple[int, Rows]]:
        """Yields the rows of some groups, in whichever order, each with its number."""

    @abstractmethod
    def name_of(self, group: int) -> str:
        """Returns what a person calls a group."""

    @property
    def described(self) -> dict[str, Any]:
        """What decides the batches, as plain values by name, for the fingerprint of a training."""
        return {f"batches.{name}": getattr(self, name) for name in ("batch_size", "seed", "shuffle", "memory")}

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(rows for rows, _ in self.sizes)

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return -(-self.rows // self.batch_size)

    def check_memory(self) -> None:
        """Raises ValueError where one group alone is too large for the memory allowed."""
        for group, (rows, size) in enumerate(self.sizes):
            if GROUP * size > self.memory:
                raise ValueError(
                    f"memory: expected at least {GROUP} times the largest group of rows, got {self.memory:,} bytes for "
                    f"{rows:,} rows of {size:,} bytes in {self.name_of(group)}: allow more, or write smaller groups"
                )

    def epoch(self, number: int) -> Iterator[Rows]:
        """Yields the batches of epoch `number`, counted from 1, each a mapping of arguments of `Network.loss`. The next
        groups are read while the batches before them are at work."""
        for rows, _ in self.pieces(number, 1):
            yield {name: np.array(values) for name, values in rows.items()}

    def pieces(self, number: int, count: int | None = None) -> Iterator[tuple[Rows, np.ndarray]]:
        """Yields the batches of an epoch, `count` together or as many as a part of the memory holds: their rows one
        after the other, and where each begins, int64 (batches + 1,). The arrays are written over when more are asked
        for."""
        rng = np.random.default_rng([self.seed, number])
        order = rng.permutation(len(self.sizes)) if self.shuffle else np.arange(len(self.sizes))
        blocks = self._blocks(order.tolist())
        counts = [sum(self.sizes[group][0] for group in block) for block in blocks]
        most = max(counts) + self.batch_size

        def places(n: int) -> np.ndarray:
            """Returns where each of n rows comes to lie: batches are neighbours then."""
            return np.argsort(rng.permutation(n)) if self.shuffle else np.arange(n)

        before: Rows = {}
        to, left, first = places(counts[0]), 0, 0  # `left` rows of those before, from `first` on, lie in front
        with ThreadPoolExecutor(1, thread_name_prefix="elman-read") as reader:
            coming = reader.submit(self._read, blocks[0], to, most, {})
            for i in range(len(blocks)):
                rows = _joined(before, slice(first, first + left), coming.result(), to[:left])
                spare = {name: values for name, values in before.items() if isinstance(values, np.ndarray)}
                before = rows
                n, ends = len(to), i + 1 == len(blocks)
                whole = n if ends else n // self.batch_size * self.batch_size
                if not ends:
                    left, first = n - whole, whole
                    to = places(left + counts[i + 1])
                    coming = reader.submit(self._read, blocks[i + 1], to[left:], most, spare)
                yield from self._cut(rows, whole, count)

    def _blocks(self, order: list[int]) -> list[list[int]]:
        """Returns neighbouring groups of an order together, as many as memory allows."""
        blocks: list[list[int]] = []
        room = 0
        for group in order:
            size = self.sizes[group][1]
            if not blocks or size > room:
                blocks.append([])
                room = self.memory // BLOCK
            blocks[-1].append(group)
            room -= size
        return blocks

    def _cut(self, rows: Rows, n: int, count: int | None) -> Iterator[tuple[Rows, np.ndarray]]:
        """Yields the first n rows in pieces of `count` batches."""
        count = count or max(1, self.memory // PIECE // (self.batch_size * sum(map(_width, rows.values()))))
        for first in range(0, n, count * self.batch_size):
            last = min(n, first + count * self.batch_size)
            starts = np.append(np.arange(0, last - first, self.batch_size), last - first)
            yield _padded({name: values[first:last] for name, values in rows.items()}), starts

    def _read(self, block: list[int], places: np.ndarray, most: int, spare: Rows) -> Rows:
        """Returns the rows of some groups, each in its place among at most so many.

        spare  rows that nobody needs any more, whose memory is used again
        """
        begins = np.cumsum([0, *(self.sizes[group][0] for group in block)])
        to = {group: places[begin:] for group, begin in zip(block, begins.tolist(), strict=False)}
        found: Rows = {}
        for group, rows in self.read(block):
            self._check_form(group, rows)
            own = to[group][: len(rows["x"])]
            for name, values in rows.items():
                if isinstance(values, list):
                    listed = found.setdefault(name, [None] * most)
                    for place, row in zip(own.tolist(), values, strict=True):
                        listed[place] = row
                    continue
                if name not in found:
                    found[name] = _room(spare.pop(name, None), most, values)
                found[name] = _holding(found[name], values)
                found[name][own] = values
            rows.clear()  # before others are read
        return found

    def _check_form(self, group: int, rows: Rows) -> None:
        """Raises ValueError where a group's rows have another form than those of the group that was read first."""
        forms = {
            name: f"sequences of shape ({', '.join(['T', *map(str, values[0].shape[1:])])})"
            if isinstance(values, list)
            else f"rows of shape {values.shape[1:]}"
            for name, values in rows.items()
        }
        if self._first is None:
            self._first = self.name_of(group), forms
        first, expected = self._first
        for name, form in forms.items():
            if form != expected[name]:
                raise ValueError(
                    f"{name}: expected {expected[name]}, as in {first}, got {form} in {self.name_of(group)}"
                )


def _width(values: Any) -> int:
    """Returns the bytes of a row, of the longest one of a list."""
    if isinstance(values, np.ndarray):
        return values[0].nbytes
    return max(row.nbytes for row in values if row is not None)


def _room(spare: Any, n: int, values: np.ndarray) -> np.ndarray:
    """Returns an array for n rows like these: the spare one where it is of their kind, since new memory costs time."""
    if isinstance(spare, np.ndarray) and (spare.dtype, spare.shape[1:]) == (values.dtype, values.shape[1:]):
        return spare
    return np.empty((n, *values.shape[1:]), values.dtype)


def _holding(array: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns an array as it is, or in a type that holds the other values too without rounding them."""
    return array.astype(np.result_type(array, values), copy=False)


def _joined(before: Rows, left: slice, rows: Rows, places: np.ndarray) -> Rows:
    """Puts rows that are left of those before into their places among others."""
    for name in rows if len(places) else ():
        own = before[name][left]
        if isinstance(own, list):
            for place, row in zip(places.tolist(), own, strict=True):
                rows[name][place] = row
        else:
            rows[name] = _holding(rows[name], own)
            rows[name][places] = own
    return rows


def _padded(rows: Rows) -> Rows:
    """Returns rows as arguments of `Network.loss`: lists of sequences padded, with their lengths."""
    found: Rows = {}
    for name, values in rows.items():
        found[name] = values
        if isinstance(values, list):
            found[name], lengths = filled(values)
            if name == "x":
                found["lengths"] = lengths
    return found
