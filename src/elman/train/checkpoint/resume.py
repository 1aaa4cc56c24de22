"""Reads checkpoints and restores a training from one of them, so that it goes on with the same bits."""

from __future__ import annotations

import dataclasses
import errno
import math
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.core import checks, io
from elman.network import Network
from elman.train.checkpoint import description as described
from elman.train.checkpoint import folder as contents
from elman.train.checkpoint.folder import CheckpointWarning
from elman.train.fingerprint import Plain, differences, without_data
from elman.train.state import Position, TrainingState

__all__ = ["AskedEpochs", "Checkpoint", "restored", "restored_state"]

LEVEL = 8  # of the stack, where the user called `Trainer.fit`


@dataclass(frozen=True)
class AskedEpochs:
    """The size of the fit that shall go on: its epochs, the rows of its data, and the updates of epoch 1, 2, ..."""

    count: int
    rows: int
    updates: Callable[[int], int]


def restored(
    folder: str | os.PathLike[str], state: TrainingState, fingerprint: Plain, asked: AskedEpochs
) -> tuple[TrainingState, Position] | None:
    """Restores a training from the newest checkpoint of the folder that is not damaged; returns its state and position.

    Arrays, history and schedule of `state` are overwritten; the optimiser and the count of updates are those of the
    state that is returned. Returns None where there is no checkpoint.

    Raises ValueError, and changes nothing, where the checkpoint belongs to other data or settings, or is past the
    epochs asked for; FileError where all checkpoints are damaged. Damaged ones cause a CheckpointWarning.
    """
    found = _newest(Path(folder))
    return None if found is None else found[1].restore(found[0], state, fingerprint, asked)


def restored_state(path: str | os.PathLike[str], state: TrainingState, fingerprint: Plain) -> TrainingState:
    """Restores a training from a checkpoint, or from the newest one of a folder, whatever data it was trained on.

    fingerprint  of the training, without data. All else is as for `restored`, but FileNotFoundError is raised where
                 there is no checkpoint
    """
    path = Path(checks.path("path", path))
    found = _newest(path) if path.is_dir() else (path, Checkpoint.read(path))
    if found is None:
        raise FileNotFoundError(errno.ENOENT, "expected a checkpoint or a folder of them, got an empty one", str(path))
    return found[1].restore(found[0], state, fingerprint, None)[0]


def _newest(folder: Path) -> tuple[Path, Checkpoint] | None:
    """Reads the newest checkpoint of a folder that is not damaged; returns its path and contents, None without any."""
    damaged: list[str] = []
    for path in contents.files(folder) if folder.exists() else []:
        try:
            newest = Checkpoint.read(path)
        except (io.FileError, OSError) as error:
            damaged.append(str(error))
            continue
        if damaged:
            warnings.warn(f"{'; '.join(damaged)}. Going on from {path}", CheckpointWarning, stacklevel=LEVEL)
        return path, newest
    if damaged:
        raise io.FileError(folder, f"no checkpoint in it is whole. {'; '.join(damaged)}")
    return None


@dataclass
class Checkpoint:
    """The checked contents of a file."""

    plain: dict[str, Any]  # the description
    position: Position
    theta: np.ndarray
    slots: list[np.ndarray]
    history: tuple[np.ndarray, np.ndarray]

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Reads the checkpoint in a file; raises FileError for anything else."""
        kind, description, tensors = io.read(path)
        if kind != "checkpoint":
            raise io.FileError(path, f"expected a checkpoint, got a file of kind {kind!r}")
        try:
            return cls._of(description, tensors)
        except io.UNFIT as error:
            raise io.FileError(path, f"the description does not fit the tensors: {io.said(error)}") from error

    @classmethod
    def _of(cls, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Checkpoint:
        plain = described.checked(description)
        described.check_arrays(plain, tensors)
        position = Position(
            plain["first"],
            plain["done"],
            plain["seconds"],
            math.inf if plain["best"] is None else plain["best"],
            tensors.get("best_theta"),
            plain["waited"],
            plain["stopped"],
            _numbered("carry", tensors) or None,
        )
        history = tensors["history.epochs"], tensors["history.updates"]
        return cls(plain, position, tensors["theta"], _numbered("slots", tensors), history)

    def restore(
        self, path: Path, state: TrainingState, fingerprint: Plain, asked: AskedEpochs | None
    ) -> tuple[TrainingState, Position]:
        """Compares the checkpoint with the training, then restores it; see `restored`. `asked` None: on any data."""
        settings = self.plain["settings"] if asked else without_data(self.plain["settings"])
        numbers: dict[str, Any] = self.plain["optimizer"]
        now = {f"optimizer.{name}": value for name, value in numbers.items()}
        # A callback may have changed the optimiser's numbers: those of the checkpoint count as the same.
        same = {name: value for name, value in fingerprint.items() if name in now and value == now[name]}
        unlike = differences(settings | same, fingerprint)
        if unlike:
            what, name = ("data and settings", "resume") if asked else ("settings", "path")
            raise ValueError(f"{name}: expected the {what} of {path}, got others: {'; '.join(unlike)}")
        position, done = self.position, len(self.history[0])
        arrays = (state.network.theta, *state.slots)
        optimizer = dataclasses.replace(state.optimizer, **numbers)
        if (
            [(a.shape, a.dtype) for a in arrays] != [(a.shape, a.dtype) for a in (self.theta, *self.slots)]
            or optimizer.slots != state.optimizer.slots
            or (asked is not None and any(len(array) != asked.rows for array in position.carry or ()))
            or (asked is not None and position.done > 0 and position.done >= asked.updates(done + 1))
        ):
            raise io.FileError(path, "its arrays and its position are not those of its settings")
        needed = done - position.first + (position.done > 0)
        if asked is not None and asked.count < needed:
            raise ValueError(f"epochs: expected at least the {needed} that {path} has begun, got {asked.count}")
        maker = contents.maker(state.network.engine)
        if maker != self.plain["made_by"]:
            unlike = differences(self.plain["made_by"], maker)
            text = f"{path}: {'; '.join(unlike)}; results go on, but not to the last bit"
            warnings.warn(text, CheckpointWarning, stacklevel=LEVEL)
        state.schedule.restore(self.plain["schedule"])  # what may refuse a value comes first
        state.history.restore(*self.history)
        for array, saved in zip(arrays, (self.theta, *self.slots), strict=True):
            array[...] = saved
        return state._replace(optimizer=optimizer, updates=self.plain["updates"]), position

    @classmethod
    def _file_shapes(cls, description: Mapping[str, Any]) -> io.Shapes:
        return described.shapes(described.checked(description))

    @classmethod
    def _from_file(cls, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Network:
        """Makes the network that the checkpoint holds, for `elman.load`."""
        own = cls._of(description, tensors)
        if own.plain["network"] is None:
            raise ValueError("network: a file holds no code, and its network has some of its own; resume= can use it")
        return Network.from_theta(own.plain["network"], own.theta)


def _numbered(name: str, tensors: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Returns the tensors name[0], name[1], ..."""
    return [tensors[f"{name}[{i}]"] for i in range(sum(key.startswith(f"{name}[") for key in tensors))]
