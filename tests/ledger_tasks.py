"""Functions that ledgers call in tests, and a coordinator to be killed: `python -m tests.ledger_tasks LEDGER LOG ...`.

Each call appends one line to a log, so that a test sees what was computed how often.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from elman.cluster import Ledger, Results


def logged(log: str, name: Any) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{name}\n".encode())
    os.close(descriptor)


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def square(task: int, *, log: str, seconds: float = 0.0) -> dict[str, Any]:
    logged(log, task)
    time.sleep(seconds)
    if task == 13:
        raise ValueError("unlucky")
    return {"square": task * task, "array": np.full(3, task / 3)}


def deadly(task: int, *, log: str, always: bool) -> int:
    """Task 3 kills the process it runs in, the first time or always."""
    first = str(task) not in lines(Path(log))
    logged(log, task)
    if task == 3 and (first or always):
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def plain(task: Any) -> Any:
    return task


def lost(task: float) -> Any:
    return object()


def coordinate(ledger: str, log: str, tasks: int, seconds: float, executor: str) -> Results:
    function = functools.partial(square, log=log, seconds=seconds)
    return Ledger(ledger, executor, workers=2).run(function, range(tasks), version="1")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("ledger")
    parser.add_argument("log")
    parser.add_argument("tasks", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("executor", nargs="?", default="threads")
    print(coordinate(**vars(parser.parse_args())))
