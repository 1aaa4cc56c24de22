"""The error of a training that failed, with the doctor's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elman.core.requests import Batch, Records
from elman.network import arguments
from elman.network.weights import Training
from elman.train.state import TrainingState

if TYPE_CHECKING:
    from elman.train.doctor.report import Report

__all__ = ["TrainingError", "failure", "stopped"]


class TrainingError(RuntimeError):
    """A loss or gradient is not finite, and the weights are those before that update; or the loss exploded during an
    epoch, and the weights are those after it.

    `update` and `epoch` are counted from 1, over the Trainer's life; epoch is None for `Trainer.update`. `report` says
    where it began and what to try (an `elman.doctor.Report`); its text is the error's.
    """

    def __init__(self, update: int, epoch: int | None, loss: float, norm: float, report: Report | None = None) -> None:
        super().__init__(update, epoch, loss, norm, report)
        self.update, self.epoch, self.loss, self.norm, self.report = update, epoch, loss, norm, report

    def __str__(self) -> str:
        if self.report is not None:
            return str(self.report)
        when = f"update {self.update}" + (f" (epoch {self.epoch})" if self.epoch is not None else "")
        return f"training stopped at {when}: loss {self.loss:.6g}, gradient norm {self.norm:.6g}"


def failure(
    state: TrainingState,
    batch: Batch,
    rows: np.ndarray,
    *,
    epoch: int | None,
    loss: float,
    norm: float,
    window: tuple[int, int] | None = None,
    exploded: bool = False,
) -> TrainingError:
    """Returns the error for an update on some rows of a batch; arguments as for `elman.doctor.diagnose`."""
    from elman.train.doctor.diagnose import diagnose  # loads the reference engine only where something failed

    with Training(state.network.weights), np.errstate(over="ignore", invalid="ignore"):
        report = diagnose(state, batch, rows, epoch=epoch, loss=loss, norm=norm, window=window, exploded=exploded)
    return TrainingError(report.update, epoch, loss, norm, report)


def stopped(
    state: TrainingState, batch: Batch, records: Records, done: int, *, epoch: int | None, loss: float, norm: float
) -> TrainingError:
    """Returns the error for the update of a block that was not applied, `done` having been before it. Raises ValueError
    where ids or labels of the batch have changed since they were checked."""
    arguments.check_unchanged(state.network.layout, batch, state.loss)
    rows, given = records.rows[records.starts[done] : records.starts[done + 1]], records.windows
    window = None if given is None else (int(given.starts[done]), int(given.starts[done]) + given.steps)
    return failure(state, batch, rows, epoch=epoch, loss=loss, norm=norm, window=window)
