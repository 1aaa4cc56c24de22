"""Training of one network for any estimator, as a pure function of a job and a seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from elman.core.layers import Embedding, Layout
from elman.core.losses import Loss
from elman.core.optim import AdamW
from elman.core.schedules import Cosine
from elman.core.stack import stack
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import child, number
from elman.network import Network
from elman.train.history import History
from elman.train.training import Trainer, TrainingError

__all__ = ["Job", "Round", "Trained", "TrainingData", "check_trained", "layout_of", "train", "trainer_of"]

CLIP_NORM = 1.0
WEIGHTS, ORDER, EXAMPLES = range(3)  # children of a training's seed: initial weights, order of rows, drawn examples


class Round(NamedTuple):
    """One round of a training: the arguments of one call of `Trainer.fit`."""

    x: Any  # (n, T, F) inputs, or a mapping of names to inputs
    y: np.ndarray  # (n, O) or (n, T, O) targets
    weight: np.ndarray | None = None  # (n, T) sample weights; None: all ones
    epochs: int = 1  # passes over these rows; 0: no training
    shuffle: bool = True  # whether the rows are shuffled in each epoch
    # inputs and targets of the validation rows, or a mapping with lengths and weights too
    validation: tuple[np.ndarray, np.ndarray] | Mapping[str, Any] | None = None
    patience: int | None = None  # epochs without a better validation loss before early stopping
    snapshot: bool = False  # whether a copy of the weights is kept after the round
    lengths: Any = None  # steps of each row (n,), or a mapping of names to such; None: all of them


class TrainingData(Protocol):
    """The source of the examples of a training."""

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """Yields the rounds of one training; all random numbers come from `rng`."""
        ...


@dataclass(frozen=True, eq=False)
class Job:
    """All that a training depends on except its seed. A job can be pickled if its data and loss can.

    layout       layout of the network, which ends in a `Dense` head and may have a linear skip path
    data         source of the examples
    recipe       hyperparameters of the training
    loss         name of the loss, or the loss itself
    start        theta (P,) from which the training continues; None: the training begins with random weights, and with
                 zeros in the head and the skip path
    output_bias  (O,) initial bias of the head, which is the output of the network before training; None: 0
    checkpoint   folder for the checkpoints of a training of one round;  resume  folder of those that it goes on from
    """

    layout: Layout
    data: TrainingData
    recipe: Recipe
    loss: str | Loss
    start: np.ndarray | None = None
    output_bias: np.ndarray | None = None
    checkpoint: str | None = None
    resume: str | None = None

    def network(self, seed: int) -> Network:
        """Returns the network before training, with initial weights drawn from `seed` or taken from `start`."""
        if self.start is not None:
            return Network.from_theta(self.layout, self.start)
        network = Network.from_layers(
            self.layout.layers, input_size=self.layout.input_size, inputs=self.layout.inputs, seed=seed
        )
        for name, parameter in network.parameters.items():
            if name in ("head.weight", "skip.weight"):
                parameter[...] = 0.0
        for part in self.layout.parts:
            if isinstance(part.layer, Embedding):  # rows of about length 1: what a rare token draws stays small
                part.parameters[0][0].view(network.theta)[...] /= math.sqrt(part.layer.embedding_dim)
        if self.output_bias is not None:
            network.parameters["head.bias"] = self.output_bias
        return network


class Trained(NamedTuple):
    """The result of a training.

    A training fails when its loss or a gradient is no longer finite. The later snapshots are then missing, and the last
    theta is that of the last snapshot, or the initial one if there is no snapshot.
    """

    thetas: np.ndarray  # (S + 1, P): the weights at S snapshots in the order of training, then the final weights
    history: History
    error: TrainingError | None = None  # why it failed; None: it did not

    @property
    def failed(self) -> bool:
        return self.error is not None

    @property
    def theta(self) -> np.ndarray:
        """Returns the final weights, (P,)."""
        return self.thetas[-1]


def layout_of(recipe: Recipe, input_size: int, output_size: int, output: str = "sequence", skip: bool = True) -> Layout:
    """Returns the layout of a network with one recurrent layer; the arguments are those of `elman.Network`."""
    return Layout(stack(recipe.hidden_size, output_size, recipe.cell, 1, False, output, (), skip), input_size)


def trainer_of(job: Job, seed: np.random.SeedSequence) -> Trainer:
    """Returns the Trainer of a job's network, before its first update."""
    recipe = job.recipe
    trainer = Trainer(
        job.network(number(child(seed, WEIGHTS))),
        loss=job.loss,
        optimizer=AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        schedule=Cosine(recipe.updates) if recipe.cosine else None,
        batch_size=recipe.batch_size,
        clip_norm=CLIP_NORM,
        seed=number(child(seed, ORDER)),
    )
    trainer.advice = False  # targets were scaled, and rows split, for a reason
    return trainer


def train(
    job: Job,
    seed: np.random.SeedSequence,
    cancelled: Callable[[], bool] = lambda: False,
    on_updates: Callable[[int], None] = lambda updates: None,
) -> Trained:
    """Trains one network and returns its weights; the same job and seed give the same weights, bit for bit.

    cancelled   is called after each epoch; once it returns True, CancelledError is raised
    on_updates  is called after each epoch with the number of updates since its previous call
    """
    trainer = trainer_of(job, seed)
    network, recipe = trainer.network, job.recipe
    reported = 0

    def after_epoch(trainer: Trainer) -> None:
        nonlocal reported
        on_updates(trainer.updates - reported)
        reported = trainer.updates
        if cancelled():
            raise CancelledError

    kept: list[np.ndarray] = []
    last = network.theta.copy()
    try:
        for each in job.data.rounds(recipe, np.random.default_rng(child(seed, EXAMPLES))):
            if each.epochs:
                trainer.fit(
                    each.x,
                    each.y,
                    lengths=each.lengths,
                    sample_weight=each.weight,
                    epochs=each.epochs,
                    shuffle=each.shuffle,
                    validation=each.validation,
                    patience=each.patience,
                    progress=False,
                    callback=after_epoch,
                    checkpoint=job.checkpoint,
                    resume=job.resume,
                )
            if each.snapshot:
                last = network.theta.copy()
                kept.append(last)
    except TrainingError as error:
        return Trained(np.array([*kept, last]), trainer.history, error)
    return Trained(np.array([*kept, network.theta]), trainer.history)


def check_trained(network: Network, losses: np.ndarray, validation_losses: np.ndarray) -> None:
    """Raises ValueError for the numbers of a file that no training left: weights or losses that are not finite. Without
    validation data its losses are NaN, all of them."""
    if not np.isfinite(network.theta).all():
        raise ValueError("network.theta: expected finite numbers")
    if not np.isfinite(losses).all():
        raise ValueError("losses: expected finite numbers")
    if not (np.isfinite(validation_losses).all() or np.isnan(validation_losses).all()):
        raise ValueError("validation_losses: expected finite numbers, or NaN alone")
