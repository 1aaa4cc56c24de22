"""Thousands of short fits through a ledger while processes are killed: `python -m tests.campaigns.ledger`.

A coordinator has workers train a small network for each task: processes of joblib, and workers of a Dask cluster, by
turns. At instants that are spread evenly over the tasks, a coordinator is killed with SIGKILL, alone or with all
processes of joblib, or one worker is; where the coordinator is gone, the next one starts on the same ledger, and a new
Dask worker takes the place of one that is gone. In the end every task has one result, a sample of them has the bits of
a fit made here, and no task whose result was in the ledger at a kill was begun again after it. Linux alone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np

import elman
from elman.cluster import Ledger
from tests.campaigns.workers import Cluster

__all__ = ["fit", "main"]

KILLED = ("coordinator", "everything", "worker", "worker")
SAMPLE = 50  # fits made again
WORKERS = 2


def fit(seed: int, log: str) -> np.ndarray:
    """Trains a small network, tells a log that it begins, and returns the weights."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{seed}\n".encode())
    os.close(descriptor)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(8, 6, 1)).astype(np.float32)
    network = elman.Network(1, 4, 1, cell="gru", seed=seed)
    elman.Trainer(network, batch_size=8, seed=seed).update(x, x.cumsum(axis=1))
    return network.theta.copy()


def coordinate(ledger: str, log: str, tasks: int, executor: str) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    with Ledger(ledger, executor, workers=WORKERS) as kept:
        done, _, _, before = kept.counts()
        results = kept.run(partial(fit, log=log), range(tasks))
        own = max(1, tasks - done)
        parts = [time.perf_counter() - began, kept.counts().seconds - before, time.process_time() - cpu]
        wall, fits, processor = (1e3 * part / own for part in parts)
        print(
            f"{results}; {own} of them here, {wall:.2f} ms each on {WORKERS} workers of {executor}, of which the fit"
            f" itself {fits:.2f}; {processor:.3f} ms of the coordinator's processor",
            flush=True,
        )


def children(pid: int) -> list[int]:
    """The processes of joblib that a coordinator has."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(each) for each in found if b"popen_loky" in Path(f"/proc/{each}/cmdline").read_bytes()]
    except OSError:
        return []


def killed(pid: int, rng: np.random.Generator, cluster: Cluster | None) -> str:
    """Kills a coordinator, all of its processes too, or a worker, and returns what."""
    what, own = KILLED[rng.integers(len(KILLED))], children(pid)
    if what == "worker" and cluster is not None:
        cluster.kill(int(rng.integers(WORKERS)))
        return "Dask worker"
    if what == "worker" and own:
        targets = [own[rng.integers(len(own))]]
    else:
        targets = [pid, *own * (what == "everything")]
        what = "coordinator and its processes" if what == "everything" and own else "coordinator"
    for each in targets:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    return "process of joblib" if what == "worker" else what


def campaign(tasks: int, kills: int, seed: int, folder: Path, executors: list[str]) -> Counter[str]:
    rng, counted = np.random.default_rng(seed), Counter[str]()
    ledger, log = folder / "runs.sqlite", folder / "log"
    parts = (np.arange(kills) + rng.uniform(0.1, 0.9, kills)) / kills * tasks  # how many have begun at each kill
    cluster = Cluster(folder, WORKERS) if "dask" in executors else None
    process, starts, kept, before = None, 0, set[str](), Counter[str]()
    try:
        while process is None or process.poll() != 0:
            if process is None or process.poll() is not None:
                assert process is None or process.returncode == -signal.SIGKILL, process.returncode
                name, starts = executors[starts % len(executors)], starts + 1
                executor = cluster.address() if cluster is not None and name == "dask" else name
                command = [sys.executable, "-W", "ignore", "-m", "tests.campaigns.ledger", "--coordinate"]
                command += [str(ledger), str(log), "--tasks", str(tasks), "--executors", executor]
                process = subprocess.Popen(command)
                fresh = len(_begun(log))
            done = counted.total()
            if done == kills:
                process.wait()
                continue
            begun = len(_begun(log))
            if begun < max(parts[done], fresh + 1):  # it has begun to work itself
                time.sleep(0.05)
                continue
            what = killed(process.pid, rng, cluster if name == "dask" else None)
            counted[what] += 1
            if "coordinator" in what:
                process.wait()
                time.sleep(1.0)  # workers without a coordinator end their piece of work
                now = _done(ledger)
                assert kept <= now, f"{len(kept - now)} results are lost"
                times = _begun(log)
                twice = [name for name in kept if times[name] != before[name]]
                assert not twice, f"{len(twice)} tasks were done again though their results were there: {twice[:5]}"
                kept, before = now, times
            print(f"kill {done + 1}, {what}, {name}: {begun} begun, {len(_done(ledger))} of {tasks} done", flush=True)
    finally:
        if process is not None:
            process.kill()
            process.wait()
        if cluster is not None:
            cluster.close()
    begun = _begun(log)
    assert all(begun[name] == before[name] for name in kept), "tasks were done again though their results were there"
    assert begun.keys() == {str(k) for k in range(tasks)}
    with Ledger(ledger) as done:
        assert done.counts()[:3] == (tasks, 0, 0), done
        results = done.run(partial(fit, log=str(log)), range(tasks))
        for k in rng.choice(tasks, min(SAMPLE, tasks), replace=False).tolist():
            assert results[k].tobytes() == fit(k, os.devnull).tobytes(), f"task {k} has other bits"
    counted["begun more than once"] = sum(count > 1 for count in begun.values())
    return counted


def _begun(log: Path) -> Counter[str]:
    return Counter(log.read_text().split() if log.exists() else ())


@contextmanager
def opened(path: str | Path) -> Generator[sqlite3.Connection]:
    """The database of a ledger, behind its back."""
    with closing(sqlite3.connect(path)) as sql, sql:
        yield sql


def _done(ledger: Path) -> set[str]:
    with opened(ledger) as sql:
        if sql.execute("SELECT count(*) FROM sqlite_master WHERE name = 'task'").fetchone() == (0,):
            return set()
        return {name for (name,) in sql.execute("SELECT name FROM task WHERE ended IS NOT NULL")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--executors", nargs="+", default=["processes", "dask"], help="threads, processes, dask")
    parser.add_argument("--coordinate", nargs=2, metavar=("LEDGER", "LOG"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.coordinate:
        return coordinate(*given.coordinate, given.tasks, given.executors[0])
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(given.tasks, given.kills, given.seed, Path(folder), given.executors)
    seconds = time.perf_counter() - began
    print(f"{given.tasks} tasks in {seconds:.0f} s, none lost, none done twice once kept: {dict(found)}")


if __name__ == "__main__":
    from tests.campaigns.ledger import main as named  # `fit` is then no function of __main__, in every process

    named()
