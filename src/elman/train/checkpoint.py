"""Writes the checkpoints of a training: one file holds all that the next update depends on (`resume.py` reads it).

A folder holds `update-000000120.safetensors`, ... (the last few) and `best.safetensors` (after the epoch with the
lowest validation loss, or training loss without validation). Each is a file of `elman.core.io`, of kind "checkpoint":
checksummed, and written whole or not at all. `elman.load` gives the network of either.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.core import io
from elman.core.leftovers import sweep
from elman.engines import config
from elman.train import settings
from elman.version import __version__

if TYPE_CHECKING:
    from elman.train.training import Trainer

__all__ = ["BEST", "UPDATE", "CheckpointWarning", "Keeper", "Position", "files", "maker"]

BEST = "best.safetensors"
UPDATE = re.compile(r"update-(\d+)\.safetensors")
FORMER = re.compile(r"\.(update-\d+|best)\.safetensors\.[0-9a-f]{8}\.tmp")  # hidden names of version 0.1.0


class CheckpointWarning(UserWarning):
    """A checkpoint that is damaged, and the one before it is used; or one made by another elman or instruction set."""


@dataclass
class Position:
    """Where a fit is, besides what its Trainer knows."""

    first: int  # whole epochs done before the fit began
    done: int = 0  # updates done of the epoch at hand
    seconds: float = 0.0  # spent on them
    best: float = math.inf  # the fit's lowest validation loss, or training loss without validation, of an epoch
    best_theta: np.ndarray | None = None  # kept where early stopping wants it
    waited: int = 0  # epochs since then
    stopped: bool = False  # ended before its epochs ran out
    carry: list[np.ndarray] | None = None  # in windows, the states that the epoch's next update goes on from


class Keeper:
    """Writes the checkpoints of one fit into a folder.

    every    updates between two; None: one after every epoch
    keep     so many of the last are kept, besides the best
    known    what decides the result: `elman.train.settings`
    resumed  the folder that the fit goes on from, if any; another one that holds checkpoints is refused
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: int | None,
        keep: int,
        known: settings.Plain,
        resumed: str | os.PathLike[str] | None,
    ) -> None:
        self.folder, self.every, self.keep, self.known = Path(folder), every, keep, known
        self.folder.mkdir(parents=True, exist_ok=True)
        found = files(self.folder)
        if found and (resumed is None or self.folder.resolve() != Path(resumed).resolve()):
            raise ValueError(
                "checkpoint: expected a folder without checkpoints, or resume= with the same folder to go on, got "
                f"{str(folder)!r} with {len(found)} of them"
            )
        sweep(self.folder)  # what a kill in the middle of writing left
        for path in self.folder.iterdir():
            if FORMER.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def room(self, updates: int) -> int:
        """How many updates may run before the next checkpoint is due."""
        return sys.maxsize if self.every is None else self.every - updates % self.every

    def in_epoch(self, trainer: Trainer, position: Position) -> None:
        """Told between two updates of an epoch."""
        if self.every is not None and trainer.updates % self.every == 0:
            self._save(trainer, position)

    def after_epoch(self, trainer: Trainer, position: Position, improved: bool, ended: bool) -> None:
        """Told after an epoch; `improved`: it was the best so far; `ended`: it was the last."""
        if improved:  # first, since an epoch that the other file holds is not looked at again
            self._write(BEST, trainer, position)
        if ended or self.every is None or trainer.updates % self.every == 0:
            self._save(trainer, position)

    def _save(self, trainer: Trainer, position: Position) -> None:
        self._write(f"update-{trainer.updates:09}.safetensors", trainer, position)
        # Later ones are damaged, or the fit would have gone on from them: they are overwritten when it gets there.
        numbers = {_number(path): path for path in files(self.folder) if path.name != BEST}
        for number in sorted(number for number in numbers if number <= trainer.updates)[: -self.keep]:
            numbers[number].unlink(missing_ok=True)

    def _write(self, name: str, trainer: Trainer, position: Position) -> None:
        network = trainer.network
        try:
            network_plain = network.contents()[0]
        except ValueError:  # code of the user's own: it can be resumed, but not loaded
            network_plain = None
        description = {
            "first": position.first,
            "done": position.done,
            "seconds": position.seconds,
            "best": position.best if math.isfinite(position.best) else None,
            "waited": position.waited,
            "stopped": position.stopped,
            "updates": trainer.updates,
            "optimizer": _numbers(trainer.optimizer),
            "schedule": trainer.schedule.state(),
            "settings": self.known,
            "made_by": maker(network.engine),
            "network": network_plain,
        }
        epochs, updates = trainer.history.arrays()
        tensors = {"theta": network.theta, "history.epochs": epochs, "history.updates": updates}
        tensors |= {f"slots[{i}]": slot for i, slot in enumerate(trainer.slots)}
        tensors |= {f"carry[{i}]": array for i, array in enumerate(position.carry or ())}
        if position.best_theta is not None:
            tensors["best_theta"] = position.best_theta
        io.write(self.folder / name, "checkpoint", description, tensors)


def files(folder: Path) -> list[Path]:
    """The checkpoints of a folder in the order in which they are tried: the last first, the best at the end."""
    found = [path for path in folder.iterdir() if UPDATE.fullmatch(path.name)]
    best = folder / BEST
    return sorted(found, key=_number, reverse=True) + ([best] if best.exists() else [])


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("update-"))


def _numbers(optimizer: Any) -> dict[str, Any]:
    """The fields of an optimiser that may change on the way."""
    fields = {field.name: getattr(optimizer, field.name) for field in dataclasses.fields(optimizer)}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in fields.items()}
    return {name: value for name, value in plain.items() if isinstance(value, bool | int | float)}


@cache
def maker(engine: str) -> dict[str, Any]:
    """What the last bits depend on besides the settings."""
    return {"elman": __version__, "engine": engine, "isa": config.show_config()["isa"] if engine == "native" else None}
