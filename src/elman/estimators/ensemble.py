"""Training of ensembles: several networks of one kind, each trained with its own child seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np

from elman.engines.current import current
from elman.estimators.executor import Executor, Task, Threads
from elman.estimators.seeds import child
from elman.estimators.training import Job, Trained

__all__ = ["Ensemble", "OnProgress", "fit", "fit_all", "span"]

OnProgress = Callable[[float], None]  # receives the fraction of the work that is done, in [0, 1]; called on any thread


class Ensemble(NamedTuple):
    """The jobs of members of an ensemble, from number `first` on, and the seed of the ensemble: member k is trained
    with child k of it."""

    jobs: Sequence[Job]
    seed: np.random.SeedSequence
    first: int = 0


def fit(
    job: Job,
    members: int,
    seed: np.random.SeedSequence,
    executor: Executor | None = None,
    on_progress: OnProgress | None = None,
) -> list[Trained]:
    """Trains an ensemble of `members` networks on the same job and returns their results.

    The members differ only in their seeds. Member k is trained with child k of `seed`, so the first members of a larger
    ensemble are those of a smaller one. `executor` and `on_progress` are described in `fit_all`.
    """
    return fit_all([Ensemble([job] * members, seed)], executor, on_progress)[0]


def fit_all(
    ensembles: Sequence[Ensemble], executor: Executor | None = None, on_progress: OnProgress | None = None
) -> list[list[Trained]]:
    """Trains several ensembles in parallel and returns, for each of them, the results of its members.

    executor     runs the trainings; None: that of `elman.cluster.computing`, else threads of this process. The results
                 do not depend on it, bit for bit
    on_progress  is called with the fraction of all updates that is done. An exception that it raises ends all trainings
                 and is raised here
    """
    tasks = [Task(job, child(seed, k)) for jobs, seed, first in ensembles for k, job in enumerate(jobs, first)]
    progress = _Progress(on_progress, sum(task.job.recipe.updates for task in tasks))
    found = iter((executor or _usual()).run(tasks, progress.add))
    results = [[next(found) for _ in each.jobs] for each in ensembles]
    progress.finish()
    return results


def span(on_progress: OnProgress | None, begin: float, end: float) -> OnProgress | None:
    """Returns a callback for one part of the work, which reports to `on_progress` for the whole work.

    Progress from 0 to 1 within the part becomes progress from `begin` to `end`. Returns None if `on_progress` is None.
    """
    return None if on_progress is None else lambda fraction: on_progress(begin + fraction * (end - begin))


def _usual() -> Executor:
    """Returns what runs trainings where no executor is given."""
    if (executor := current()) is None:
        return Threads()
    from elman.estimators.shared import Shared  # which loads SQLite

    return Shared(executor)


class _Progress:
    """Counts the updates of several concurrent trainings, and reports after every thousandth of their total."""

    def __init__(self, on_progress: OnProgress | None, total: int) -> None:
        self._on_progress, self._total, self._lock = on_progress, total, Lock()
        self._done = self._reported = 0

    def add(self, updates: int) -> None:
        """Adds finished updates to the count, and reports the progress where it is due."""
        if self._on_progress is None:
            return
        with self._lock:
            self._done = min(self._done + updates, self._total)
            if 1000 * (self._done - self._reported) >= self._total:
                self._reported = self._done
                self._on_progress(self._done / self._total)

    def finish(self) -> None:
        """Reports the work as complete, also where trainings ended before their last update."""
        self.add(self._total - self._reported)
