"""Runs a fit: its epochs, and between them early stopping, callbacks and checkpoints."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, Protocol

import numpy as np

from elman.core import checks
from elman.core.optim import Optimizer
from elman.core.requests import Batch, Records
from elman.network import Network
from elman.network.weights import Training
from elman.train import fingerprint
from elman.train.checkpoint import AskedEpochs, CheckpointWriter, restored
from elman.train.data import FitData
from elman.train.fitting.epochs import EpochRunner
from elman.train.fitting.iterables import FitBatches
from elman.train.plan import plan_epoch
from elman.train.progress import reporter
from elman.train.state import Position, TrainingState

__all__ = ["Callback", "FitOptions", "Trainer", "as_callbacks", "fit"]

Callback = Callable[[Any], object]  # of the Trainer
UNKNOWN = sys.maxsize  # updates of an epoch, where the data are an iterable


class Trainer(Protocol):
    """The part of an `elman.Trainer` that a fit needs."""

    network: Network
    batch_size: int
    seed: int

    @property
    def updates(self) -> int: ...
    @property
    def optimizer(self) -> Optimizer: ...
    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None: ...
    @property
    def epochs(self) -> int: ...
    @property
    def training_state(self) -> TrainingState: ...
    def restore(self, path: str | os.PathLike[str], /) -> None: ...


class FitOptions(NamedTuple):
    """The options of `Trainer.fit` beside its data, checked one by one."""

    epochs: int
    patience: int | None
    progress: bool
    callbacks: Sequence[Callback]
    checkpoint: str | os.PathLike[str] | None
    every: int | None
    keep: int
    resume: str | os.PathLike[str] | None
    new_data: bool


def as_callbacks(given: Callback | Sequence[Callback] | None) -> Sequence[Callback]:
    """Returns `callback=` of `Trainer.fit` as a list; raises TypeError for what cannot be called."""
    called = [] if given is None else given if isinstance(given, list | tuple) else [given]
    for one in called:
        if not callable(one):
            raise TypeError(f"callback: expected a function of the Trainer, or a list of them, got {checks.shown(one)}")
    return called  # type: ignore[return-value]


def fit(
    trainer: Trainer,
    data: FitData | FitBatches,
    options: FitOptions,
    run: Callable[[Batch, Records, int], np.ndarray],
) -> None:
    """Trains on these data, as `Trainer.fit` describes; `run` applies and records a block of updates."""
    _check(data, options)
    data, position, writer = _begin(trainer, data, options)
    patience = options.patience
    last = position.first + options.epochs
    ended = position.stopped or trainer.epochs >= last
    shown = options.progress and not ended
    if shown and data.note:
        print(f"validation: {data.note}", file=sys.stderr)
    network = trainer.network
    with Training(network.weights, still=True), reporter(shown, last) as report, ExitStack() as ends:
        for each in options.callbacks:
            if hasattr(each, "finish"):
                ends.callback(each.finish, trainer)  # type: ignore[attr-defined]
        runner = EpochRunner(data, lambda: trainer.training_state, run, position, writer, report)
        while not ended:
            epoch = runner.epoch()
            loss = epoch.loss if data.held_out is None else epoch.validation_loss
            improved = position.observe(loss, None if patience is None else network.theta)
            stop = [bool(each(trainer)) for each in options.callbacks]  # each is called, whatever the others say
            position.stopped = any(stop) or (patience is not None and position.waited >= patience)
            ended = position.stopped or trainer.epochs >= last
            if writer is not None:
                writer.after_epoch(trainer.training_state, position, improved, ended)
        if position.best_theta is not None:
            with Training(network.weights):
                network.theta = position.best_theta


def _check(data: FitData | FitBatches, options: FitOptions) -> None:
    """Raises ValueError for an option without another one that it needs."""
    if options.patience is not None and data.held_out is None:
        raise ValueError(f"patience: expected validation data with it, got patience={options.patience} alone")
    if options.every is not None and options.checkpoint is None:
        raise ValueError(f"every: expected a folder, checkpoint=, with it, got every={options.every} alone")
    for name in ("checkpoint", "resume"):
        if getattr(options, name) is not None:
            checks.path(name, getattr(options, name))
    if options.new_data and options.resume is None:
        raise ValueError("new_data: expected a folder, resume=, with it, got new_data=True alone")


def _begin(
    trainer: Trainer, data: FitData | FitBatches, options: FitOptions
) -> tuple[FitData | FitBatches, Position, CheckpointWriter | None]:
    """Restores the training where it shall go on; returns its data, its position, and what writes its checkpoints."""
    position, writer = Position(first=trainer.epochs), None
    if options.checkpoint is not None:
        decides = _fingerprint(trainer.training_state, data, options.patience)
        writer = CheckpointWriter(options.checkpoint, options.every, options.keep, decides, options.resume)
    if options.resume is None:
        return data, position, writer
    if options.new_data:
        trainer.restore(options.resume)
        return data, Position(first=trainer.epochs), writer
    try:
        return data, _resumed(trainer, data, options) or position, writer
    except ValueError:
        former = _resumed_former(trainer, data, options)
        if former is None:  # what was asked for is what the error speaks of
            raise
    data = former[0]
    if writer is not None:
        writer.fingerprint = _fingerprint(trainer.training_state, data, options.patience)
    return data, former[1] or position, writer


def _resumed(trainer: Trainer, data: FitData | FitBatches, options: FitOptions) -> Position | None:
    """Restores the training from the folder that it shall go on from; returns its position, None without any."""
    decides, asked = _fingerprint(trainer.training_state, data, options.patience), _asked(trainer, data, options.epochs)
    with Training(trainer.network.weights):
        resumed = restored(options.resume or "", trainer.training_state, decides, asked)
        if resumed is None:
            return None
        before, position = resumed
        trainer.optimizer = before.optimizer
    return position


def _resumed_former(
    trainer: Trainer, data: FitData | FitBatches, options: FitOptions
) -> tuple[FitData, Position | None] | None:
    """As `_resumed`, on the data as version 0.1.0 split them; returns these data and the position, or None where there
    is no such split, or the training does not go on with it either."""
    if isinstance(data, FitBatches) or data.former is None:
        return None
    try:
        former = data.former()
        return former, _resumed(trainer, former, options)
    except ValueError:
        return None


def _asked(trainer: Trainer, data: FitData | FitBatches, epochs: int) -> AskedEpochs:
    if isinstance(data, FitBatches):
        return AskedEpochs(epochs, 0, lambda number: UNKNOWN)
    size, seed = trainer.batch_size, trainer.seed
    return AskedEpochs(epochs, len(data.batch.x), lambda number: len(plan_epoch(data, number, size, seed)))


def _fingerprint(state: TrainingState, data: FitData | FitBatches, patience: int | None) -> fingerprint.Plain:
    """Returns the fingerprint of a fit on these data; of an iterable's nothing is known but what it says itself."""
    layout = state.network.layout
    found = fingerprint.training(state) | {"patience": patience}
    if isinstance(data, FitData):
        found |= {"shuffle": data.shuffle, "window": data.window} | fingerprint.data(layout, data.batch)
    else:
        found |= data.described
    if data.held_out is not None:
        found |= fingerprint.data(layout, data.held_out, "validation.")
    return found
