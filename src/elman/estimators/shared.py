"""Trainings of ensembles as tasks of a ledger: by whatever computes them, and, with a file, never twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from elman.cluster.ledger import Ledger, TaskError
from elman.estimators.executor import Task
from elman.estimators.training import Trained, train
from elman.train.errors import TrainingError
from elman.train.history import History

__all__ = ["Shared"]


class Shared:
    """Runs trainings as tasks of a ledger, or of one in memory where a mere executor is given (see `Ledger`)."""

    def __init__(self, executor: Any) -> None:
        self.ledger = executor if isinstance(executor, Ledger) else Ledger(":memory:", executor)

    def run(self, tasks: Sequence[Task], on_updates: Callable[[int], None]) -> list[Trained]:
        """Runs all tasks and returns their results (see `Executor.run`); TaskError where one fails."""

        def on_ended(name: Any) -> None:
            on_updates(tasks[name].job.recipe.updates)

        results = self.ledger.run_each(_plain, tasks, version="1", retry=True, on_ended=on_ended)
        for name, text in results.failed.items():
            raise TaskError(name, text)
        return [_trained(results[k]) for k in range(len(tasks))]


def _plain(task: Task) -> dict[str, Any]:
    """Trains, and returns the result as a ledger keeps it."""
    trained = train(*task)
    error = trained.error and [trained.error.update, trained.error.epoch, trained.error.loss, trained.error.norm,
                               trained.error.report and str(trained.error.report)]  # fmt: skip
    return {"thetas": trained.thetas, "history": list(trained.history.arrays()), "error": error}


def _trained(plain: dict[str, Any]) -> Trained:
    history = History()
    history.restore(*plain["history"])
    error = plain["error"] and TrainingError(*plain["error"])
    thetas: np.ndarray = plain["thetas"]
    return Trained(thetas, history, error)
