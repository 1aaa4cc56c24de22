"""The record of a training: every loss, norm and learning rate, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.network.prepared import Log

__all__ = ["Epoch", "History"]


class Epoch(NamedTuple):
    """One pass over the data."""

    loss: float  # mean over the epoch's steps; each update's at the network's weights before it
    validation_loss: float  # at the weights after the epoch; NaN where there was no validation data
    seconds: float
    learning_rate: float  # of the epoch's last update
    updates: int  # done since the Trainer was made


class History:
    """What a Trainer recorded: E epochs and U updates, over all its `fit` and `update` calls.

    For each epoch (E,): `loss`, `validation_loss`, `seconds`, `learning_rate`, `updates`.
    For each update (U,): `update_loss`, `gradient_norm` (global norm, before clipping by norm), `update_learning_rate`.
    Epochs are counted from 1; `best_epoch` has the lowest validation loss, or training loss without validation.
    """

    def __init__(self) -> None:
        self.epochs: list[Epoch] = []
        self.log = Log()  # of updates

    def record_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the figures of the epochs (E, 5) and of the updates (3, U), float64."""
        return np.array(self.epochs, np.float64).reshape(-1, len(Epoch._fields)), self.log.recorded

    def restore(self, epochs: np.ndarray, updates: np.ndarray) -> None:
        """Replaces the record by what `arrays` returned."""
        self.epochs = [Epoch(*figures, updates=int(count)) for *figures, count in epochs.tolist()]
        self.log = Log()
        self.log.record(*updates)

    @property
    def loss(self) -> np.ndarray:
        return np.array([epoch.loss for epoch in self.epochs])

    @property
    def validation_loss(self) -> np.ndarray:
        return np.array([epoch.validation_loss for epoch in self.epochs])

    @property
    def seconds(self) -> np.ndarray:
        return np.array([epoch.seconds for epoch in self.epochs])

    @property
    def learning_rate(self) -> np.ndarray:
        return np.array([epoch.learning_rate for epoch in self.epochs])

    @property
    def updates(self) -> np.ndarray:
        return np.array([epoch.updates for epoch in self.epochs], np.int64)

    @property
    def update_loss(self) -> np.ndarray:
        return self.log.recorded[0]

    @property
    def gradient_norm(self) -> np.ndarray:
        return self.log.recorded[1]

    @property
    def update_learning_rate(self) -> np.ndarray:
        return self.log.recorded[2]

    @property
    def best_epoch(self) -> int | None:
        """The number of the best epoch, counted from 1; None before the first has ended."""
        for figures in (self.validation_loss, self.loss):
            if np.isfinite(figures).any():
                return int(np.nanargmin(figures)) + 1
        return None

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        best = self.best_epoch
        if best is None:
            return f"History: no whole epoch yet, {self.log.count} updates"
        epoch = self.epochs[best - 1]
        validation = f", validation loss {epoch.validation_loss:.6g}" if np.isfinite(epoch.validation_loss) else ""
        return (
            f"History: {len(self)} epochs, {self.log.count} updates, {self.seconds.sum():.1f} s; "
            f"best epoch {best}: loss {epoch.loss:.6g}{validation}"
        )
