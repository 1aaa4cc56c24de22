"""Writes the checkpoints of one fit into a folder; `resume.py` reads them."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from elman.core import io
from elman.core.optim import Optimizer
from elman.train.checkpoint import folder as contents
from elman.train.fingerprint import Plain
from elman.train.state import Position, TrainingState

__all__ = ["CheckpointWriter", "write_checkpoint"]


class CheckpointWriter:
    """Writes the checkpoints of one fit into a folder.

    every        updates between two; None: one after every epoch
    keep         how many of the last are kept, besides the best
    fingerprint  what decides the result, see `elman.train.fingerprint`
    resumed      the folder that the fit goes on from, if any; another folder must not hold checkpoints
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: int | None,
        keep: int,
        fingerprint: Plain,
        resumed: str | os.PathLike[str] | None,
    ) -> None:
        self.folder, self.every, self.keep, self.fingerprint = Path(folder), every, keep, fingerprint
        self.folder.mkdir(parents=True, exist_ok=True)
        found = contents.files(self.folder)
        if found and (resumed is None or self.folder.resolve() != Path(resumed).resolve()):
            raise ValueError(
                "checkpoint: expected a folder without checkpoints, or resume= with the same folder to go on, got "
                f"{str(folder)!r} with {len(found)} of them"
            )
        contents.clean(self.folder)

    def updates_left(self, updates: int) -> int:
        """Returns how many updates may run, after `updates` of them, before the next checkpoint is due."""
        return sys.maxsize if self.every is None else self.every - updates % self.every

    def in_epoch(self, state: TrainingState, position: Position) -> None:
        """Writes a checkpoint between two updates of an epoch where one is due."""
        if self.every is not None and state.updates % self.every == 0:
            self._save(state, position)

    def after_epoch(self, state: TrainingState, position: Position, improved: bool, ended: bool) -> None:
        """Writes the checkpoints that are due after an epoch.

        improved  whether its loss was the lowest so far
        ended     whether it was the last
        """
        if improved:  # first: a training that goes on from the other file would not write it
            self._write(contents.BEST, state, position)
        if ended or self.every is None or state.updates % self.every == 0:
            self._save(state, position)

    def _save(self, state: TrainingState, position: Position) -> None:
        self._write(f"update-{state.updates:09}.safetensors", state, position)
        # Later ones are damaged, or the fit would have gone on from them; they are overwritten when it gets there.
        numbers = {contents.number_of(path): path for path in contents.files(self.folder) if path.name != contents.BEST}
        for number in sorted(number for number in numbers if number <= state.updates)[: -self.keep]:
            numbers[number].unlink(missing_ok=True)

    def _write(self, name: str, state: TrainingState, position: Position) -> None:
        write_checkpoint(self.folder / name, state, position, self.fingerprint)


def write_checkpoint(
    path: str | os.PathLike[str], state: TrainingState, position: Position, fingerprint: Plain
) -> None:
    """Writes one checkpoint, whole or not at all; `fingerprint` is what decides the training's result."""
    network = state.network
    try:
        network_plain = network.contents()[0]
    except ValueError:  # a user's own code: the training can be resumed, but its network cannot be loaded
        network_plain = None
    description = {
        "first": position.first,
        "done": position.done,
        "seconds": position.seconds,
        "best": position.best if math.isfinite(position.best) else None,
        "waited": position.waited,
        "stopped": position.stopped,
        "updates": state.updates,
        "optimizer": _numbers(state.optimizer),
        "schedule": state.schedule.state(),
        "settings": fingerprint,
        "made_by": contents.maker(network.engine),
        "network": network_plain,
    }
    epochs, updates = state.history.arrays()
    tensors = {"theta": network.theta, "history.epochs": epochs, "history.updates": updates}
    tensors |= {f"slots[{i}]": slot for i, slot in enumerate(state.slots)}
    tensors |= {f"carry[{i}]": array for i, array in enumerate(position.carry or ())}
    if position.best_theta is not None:
        tensors["best_theta"] = position.best_theta
    io.write(path, "checkpoint", description, tensors)


def _numbers(optimizer: Optimizer) -> dict[str, Any]:
    """Returns the fields of an optimiser that may change during a training."""
    fields = {field.name: getattr(optimizer, field.name) for field in dataclasses.fields(optimizer)}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in fields.items()}
    return {name: value for name, value in plain.items() if isinstance(value, bool | int | float)}
