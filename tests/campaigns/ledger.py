"""Thousands of short fits through a ledger whose processes are killed: `python -m tests.campaigns.ledger`.

A coordinator has processes of joblib train a small network for each task. Some while after it began to, it is killed
with SIGKILL, alone or with all of its processes, or one of those is; where it is gone, the next one starts on the same
ledger. In the end every task has one result, a sample of them has the bits of a fit made here, and no task whose result
was in the ledger at a kill was begun again after it. Linux alone.
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

__all__ = ["fit", "main"]

MEAN_SECONDS = 2.0  # until a coordinator is killed that has begun to work
SAMPLE = 50  # fits made again


def fit(seed: int, log: str) -> np.ndarray:
    """Trains a small network, tells a log that it begins, and returns the weights."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{seed}\n".encode())
    os.close(descriptor)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(8, 6, 1)).astype(np.float32)
    network = elman.Network(1, 4, 1, cell="gru", seed=seed)
    trainer = elman.Trainer(network, batch_size=8, seed=seed)
    for _ in range(3):
        trainer.update(x, x.cumsum(axis=1))
    return network.theta.copy()


def coordinate(ledger: str, log: str, tasks: int, executor: str) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    with Ledger(ledger, executor, workers=2) as kept:
        results = kept.run(partial(fit, log=log), range(tasks))
        seconds = time.perf_counter() - began
        print(
            f"{results}; {1e3 * seconds / tasks:.2f} ms a task on 2 workers, of which the fit itself"
            f" {1e3 * kept.counts().seconds / tasks:.2f}; {1e3 * (time.process_time() - cpu) / tasks:.3f} ms of the"
            " coordinator's processor",
            flush=True,
        )


def workers(pid: int) -> list[int]:
    """The processes of joblib that a coordinator has."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(each) for each in children if b"popen_loky" in Path(f"/proc/{each}/cmdline").read_bytes()]
    except OSError:
        return []


def killed(pid: int, rng: np.random.Generator) -> str:
    """Kills a coordinator, all of its processes too, or one of those, and returns what."""
    what = ("coordinator", "everything", "worker", "worker")[rng.integers(4)]
    own = workers(pid)
    if what == "worker" and own:
        targets = [own[rng.integers(len(own))]]
    else:
        what, targets = ("coordinator", [pid]) if what == "worker" else (what, [pid, *own * (what == "everything")])
    for each in targets:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    return what


def campaign(tasks: int, kills: int, seed: int, folder: Path, executor: str) -> Counter[str]:
    rng, counted = np.random.default_rng(seed), Counter[str]()
    ledger, log = folder / "runs.sqlite", folder / "log"
    command = [sys.executable, "-W", "ignore", "-m", "tests.campaigns.ledger", "--coordinate", str(ledger), str(log)]
    command += ["--tasks", str(tasks), "--executor", executor]
    process, kept, before = None, set[str](), Counter[str]()
    while True:
        if process is None or process.poll() is not None:
            if process is not None and process.returncode == 0:
                break
            process = subprocess.Popen(command)
            size = _begun(log).total()
            while process.poll() is None and _begun(log).total() == size:
                time.sleep(0.1)
        try:
            process.wait(rng.exponential(MEAN_SECONDS) if counted.total() < kills else None)
            continue
        except subprocess.TimeoutExpired:
            pass
        counted[what := killed(process.pid, rng)] += 1
        if what != "worker":
            process.wait()
            time.sleep(1.0)  # processes without a coordinator end their piece of work
            now = _done(ledger)
            assert kept <= now, f"{len(kept - now)} results are lost"
            begun = _begun(log)
            twice = [name for name in kept if begun[name] != before[name]]
            assert not twice, f"{len(twice)} tasks were done again though their results were there: {twice[:5]}"
            kept, before = now, begun
            print(f"{counted.total()} kills: {len(kept)} of {tasks} are done", flush=True)
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
    parser.add_argument("--executor", default="processes")
    parser.add_argument("--coordinate", nargs=2, metavar=("LEDGER", "LOG"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.coordinate:
        return coordinate(*given.coordinate, given.tasks, given.executor)
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(given.tasks, given.kills, given.seed, Path(folder), given.executor)
    print(f"{given.tasks} tasks, none lost, none done twice once kept: {dict(found)}")


if __name__ == "__main__":
    from tests.campaigns.ledger import main as named  # `fit` is then no function of __main__, in every process

    named()
