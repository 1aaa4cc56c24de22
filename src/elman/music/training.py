"""Training of the networks of a `MusicModel`: one Trainer each, on batches of passages that are drawn in each epoch."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

import numpy as np

from elman.core.layers import Dense, Dropout, Layer, Layout, Recurrent, Skip, as_cell
from elman.core.losses import as_loss
from elman.core.optim import AdamW
from elman.core.schedules import Cosine, WarmUp
from elman.engines.config import get_num_threads
from elman.estimators.seeds import child, number
from elman.music.encoding import Encoding, Example, Passage
from elman.music.keyboard import KEYS
from elman.music.marks import mark
from elman.network import Network
from elman.train.history import History
from elman.train.training import Trainer

__all__ = ["Training", "layout_of", "train"]

CLIP_NORM = 1.0
WEIGHTS, ORDER = range(2)  # children of a network's seed


@dataclass(frozen=True, eq=False)
class Training:
    """All that a training depends on, but for its seed and its files.

    passages, validation   what is learned from, and what decides when the weights were best; it may be empty
    options                those of the `MusicModel`, checked
    """

    encoding: Encoding
    layout: Layout
    passages: Sequence[Passage]
    validation: Sequence[Passage]
    options: dict[str, Any]

    @property
    def epochs(self) -> int:
        """Passes over all passages, so that the updates are at least those asked for."""
        return math.ceil(self.options["updates"] / math.ceil(len(self.passages) / self.options["batch_size"]))


def layout_of(encoding: Encoding, options: dict[str, Any]) -> Layout:
    """Returns the layers of a network: recurrent ones with dropout, a dense head, and a linear path around them."""
    layers: list[Layer] = []
    for _ in range(options["num_layers"]):
        cell = as_cell(options["cell"])
        layers.append(Recurrent(options["hidden_size"], cell, recurrent_dropout=options["recurrent_dropout"]))
        layers.append(Dropout(options["dropout"], variational=True))
    return Layout([*layers, Dense(encoding.outputs), Skip()], encoding.input_size)


def train(
    training: Training,
    seeds: Sequence[np.random.SeedSequence],
    on_progress: Callable[[float], None] | None,
    checkpoint: str | os.PathLike[str] | None,
    resume: str | os.PathLike[str] | None,
) -> tuple[list[Network], list[History]]:
    """Trains one network for each seed, on threads of this process, and returns them with their histories.

    on_progress         receives the share of the work that is done, by any thread
    checkpoint, resume  folders, in which each network has one of its own (see `Trainer.fit`)
    """
    mark(training.passages, training.validation, training.options, checkpoint, resume)
    stop, lock, done = Event(), Lock(), [0.0] * len(seeds)

    def fit(member: int) -> tuple[Network, History]:
        def after_epoch(trainer: Trainer) -> None:
            if stop.is_set():
                raise CancelledError
            with lock:
                done[member] = trainer.epochs / training.epochs
                if on_progress is not None:
                    on_progress(sum(done) / len(done))

        folders = [None if folder is None else Path(folder) / f"network{member}" for folder in (checkpoint, resume)]
        return _fitted(training, seeds[member], after_epoch, *folders)

    if len(seeds) == 1:
        found = [fit(0)]
    else:
        pool = ThreadPoolExecutor(min(len(seeds), get_num_threads()), thread_name_prefix="elman")
        try:
            found = [*pool.map(fit, range(len(seeds)))]
        finally:  # an interruption (Ctrl-C) does not wait for the trainings that run
            stop.set()
            pool.shutdown(cancel_futures=True)
    return [network for network, _ in found], [history for _, history in found]


def _fitted(
    training: Training,
    seed: np.random.SeedSequence,
    after_epoch: Callable[[Trainer], None],
    checkpoint: Path | None,
    resume: Path | None,
) -> tuple[Network, History]:
    """Trains one network, and leaves it with its best weights by the validation passages, where there are any."""
    encoding, layout, options = training.encoding, training.layout, training.options
    network = Network.from_layers(layout.layers, input_size=layout.input_size, seed=number(child(seed, WEIGHTS)))
    network.parameters["head.weight"][...] = network.parameters["skip.weight"][...] = 0.0
    steps = sum(each.end - each.begin for each in training.passages)
    counts = np.sum([each.keys[each.begin : each.end].sum(axis=0) for each in training.passages], axis=0)
    network.parameters["head.bias"] = encoding.bias(counts, steps)
    size = options["batch_size"]
    per_epoch = math.ceil(len(training.passages) / size)
    updates = training.epochs * per_epoch
    trainer = Trainer(
        network,
        loss=as_loss(encoding.loss),
        optimizer=AdamW(options["learning_rate"], weight_decay=options["weight_decay"]),
        schedule=WarmUp(min(100, updates // 10) or 1, Cosine(updates)),
        batch_size=size,
        clip_norm=CLIP_NORM,
        seed=number(child(seed, ORDER)),
    )
    trainer.advice = False  # keys are silent most of the time, and that is how music is

    def batches() -> Iterator[dict[str, list[np.ndarray]]]:
        """Yields an epoch's batches, a function of its number, so that a training can go on within an epoch."""
        rng = np.random.default_rng([trainer.seed, trainer.epochs])
        order = rng.permutation(len(training.passages))
        for begin in range(0, len(order), size):
            some = [training.passages[i] for i in order[begin : begin + size]]
            yield _batch([encoding.example(_transposed(each, options["transpose"], rng)) for each in some])

    trainer.fit(
        batches,
        epochs=training.epochs,
        validation=_batch([encoding.example(each) for each in training.validation]) if training.validation else None,
        patience=training.epochs if training.validation else None,
        progress=False,
        callback=after_epoch,
        checkpoint=checkpoint,
        resume=resume,
    )
    return network, trainer.history


def _batch(examples: Sequence[Example]) -> dict[str, list[np.ndarray]]:
    """Returns examples of any lengths as the arguments of a fit."""
    return {"x": [example.x for example in examples], "y": [example.y for example in examples]}


def _transposed(passage: Passage, most: int, rng: np.random.Generator) -> Passage:
    """Returns a passage shifted by up to so many semitones, as far as the keyboard goes; each shift has an equal
    chance."""
    if not most:
        return passage
    sounding = np.flatnonzero(passage.keys.any(axis=0))
    low, high = (int(sounding[0]), KEYS - 1 - int(sounding[-1])) if len(sounding) else (0, 0)
    shift = int(rng.integers(-min(most, low), min(most, high) + 1))
    return passage._replace(keys=np.roll(passage.keys, shift, axis=1))
