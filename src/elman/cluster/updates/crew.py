"""The workers that compute an update's shards: who they are, what each was sent, and what becomes of a lost one's."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.cluster.updates.arrays import Unreadable, only, packed
from elman.cluster.updates.tree import Shards, Sum, divide, subtrees
from elman.cluster.updates.worker import Task, facts, install
from elman.core.layers import Layout
from elman.core.requests import Batch, Objective

__all__ = ["Asked", "ClusterWarning", "Cost", "Crew"]

LOOK_SECONDS = 1.0  # between two looks at who is in the cluster
START_SECONDS = 5.0  # for which the first update waits for all workers, once there is one
RECENT = 0.3  # what the last share counts in a worker's rate


class ClusterWarning(UserWarning):
    """A worker that cannot take part, or was lost."""


class Asked(NamedTuple):
    """One update, as workers are asked for it; its batch is the crew's."""

    number: int
    theta: np.ndarray  # (P,)
    rows: np.ndarray  # int64
    shards: int  # into which the rows are cut


class Cost(NamedTuple):
    """What an update took, in seconds: the longest that a worker computed, all until its sums were there, and bytes
    sent and received."""

    computing: float
    waiting: float
    bytes: int


@dataclass
class Worker:
    """One worker of the cluster."""

    address: str
    threads: int
    rate: float = 0.0  # shards a second; 0: not known
    holds: int = -1  # the number of the task that it was sent


class Crew:
    """The workers of a Dask cluster, seen from one training. All of it runs on the client's event loop."""

    def __init__(self, client: Any, wait: float, patience: float) -> None:
        self.client, self.wait, self.patience = client, wait, patience
        self.workers: dict[str, Worker] = {}
        self.training = uuid.uuid4().hex
        self.notes: list[str] = []  # what the user is to be told
        self._new: dict[str, asyncio.Task[Worker | str | None]] = {}  # workers that are not ready yet, by address
        self._refused: set[str] = set()  # addresses of workers that are unlike this machine
        self._trouble = ""  # why the last worker that did not answer did not
        self._looked, self._began = -LOOK_SECONDS, False
        self._number, self._batch, self._like, self._files = 0, None, None, True
        self._sent: Any = None
        self._passing = False

    def take(self, layout: Layout, objective: Objective, batch: Batch, passing: bool) -> None:
        """Makes a batch the one that is computed on; where it is `passing`, a worker is sent the rows of its share
        alone, with each call."""
        if batch is self._batch and (layout, objective) == self._like:
            return
        self._batch, self._like, self._sent, self._passing = batch, (layout, objective), None, passing
        self._number += 1

    async def sums(self, asked: Asked) -> tuple[dict[Shards, Sum], Cost]:
        """Returns the sums of subtrees that together are all shards of an update, whichever workers come and go.

        Raises RuntimeError where there is no worker for `wait` seconds.
        """
        began = time.perf_counter()
        sums: dict[Shards, Sum] = {}
        missing: list[Shards] = [(0, asked.shards)]
        computing, moved = 0.0, 0
        while missing:
            workers = await self._present()
            shares = [(worker, shards) for given in missing for worker, shards in self._shares(workers, given)]
            calls = {
                asyncio.create_task(self._ask(worker, asked, shards)): (worker, shards) for worker, shards in shares
            }
            try:
                await self._wait_for(calls)
                answers = [None if call.cancelled() else call.result() for call in calls]
            finally:
                for call in calls:
                    call.cancel()
            missing = []
            for (worker, shards), answer in zip(shares, answers, strict=True):
                if answer is None:
                    missing.append(shards)
                    if self.workers.pop(worker.address, None) is not None:
                        self.notes.append(f"executor: worker {worker.address} was lost; others compute its shards")
                    continue
                computing = max(computing, answer[1])
                moved += asked.theta.nbytes + sum(gradient.nbytes for _, gradient in answer[0].values())
                sums |= answer[0]
        self._began = True
        return sums, Cost(computing, time.perf_counter() - began, moved)

    async def close(self) -> None:
        """Has the workers forget the training."""
        calls = [self.client.rpc(address).elman_forget(training=self.training) for address in self.workers]
        await asyncio.gather(*calls, return_exceptions=True)

    # ------------------------------------------------------------------------------------------ inside

    @staticmethod
    def _shares(workers: list[Worker], shards: Shards) -> list[tuple[Worker, Shards]]:
        known = [worker.rate / worker.threads for worker in workers if worker.rate]
        usual = sum(known) / len(known) if known else 1.0  # of a thread, of a worker that has not computed anything yet
        parts = divide(shards, [worker.rate or worker.threads * usual for worker in workers])
        return [(worker, part) for worker, part in zip(workers, parts, strict=True) if part[0] < part[1]]

    async def _wait_for(self, calls: dict[asyncio.Task[Any], tuple[Worker, Shards]]) -> None:
        """Waits for calls, and cancels those of workers that are gone or much slower than they were."""
        began, open_calls = time.monotonic(), set(calls)
        while open_calls:
            _, open_calls = await asyncio.wait(open_calls, timeout=LOOK_SECONDS)
            if not open_calls:
                return
            passed, there = time.monotonic() - began, await self._addresses()
            for call in open_calls:
                worker, (first, last) = calls[call]
                late = worker.rate and passed > self.patience + 10 * (last - first) / worker.rate
                if late or worker.address not in there:
                    call.cancel()

    async def _ask(self, worker: Worker, asked: Asked, shards: Shards) -> tuple[dict[Shards, Sum], float] | None:
        """Returns a worker's sums of its shards, and the seconds that it computed; None where it is lost."""
        from distributed.protocol.serialize import to_serialize

        parts = subtrees(shards, (0, asked.shards))
        remote = self.client.rpc(worker.address)
        began = time.perf_counter()
        try:
            answer: dict[str, Any] = {"missing": True}
            while "missing" in answer:
                if not self._passing and worker.holds != self._number:
                    await self._send(worker)
                    began = time.perf_counter()
                answer = await remote.elman_part(
                    training=self.training,
                    number=self._number,
                    update=asked.number,
                    theta=to_serialize(asked.theta),
                    rows=to_serialize(asked.rows),
                    shards=parts,
                    task=self._piece(asked, shards) if self._passing else None,
                )
                if "missing" in answer:
                    worker.holds = -1
        except OSError:  # its connection broke
            return None
        rate = (shards[1] - shards[0]) / (time.perf_counter() - began)
        worker.rate = rate if not worker.rate else (1 - RECENT) * worker.rate + RECENT * rate
        gradients = [np.require(gradient, requirements=["C", "A", "W"]) for gradient in answer["gradients"]]
        sums = zip(answer["losses"], gradients, strict=True)
        return dict(zip(parts, sums, strict=True)), answer["seconds"]

    async def _send(self, worker: Worker) -> None:
        """Sends a worker what all updates on the batch have in common."""
        from distributed.protocol.serialize import to_serialize

        assert self._batch is not None
        assert self._like is not None
        number = self._number
        try:
            if self._sent is None:
                self._sent = to_serialize(Task(*self._like, packed(self._batch, self._files)))
            await self.client.rpc(worker.address).elman_hold(training=self.training, number=number, task=self._sent)
        except Unreadable:
            self._files, self._sent = False, None
            return await self._send(worker)
        worker.holds = number

    def _piece(self, asked: Asked, shards: Shards) -> Any:
        """Returns the task of some shards of an update, with their rows alone."""
        from distributed.protocol.serialize import to_serialize

        assert self._batch is not None
        assert self._like is not None
        batch, (layout, objective) = self._batch, self._like
        ordered = asked.rows
        if batch.lengths is not None:
            ordered = ordered[np.argsort(-batch.lengths[ordered], kind="stable")]
        own = ordered[shards[0] * objective.shard_size : shards[1] * objective.shard_size]
        return to_serialize(Task(layout, objective, packed(only(batch, own), False), own, len(batch.x)))

    async def _addresses(self) -> dict[str, int]:
        """Returns the addresses of the cluster's workers, with their threads."""
        try:
            return await self.client.scheduler.ncores(workers=None)
        except OSError as error:
            raise RuntimeError(f"executor: expected Dask's scheduler to answer, got {error}") from error

    async def _present(self) -> list[Worker]:
        """Returns the workers that are there, having looked who is new and who is gone where it is time to."""
        began = time.monotonic()
        while not self.workers or time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            there = await self._addresses()
            for address in set(self.workers) - set(there):
                del self.workers[address]
            for address in set(there) - set(self.workers) - set(self._new) - self._refused:
                self._new[address] = asyncio.create_task(self._greet(address, there[address]))
            if self._new and not self._began and not self.workers:  # later, the others go on without those who come
                await asyncio.wait(self._new.values(), timeout=min(self.wait, START_SECONDS))
            for address in [address for address, greeted in self._new.items() if greeted.done()]:
                worker = self._new.pop(address).result()
                if isinstance(worker, Worker):
                    self.workers[address] = worker
                elif worker and self._began:
                    self.notes.append(f"executor: {worker}. The others go on without it")
                elif worker:
                    raise RuntimeError(f"executor: {worker}")
            if not self.workers:
                if time.monotonic() - began > self.wait:
                    raise RuntimeError(
                        f"executor: expected a Dask worker, found none for {self.wait:g} seconds among {len(there)}"
                        + (f" ({self._trouble})" if self._trouble else "")
                    )
                await asyncio.sleep(0.1)
        return [self.workers[address] for address in sorted(self.workers)]

    async def _greet(self, address: str, threads: int) -> Worker | str | None:
        """Prepares a new worker, and returns it, or why it cannot take part; None where it does not answer."""
        from distributed.protocol import pickle

        worker = Worker(address, threads)
        try:
            answer = await self.client.rpc(address).run(function=pickle.dumps(install))
            if answer["status"] != "OK":
                self._refused.add(address)
                return f"worker {address} cannot run elman: {answer['exception']!r}"
            own, other = facts(), answer["result"]
            names = [name for name in own if other.get(name) != own[name]]
            if not names:
                if not self._passing:
                    await self._send(worker)
                return worker
        except OSError as error:
            self._trouble = f"{address}: {error}"
            return None
        self._refused.add(address)
        unlike = "; ".join(f"{name} {other.get(name)} there, {own[name]} here" for name in names)
        return (
            f"worker {address} would give other bits ({unlike}). Install the same elman on every machine; the variable "
            "ELMAN_ISA, set on all, pins the instruction set"
        )
