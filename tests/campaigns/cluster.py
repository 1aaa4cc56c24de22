"""Trainings on a Dask cluster whose workers, or whose coordinator, are killed with SIGKILL at random instants, compared
bit by bit with ones on one machine: `python -m tests.campaigns.cluster --workers 100 --coordinators 30`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_cluster_updates import (
    Workers,
    assert_coordinator_resumes,
    assert_same,
    data,
    distributed,
    some_updates,
    started,
    trainer,
)

from elman.cluster import ClusterWarning, DaskExecutor

__all__ = ["main"]

CELLS = ("tanh", "lstm", "gru")


def killed_workers(runs: int, seed: int) -> None:
    """Each run has updates until its kills are over, at least 50, on workers that are started again."""
    rng = np.random.default_rng(seed)
    with started(0) as cluster, distributed.Client(cluster) as client, Workers(client, 2) as workers:
        for run in range(runs):
            cell, dtype = CELLS[run % 3], ("float32", "float64")[run % 2]
            client.wait_for_workers(2, timeout=240)
            given = data(dtype)
            alone = trainer(cell, dtype, None)
            lost = 0
            with warnings.catch_warnings(record=True) as told, DaskExecutor(client, force=True, wait=300) as executor:
                warnings.simplefilter("always", ClusterWarning)
                spread = trainer(cell, dtype, executor)
                killer = workers.kill_some(rng.uniform(0, 0.4, int(rng.integers(1, 4))))
                while killer.is_alive() or spread.updates < 50:
                    some_updates(spread, given, run % 4 > 1)
                killer.join()
                lost = sum("was lost" in str(each.message) for each in told)
            while alone.updates < spread.updates:
                some_updates(alone, given, run % 4 > 1)
            assert_same(spread, alone)
            print(f"run {run}: {cell} {dtype}, {spread.updates} updates, {lost} workers lost in one: the same bits")


def killed_coordinators(runs: int, seed: int) -> None:
    with started(2) as cluster, distributed.Client(cluster) as client:
        for run in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                assert_coordinator_resumes(client, Path(folder), kills=1, seed=seed + run)
            print(f"coordinator {run}: killed, resumed, the same bits")


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
