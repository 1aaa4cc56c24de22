"""Batches from Dask arrays and data frames, computed a partition at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from elman.core import checks
from elman.train.stored.groups import DEFAULT_MEMORY, GroupedBatches, Rows

__all__ = ["DaskBatches", "is_dask"]


def is_dask(value: Any) -> bool:
    """Returns whether this is a Dask array, data frame or series; Dask is not imported for it."""
    return hasattr(value, "__dask_graph__") and hasattr(value, "npartitions")


class DaskBatches(GroupedBatches):
    """Batches for `Trainer.fit` from Dask collections, of which a few partitions are in memory at a time.

    `fit` makes one itself where x and y are such collections; made by hand, it has a limit of memory.

    x              an array (n, T, D) or (n, T); or a data frame, whose columns are the steps of sequences with one
                   feature
    y              an array (n,), (n, O) or (n, T, O), or a series or data frame, with the partitions' rows those of x
    sample_weight  alike, or None
    batch_size, seed, shuffle, memory   as for `ArrowBatches`; a partition is a group of rows

    Partitions are computed by the scheduler that Dask uses, a cluster's where a client is active, and come to this
    process. Raises ValueError where rows of x and y differ.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        batch_size: int = 32,
        seed: int = 0,
        shuffle: bool = True,
        memory: int | str = DEFAULT_MEMORY,
    ) -> None:
        super().__init__(batch_size, seed, shuffle, memory)
        given = {"x": x, "y": y} | ({} if sample_weight is None else {"sample_weight": sample_weight})
        for name, value in given.items():
            if not is_dask(value):
                raise TypeError(f"{name}: expected a Dask array or data frame, got {checks.shown(value)}")
        rows, self.parts = {}, {}
        for name, value in given.items():
            self.parts[name], rows[name] = _partitions(value)
        for name in given:
            if rows[name] != rows["x"]:
                raise ValueError(
                    f"{name}: expected partitions of as many rows as those of x, {_few(rows['x'])}, got "
                    f"{_few(rows[name])}; rechunk or repartition it"
                )
        kept = [i for i, count in enumerate(rows["x"]) if count]
        if not kept:
            raise ValueError("x: expected rows, got none")
        self.parts = {name: [parts[i] for i in kept] for name, parts in self.parts.items()}
        widths = sum(_width(value) for value in given.values())
        self._sizes = [(rows["x"][i], rows["x"][i] * widths) for i in kept]
        self.check_memory()

    @property
    def sizes(self) -> list[tuple[int, int]]:
        return self._sizes

    def name_of(self, group: int) -> str:
        return f"partition {group}"

    @property
    def described(self) -> dict[str, Any]:
        return super().described | {"batches.partitions": str(self._sizes)}

    def read(self, groups: Sequence[int]) -> Iterator[tuple[int, Rows]]:
        for group in groups:
            yield group, self._partition(group)

    def _partition(self, group: int) -> Rows:
        from dask.base import compute

        names = list(self.parts)
        found = compute(*(self.parts[name][group] for name in names))
        rows: Rows = {name: np.asarray(values) for name, values in zip(names, found, strict=True)}
        expected, where = self._sizes[group][0], self.name_of(group)
        for name, values in rows.items():
            if len(values) != expected:
                raise ValueError(f"{name}: expected {expected} rows in {where}, got {len(values)}")
            if values.dtype.kind not in "biuf":
                raise ValueError(f"{name}: expected numbers in {where}, got {values.dtype}")
        if rows["x"].ndim == 2:
            rows["x"] = rows["x"][:, :, None]
        return rows


def _partitions(value: Any) -> tuple[list[Any], list[int]]:
    """Returns a collection's partitions along its rows, each to be computed, and how many rows they have."""
    if not hasattr(value, "chunks"):  # a data frame or series
        parts = [value.get_partition(i) for i in range(value.npartitions)]
        return parts, [int(n) for n in value.map_partitions(len).compute()]
    if value.ndim > 1:
        value = value.rechunk(dict.fromkeys(range(1, value.ndim), -1))
    if any(np.isnan(n) for n in value.chunks[0]):
        value = value.compute_chunk_sizes()
    return [value.blocks[i] for i in range(value.numblocks[0])], [int(n) for n in value.chunks[0]]


def _width(value: Any) -> int:
    """Returns the bytes of a row."""
    if hasattr(value, "chunks"):
        return int(np.prod(value.shape[1:], dtype=np.int64)) * value.dtype.itemsize
    kinds = value.dtypes if value.ndim == 2 else [value.dtype]
    return sum(getattr(kind, "itemsize", 8) for kind in kinds)


def _few(counts: list[int]) -> str:
    return ", ".join(map(str, counts[:6])) + (", ..." if len(counts) > 6 else "")
