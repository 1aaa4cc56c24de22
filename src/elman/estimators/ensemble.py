"""Ensembles: several networks of one kind, each trained from its own child of a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np

from elman.estimators.executor import Executor, Task, Threads
from elman.estimators.seeds import child
from elman.estimators.training import Job, Trained

__all__ = ["Ensemble", "OnProgress", "fit", "fit_all", "span"]

OnProgress = Callable[[float], None]  # is told which share of the work is done, from 0 to 1, by any thread


class Ensemble(NamedTuple):
    """The jobs of an ensemble's members, one after the other, and the seed whose children theirs are."""

    jobs: Sequence[Job]
    seed: np.random.SeedSequence


def fit(
    job: Job,
    members: int,
    seed: np.random.SeedSequence,
    executor: Executor | None = None,
    on_progress: OnProgress | None = None,
) -> list[Trained]:
    """Trains `members` networks that differ in their seeds alone: member k's is child k of `seed`, so that a larger
    ensemble begins with the smaller one's members. See `fit_all`."""
    return fit_all([Ensemble([job] * members, seed)], executor, on_progress)[0]


def fit_all(
    ensembles: Sequence[Ensemble], executor: Executor | None = None, on_progress: OnProgress | None = None
) -> list[list[Trained]]:
    """Trains several ensembles side by side, and returns the results of each one's members.

    executor     who runs the trainings; None: threads of this process. It changes no bit of the results
    on_progress  is told the share of all updates that is done. An exception that it raises ends all trainings, and is
                 raised here
    """
    tasks = [Task(job, child(seed, k)) for jobs, seed in ensembles for k, job in enumerate(jobs)]
    progress = _Progress(on_progress, sum(task.job.recipe.updates for task in tasks))
    found = iter((executor or Threads()).run(tasks, progress.add))
    results = [[next(found) for _ in jobs] for jobs, _ in ensembles]
    progress.finish()
    return results


def span(on_progress: OnProgress | None, begin: float, end: float) -> OnProgress | None:
    """What tells `on_progress` of a part of the work, from the share `begin` of the whole to the share `end`."""
    return None if on_progress is None else lambda share: on_progress(begin + share * (end - begin))


class _Progress:
    """Counts updates that are done, of several trainings at a time, and tells of each 1/1000 of them."""

    def __init__(self, on_progress: OnProgress | None, total: int) -> None:
        self._on_progress, self._total, self._lock = on_progress, total, Lock()
        self._done = self._told = 0

    def add(self, updates: int) -> None:
        if self._on_progress is None:
            return
        with self._lock:
            self._done = min(self._done + updates, self._total)
            if 1000 * (self._done - self._told) >= self._total:
                self._told = self._done
                self._on_progress(self._done / self._total)

    def finish(self) -> None:
        """Trainings that ended early leave nothing to do."""
        self.add(self._total - self._told)
