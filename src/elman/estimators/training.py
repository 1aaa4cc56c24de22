"""One training of one network, as every estimator runs it: a pure function of a job and a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.optim import AdamW
from elman.core.schedules import Cosine
from elman.core.stack import stack
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import child, number
from elman.network import Network
from elman.train.training import Trainer, TrainingError

__all__ = ["Job", "Round", "Trained", "TrainingData", "layout_of", "train"]

CLIP_NORM = 1.0
WEIGHTS, ORDER, EXAMPLES = range(3)  # the uses of a training's seed


class Round(NamedTuple):
    """A stretch of a training: what `Trainer.fit` is given next."""

    x: np.ndarray  # (n, T, F)
    y: np.ndarray  # (n, O), or (n, T, O)
    weight: np.ndarray | None = None  # (n, T), or None: all ones
    epochs: int = 1  # passes over these rows; 0: none
    shuffle: bool = True
    validation: tuple[np.ndarray, np.ndarray] | None = None
    patience: int | None = None  # epochs without a better validation loss
    snapshot: bool = False  # whether the weights are kept after it


class TrainingData(Protocol):
    """Where a training's examples come from."""

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """The stretches of one training; what is drawn is drawn from `rng` alone."""
        ...


@dataclass(frozen=True, eq=False)
class Job:
    """What a training depends on, besides its seed; it can be pickled where its data and loss can.

    layout       of the network, which ends in a `Dense` head, and in a linear skip path where it has one
    start        theta (P,) to go on from; None: weights are drawn, head and skip path begin at 0
    output_bias  (O,) what a fresh network answers at first; None: 0
    """

    layout: Layout
    data: TrainingData
    recipe: Recipe
    loss: str | Loss
    start: np.ndarray | None = None
    output_bias: np.ndarray | None = None

    def network(self, seed: int) -> Network:
        """The network that training begins with."""
        if self.start is not None:
            return Network.from_theta(self.layout, self.start)
        network = Network.from_layers(self.layout.layers, input_size=self.layout.input_size, seed=seed)
        for name, parameter in network.parameters.items():
            if name in ("head.weight", "skip.weight"):
                parameter[...] = 0.0
        if self.output_bias is not None:
            network.parameters["head.bias"] = self.output_bias
        return network


class Trained(NamedTuple):
    """What a training gives: thetas (S + 1, P), those at the snapshots, growing in updates, then the last one.

    Where the loss or a gradient was no longer finite, `failed` is true, the snapshots still due are missing, and the
    last theta is that of the last snapshot, or else the one that training began with.
    """

    thetas: np.ndarray
    failed: bool

    @property
    def theta(self) -> np.ndarray:
        return self.thetas[-1]


def layout_of(recipe: Recipe, input_size: int, output_size: int, output: str = "sequence", skip: bool = True) -> Layout:
    """The layout of a network of one recurrent layer, as `elman.Network` describes it."""
    return Layout(stack(recipe.hidden_size, output_size, recipe.cell, 1, False, output, (), skip), input_size)


def train(
    job: Job,
    seed: np.random.SeedSequence,
    cancelled: Callable[[], bool] = lambda: False,
    on_updates: Callable[[int], None] = lambda updates: None,
) -> Trained:
    """Trains one network.

    cancelled   is asked between epochs; CancelledError once it says yes
    on_updates  is told, between epochs, how many updates have been done since it was told last

    The same job and seed give the same bits.
    """
    weights, order, examples = (child(seed, use) for use in (WEIGHTS, ORDER, EXAMPLES))
    network, recipe = job.network(number(weights)), job.recipe
    trainer = Trainer(
        network,
        loss=job.loss,
        optimizer=AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        schedule=Cosine(recipe.updates) if recipe.cosine else None,
        batch_size=recipe.batch_size,
        clip_norm=CLIP_NORM,
        seed=number(order),
    )
    told = 0

    def after_epoch(trainer: Trainer) -> None:
        nonlocal told
        on_updates(trainer.updates - told)
        told = trainer.updates
        if cancelled():
            raise CancelledError

    kept: list[np.ndarray] = []
    last = network.theta.copy()
    try:
        for x, y, weight, epochs, shuffle, validation, patience, snapshot in job.data.rounds(
            recipe, np.random.default_rng(examples)
        ):
            if epochs:
                trainer.fit(
                    x,
                    y,
                    sample_weight=weight,
                    epochs=epochs,
                    shuffle=shuffle,
                    validation=validation,
                    patience=patience,
                    progress=False,
                    callback=after_epoch,
                )
            if snapshot:
                last = network.theta.copy()
                kept.append(last)
    except TrainingError:
        return Trained(np.array([*kept, last]), True)
    return Trained(np.array([*kept, network.theta]), False)
