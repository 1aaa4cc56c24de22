"""What runs on the workers of a Dask cluster: the losses and gradients of shards, on data that are kept there.

All that a worker keeps is a copy. Where it has none, since it is new, was started again or has forgotten it, it says
so, and is sent another.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.cluster.updates.arrays import aligned, spread, unpacked
from elman.cluster.updates.tree import Shards
from elman.core.layers import Layout
from elman.core.requests import Batch, Objective
from elman.engines.config import set_num_threads, show_config
from elman.engines.select import select

__all__ = ["Task", "facts", "install"]

IDLE_SECONDS = 600.0  # after which the data of a training are forgotten where another one's come


class Task(NamedTuple):
    """What all updates on a batch have in common."""

    layout: Layout
    objective: Objective
    batch: Any  # of Batch, as `arrays.packed` makes it
    own: np.ndarray | None = None  # the rows that it has, where it has some of `rows` alone
    rows: int = 0


class Held:
    """The task of one training, as a worker keeps it."""

    def __init__(self, number: int, task: Task) -> None:
        self.number = number
        self.layout, self.objective = task.layout, task.objective
        batch = unpacked(task.batch)
        self.batch: Batch = batch if task.own is None else spread(batch, aligned(task.own), task.rows)
        self.engine = select(task.layout, task.objective.loss)
        self.used = time.monotonic()


_held: dict[str, Held] = {}  # training -> what it computes


def install(dask_worker: Any) -> dict[str, Any]:
    """Makes a Dask worker answer the calls below, on as many threads as it has; returns `facts()`."""
    if not dask_worker.address.startswith("inproc") and "ELMAN_NUM_THREADS" not in os.environ:
        set_num_threads(dask_worker.state.nthreads)
    dask_worker.handlers.update(elman_hold=hold, elman_part=part, elman_forget=forget)
    return facts()


@cache
def facts() -> dict[str, Any]:
    """Returns what must be the same on two machines for the same bits."""
    config = show_config()
    core = importlib.util.find_spec("elman._native") if config["engine"] == "native" else None
    digest = hashlib.blake2b(Path(core.origin).read_bytes(), digest_size=8) if core and core.origin else None
    return {
        "elman": config["version"],
        "engine": config["engine"],
        "instruction set": config["isa"],
        "build": digest and digest.hexdigest(),
    }


async def hold(training: str, number: int, task: Task) -> dict[str, Any]:
    """Keeps a training's task, in place of the one before."""
    now = time.monotonic()
    for other in [name for name, held in _held.items() if now - held.used > IDLE_SECONDS]:
        del _held[other]
    _held[training] = await asyncio.to_thread(Held, number, task)
    return {}


async def part(
    training: str,
    number: int,
    update: int,
    theta: np.ndarray,
    rows: np.ndarray,
    shards: list[Shards],
    task: Task | None = None,
) -> dict[str, Any]:
    """Returns the losses and the gradients of subtrees of an update's shards, and the seconds that they took.

    number  of the task that the training is at; where another one is kept, the answer is {"missing": True}
    task    for this call alone, in place of the one that is kept
    """
    from distributed.protocol.serialize import to_serialize

    held = _held.get(training) if task is None else await asyncio.to_thread(Held, number, task)
    if held is None or held.number != number:
        return {"missing": True}
    held.used = time.monotonic()
    losses, gradients, seconds = await asyncio.to_thread(_sums, held, update, aligned(theta), aligned(rows), shards)
    return {"losses": losses, "gradients": to_serialize(gradients), "seconds": seconds}


async def forget(training: str) -> dict[str, Any]:
    """Forgets a training that has ended."""
    _held.pop(training, None)
    return {}


def _sums(
    held: Held, update: int, theta: np.ndarray, rows: np.ndarray, shards: list[Shards]
) -> tuple[list[float], list[np.ndarray], float]:
    began = time.perf_counter()
    given = held.layout, theta, held.batch, held.objective, update, rows
    sums = [held.engine.part(*given, slice(first, last)) for first, last in shards]
    return [float(value) for value, _ in sums], [gradient for _, gradient in sums], time.perf_counter() - began
