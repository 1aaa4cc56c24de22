"""Trainings on a Dask cluster whose workers, or whose coordinator, are killed with SIGKILL at random instants, compared
bit by bit with ones on one machine: `python -m tests.campaigns.cluster --workers 100 --coordinators 30`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_cluster_updates import (
    ROWS,
    WIDTH,
    Workers,
    assert_coordinator_resumes,
    assert_same,
    distributed,
    some_updates,
    started,
    trainer,
)

from elman.cluster import ClusterWarning, DaskExecutor

__all__ = ["main"]

CELLS = ("tanh", "lstm", "gru")
STEPS = 150


def longer(dtype: str) -> dict[str, Any]:
    """Data on which workers compute for most of an update."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(ROWS, STEPS, WIDTH)).astype(dtype), rng.normal(size=(ROWS, STEPS, 2)).astype(dtype)
    return {"x": x, "y": y, "lengths": rng.integers(1, STEPS + 1, ROWS)}


class Killer(threading.Thread):
    """Kills one worker after another, each a while after it has answered for a share; notes what it was doing."""

    def __init__(self, client: Any, workers: Workers, executor: DaskExecutor, delays: np.ndarray) -> None:
        super().__init__()
        self.client, self.workers, self.crew, self.delays = client, workers, executor._crew, delays
        self.asked: set[str] = set()  # addresses of workers that owe an answer
        self.met: list[bool] = []  # of each kill, whether the worker owed one
        self._ask = self.crew._ask
        self.crew._ask = self._noting  # type: ignore[method-assign]

    async def _noting(self, worker: Any, *given: Any) -> Any:
        self.asked.add(worker.address)
        try:
            return await self._ask(worker, *given)
        finally:
            self.asked.discard(worker.address)

    def run(self) -> None:
        for i, delay in enumerate(self.delays):
            place = i % len(self.workers.running)
            process, address = self.workers.running[place], None
            while address is None:
                time.sleep(0.02)
                own = [address for address, pid in self.client.run(os.getpid).items() if pid == process.pid]
                address = next((one for one in own if (known := self.crew.workers.get(one)) and known.rate), None)
            time.sleep(delay)
            self.met.append(address in self.asked)
            self.workers.replace(place)


def killed_workers(runs: int, seed: int) -> None:
    """Each run has updates until its kills are over, at least 50, on workers that are started again."""
    rng = np.random.default_rng(seed)
    kills, computing, met_runs = 0, 0, 0
    with started(0) as cluster, distributed.Client(cluster) as client, Workers(client, 2) as workers:
        for run in range(runs):
            cell, dtype = CELLS[run % 3], ("float32", "float64")[run % 2]
            client.wait_for_workers(2, timeout=240)
            given = longer(dtype)
            alone = trainer(cell, dtype, None)
            with warnings.catch_warnings(record=True) as told, DaskExecutor(client, force=True, wait=300) as executor:
                warnings.simplefilter("always", ClusterWarning)
                spread = trainer(cell, dtype, executor)
                killer = Killer(client, workers, executor, rng.uniform(0, 0.4, int(rng.integers(1, 4))))
                killer.start()
                while killer.is_alive() or spread.updates < 50:
                    some_updates(spread, given, run % 4 > 1)
                lost = sum("was lost" in str(each.message) for each in told)
            while alone.updates < spread.updates:
                some_updates(alone, given, run % 4 > 1)
            assert_same(spread, alone)
            kills, computing, met_runs = (
                kills + len(killer.met),
                computing + sum(killer.met),
                met_runs + any(killer.met),
            )
            print(
                f"run {run}: {cell} {dtype}, {spread.updates} updates, {len(killer.met)} workers killed that took "
                f"part, {sum(killer.met)} of them at work, {lost} missed by an update: the same bits",
                flush=True,
            )
    print(f"{kills} workers killed, {computing} of them at work on shards, which was so in {met_runs} of {runs} runs")


def killed_coordinators(runs: int, seed: int) -> None:
    with started(2) as cluster, distributed.Client(cluster) as client:
        for run in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                assert_coordinator_resumes(client, Path(folder), kills=1, seed=seed + run)
            print(f"coordinator {run}: killed, resumed, the same bits", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=100, help="runs in which workers are killed")
    parser.add_argument("--coordinators", type=int, default=30, help="runs in which the coordinator is")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    killed_workers(options.workers, options.seed)
    killed_coordinators(options.coordinators, options.seed)
    print("0 failed")


if __name__ == "__main__":
    main()
