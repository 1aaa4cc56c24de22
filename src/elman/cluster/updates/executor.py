"""The class DaskExecutor: a Trainer's updates, their gradients computed by the workers of a Dask cluster."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.cluster.updates.crew import Asked, ClusterWarning, Cost, Crew
from elman.cluster.updates.tree import Sum, join
from elman.core import checks
from elman.core.layers import Layout
from elman.core.requests import Batch, Engine, Objective, Records, UpdateRule
from elman.engines.config import get_num_threads
from elman.engines.select import select

__all__ = ["DaskExecutor", "Profile"]

WORTHWHILE = 1.2  # how many times faster than without a cluster a training must be
TRIAL_SECONDS = 1.0  # an update that takes longer is tried once only


class Profile(NamedTuple):
    """What updates took, all together, in seconds."""

    updates: int = 0
    total: float = 0.0
    computing: float = 0.0  # in each update, by the worker that took longest
    exchange: float = 0.0  # until all sums were there, without the computing
    step: float = 0.0  # adding the sums, clipping and the optimiser's step
    bytes: int = 0  # weights sent and gradients received


class DaskExecutor:
    """Computes the gradients of a Trainer's updates on the workers of a Dask cluster: `Trainer(..., executor=...)`.

    The training has the bits that it has without, whatever the number of workers, and whenever they come, go or die:
    each update's shards are added along the same tree, in the same order.

    client    a `dask.distributed.Client`, which reaches the workers directly
    force     without it, the first update is tried here and on the workers, and RuntimeError says so where the cluster
              makes the training less than 1.2 times as fast
    wait      seconds for which a training without any worker waits for one
    patience  seconds by which a worker may be late, beyond ten times what its share usually takes; others then compute
              it

    Every worker keeps a copy of the data (of arrays in files, `numpy.memmap`, which it sees under the same name: none)
    until `close` or the end of a `with` block.
    """

    def __init__(self, client: Any, *, force: bool = False, wait: float = 60.0, patience: float = 30.0) -> None:
        if not hasattr(client, "scheduler") or not hasattr(client, "rpc"):
            raise TypeError(f"client: expected a dask.distributed.Client, got {checks.shown(client)}")
        if client.asynchronous:
            raise ValueError("client: expected one that is not asynchronous")
        self.client = client
        self.force = checks.flag("force", force)
        self.profile = Profile()
        self.gain: float | None = None  # how many times faster than without a cluster, as it was tried
        self._crew = Crew(
            client, checks.number("wait", wait, low=0.0), checks.number("patience", patience, low=0.0, open_low=True)
        )

    def update(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        objective: Objective,
        rule: UpdateRule,
        slots: Sequence[np.ndarray],
        step: int,
        records: Records,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Makes a block of updates; see `elman.core.requests.Updater`."""
        engine = _engine(layout, objective, records)
        self._crew.take(layout, objective, batch, records.passing)
        updates = len(records.rates)
        losses, norms = np.zeros(updates), np.zeros(updates)
        before = [array.copy() for array in (theta, *slots)]
        try:
            for u in range(updates):
                rows = np.ascontiguousarray(records.rows[records.starts[u] : records.starts[u + 1]])
                asked = Asked(step + u, theta, rows, _shards(objective, rows))
                if not self.force and (self.gain is None or self.gain < WORTHWHILE):
                    self._try(engine, layout, objective, batch, asked)
                began = time.perf_counter()
                (loss, gradient), cost = self._gradient(engine, layout, asked)
                norm, made = engine.apply(layout, theta, gradient, loss, rule, slots, step + u, float(records.rates[u]))
                losses[u], norms[u] = loss, norm
                self._record(cost, time.perf_counter() - began)
                if not made:
                    return losses, norms, u
        except BaseException:
            for array, values in zip((theta, *slots), before, strict=True):
                array[...] = values
            raise
        return losses, norms, updates

    def close(self) -> None:
        """Has the workers forget the data. The executor may be used again, and sends them anew."""
        self.client.sync(self._crew.close)

    def __enter__(self) -> DaskExecutor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------ inside

    def _gradient(self, engine: Engine, layout: Layout, asked: Asked) -> tuple[Sum, Cost]:
        sums, cost = self.client.sync(self._crew.sums, asked)
        while self._crew.notes:
            warnings.warn(self._crew.notes.pop(), ClusterWarning, stacklevel=2)

        def add(gradient: np.ndarray, other: np.ndarray) -> None:
            engine.add(layout, gradient, other)

        return join(sums, (0, asked.shards), add), cost

    def _record(self, cost: Cost, total: float) -> None:
        before = self.profile
        self.profile = Profile(
            before.updates + 1,
            before.total + total,
            before.computing + cost.computing,
            before.exchange + cost.waiting - cost.computing,
            before.step + total - cost.waiting,
            before.bytes + cost.bytes,
        )

    def _try(self, engine: Engine, layout: Layout, objective: Objective, batch: Batch, asked: Asked) -> None:
        """Raises RuntimeError where an update on the workers takes hardly less time than here."""
        local, remote, cost = np.inf, np.inf, Cost(0.0, 0.0, 0)
        for _ in range(2):  # the first time, memory is new and connections are made
            began = time.perf_counter()
            engine.part(layout, asked.theta, batch, objective, asked.number, asked.rows, slice(0, asked.shards))
            local = min(local, time.perf_counter() - began)
            if local > TRIAL_SECONDS:
                break
        for _ in range(2):
            began = time.perf_counter()
            _, cost = self._gradient(engine, layout, asked)
            remote = min(remote, time.perf_counter() - began)
            if cost.waiting > TRIAL_SECONDS:
                break
        self.gain = local / remote
        if self.gain >= WORTHWHILE:
            return
        workers = self._crew.workers.values()
        raise RuntimeError(
            f"executor: an update takes {local * 1e3:.3g} ms here, on {get_num_threads()} threads, and "
            f"{remote * 1e3:.3g} ms on {len(workers)} workers with {sum(worker.threads for worker in workers)} threads "
            f"({cost.computing * 1e3:.3g} ms to compute, the rest to send {cost.bytes / 1e6:.3g} MB of weights and "
            f"gradients): a gain of {self.gain:.2f}. Below {WORTHWHILE} a cluster is not worth it: train without "
            "executor, with larger batches, or with DaskExecutor(client, force=True)"
        )


def _engine(layout: Layout, objective: Objective, records: Records) -> Engine:
    """Returns the engine; raises ValueError for what workers cannot compute."""
    if records.windows is not None:
        raise ValueError("window: expected None with an executor, since a window's states are those of the one before")
    if layout.custom or not objective.loss.compiled:
        raise ValueError("executor: expected a network and a loss of the library's own, whose code workers have")
    return select(layout, objective.loss)


def _shards(objective: Objective, rows: np.ndarray) -> int:
    size = min(objective.shard_size, len(rows))
    return (len(rows) + size - 1) // size
