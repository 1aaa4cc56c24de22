"""Executors, which run the trainings of ensembles: their protocol, and one that uses threads of this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from typing import NamedTuple, Protocol

import numpy as np

from elman.engines.config import get_num_threads
from elman.estimators.training import Job, Trained, train

__all__ = ["Executor", "Task", "Threads"]


class Task(NamedTuple):
    """One training: a job and its seed, the arguments of `training.train`."""

    job: Job
    seed: np.random.SeedSequence


class Executor(Protocol):
    """Runs trainings. Each depends on its task alone, so the executor and the order do not change the results."""

    def run(self, tasks: Sequence[Task], on_updates: Callable[[int], None]) -> list[Trained]:
        """Runs all tasks and returns their results in the order of the tasks.

        `on_updates` is called with the number of updates since its previous call. An exception that a training or
        `on_updates` raises ends all trainings and is raised here.
        """
        ...


class Threads:
    """Runs trainings in parallel on threads of this process; the compiled core releases Python's global lock.

    workers  the number of threads; None: `elman.get_num_threads()`
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers

    def run(self, tasks: Sequence[Task], on_updates: Callable[[int], None]) -> list[Trained]:
        """Runs all tasks and returns their results (see `Executor.run`)."""
        stop = Event()  # set in `finally`, so that an interruption (Ctrl-C) does not wait for the running trainings
        workers = max(1, min(self.workers or get_num_threads(), len(tasks)))
        pool = ThreadPoolExecutor(workers, thread_name_prefix="elman")
        try:
            futures = [pool.submit(train, *task, stop.is_set, on_updates) for task in tasks]
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                if (error := future.exception()) is not None:
                    raise error
            return [future.result() for future in futures]
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
