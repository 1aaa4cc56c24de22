"""Who runs the trainings of an ensemble: threads of this process."""

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
    """One training."""

    job: Job
    seed: np.random.SeedSequence


class Executor(Protocol):
    """Runs trainings, each of which depends on its task alone; so who runs them, and in which order, changes no bit."""

    def run(self, tasks: Sequence[Task], on_updates: Callable[[int], None]) -> list[Trained]:
        """The results in the order of the tasks; `on_updates` is told how many updates have been done since it was
        told last. An error of a training, or of `on_updates`, ends all of them and is raised."""
        ...


class Threads:
    """Runs trainings side by side on threads of this process; the compiled core computes without Python's lock.

    workers  how many at a time; None: `elman.get_num_threads()`
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers

    def run(self, tasks: Sequence[Task], on_updates: Callable[[int], None]) -> list[Trained]:
        stop = Event()  # set on the way out, so that Ctrl-C does not wait for trainings that nobody wants any more
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
