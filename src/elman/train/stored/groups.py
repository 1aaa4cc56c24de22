"""Batches of rows that lie in groups, of which only a few are in memory at a time, in an order that the seed draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from elman.core import checks
from elman.network.arguments.ragged import filled

__all__ = ["GroupedBatches", "Rows", "as_memory"]

Rows = dict[str, Any]  # "x", "y" and perhaps "sample_weight" -> an array of rows, or a list of sequences
DEFAULT_MEMORY = 256 << 20
BLOCK, GROUP = 4, 8  # parts of the memory for a block and a group: two blocks, one of them coming, and reading a group
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
    def read(self, group: int) -> Rows:
        """Returns the rows of a group."""

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
        rng = np.random.default_rng([self.seed, number])
        order = rng.permutation(len(self.sizes)) if self.shuffle else np.arange(len(self.sizes))
        blocks = self._blocks(order.tolist())
        rows: Rows = {}
        left = np.arange(0)
        with ThreadPoolExecutor(1, thread_name_prefix="elman-read") as reader:
            coming = reader.submit(self._read, blocks[0], 0)
            for i in range(len(blocks)):
                rows = _joined(rows, left, coming.result())
                n = len(rows["x"])
                ends = i + 1 == len(blocks)
                whole = n if ends else n // self.batch_size * self.batch_size
                if not ends:
                    coming = reader.submit(self._read, blocks[i + 1], n - whole)
                chosen = rng.permutation(n) if self.shuffle else np.arange(n)
                for first in range(0, whole, self.batch_size):
                    yield _batch(rows, chosen[first : min(first + self.batch_size, whole)])
                left = chosen[whole:]

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

    def _read(self, block: list[int], room: int) -> Rows:
        """Returns the rows of some groups, behind room for so many others."""
        n = room + sum(self.sizes[group][0] for group in block)
        found: Rows = {}
        at = room
        for group in block:
            rows = self.read(group)
            self._check_form(group, rows)
            for name, values in rows.items():
                if isinstance(values, list):
                    found.setdefault(name, [None] * room).extend(values)
                    continue
                if name not in found:
                    found[name] = np.empty((n, *values.shape[1:]), values.dtype)
                found[name] = _holding(found[name], values)
                found[name][at : at + len(values)] = values
            at += self.sizes[group][0]
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


def _holding(array: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns an array as it is, or in a type that holds the other values too without rounding them."""
    return array.astype(np.result_type(array, values), copy=False)


def _joined(before: Rows, left: np.ndarray, rows: Rows) -> Rows:
    """Puts what is left of the rows before into the room in front of others."""
    if len(left):
        for name, values in rows.items():
            own = before[name]
            if isinstance(values, list):
                values[: len(left)] = [own[row] for row in left.tolist()]
            else:
                rows[name] = _holding(values, own)
                rows[name][: len(left)] = own[left]
    return rows


def _batch(rows: Rows, chosen: np.ndarray) -> Rows:
    """Returns these rows as arguments of `Network.loss`: lists of sequences padded, with their lengths."""
    batch: Rows = {}
    for name, values in rows.items():
        if isinstance(values, list):
            batch[name], lengths = filled([values[row] for row in chosen.tolist()])
            if name == "x":
                batch["lengths"] = lengths
        else:
            batch[name] = values[chosen]
    return batch
