"""Every figure of a training, readable as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
        self._blocks: list[np.ndarray] = []  # each (3, u): losses, norms, learning rates

    def record_updates(self, losses: np.ndarray, norms: np.ndarray, rates: np.ndarray) -> None:
        self._blocks.append(np.array([losses, norms, rates], np.float64))

    def record_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)

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
        return self._joined()[0]

    @property
    def gradient_norm(self) -> np.ndarray:
        return self._joined()[1]

    @property
    def update_learning_rate(self) -> np.ndarray:
        return self._joined()[2]

    @property
    def best_epoch(self) -> int | None:
        """Counted from 1; None before the first epoch ended."""
        for figures in (self.validation_loss, self.loss):
            if np.isfinite(figures).any():
                return int(np.nanargmin(figures)) + 1
        return None

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        count = sum(block.shape[1] for block in self._blocks)
        best = self.best_epoch
        if best is None:
            return f"History: no whole epoch yet, {count} updates"
        epoch = self.epochs[best - 1]
        validation = f", validation loss {epoch.validation_loss:.6g}" if np.isfinite(epoch.validation_loss) else ""
        return (
            f"History: {len(self)} epochs, {count} updates, {self.seconds.sum():.1f} s; "
            f"best epoch {best}: loss {epoch.loss:.6g}{validation}"
        )

    def _joined(self) -> np.ndarray:
        if len(self._blocks) > 1:
            self._blocks = [np.concatenate(self._blocks, axis=1)]
        return self._blocks[0] if self._blocks else np.empty((3, 0))
