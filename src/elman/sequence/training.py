"""Trains the networks of an estimator of sequences: what they are, what they see, and for how long."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from elman.core.layers import Layout
from elman.estimators.ensemble import Ensemble, OnProgress, fit_all
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child
from elman.estimators.training import Job, Round, Trained, trainer_of
from elman.sequence.columns import Columns
from elman.sequence.model import inputs_of
from elman.sequence.steps import Steps, padded, places
from elman.sequence.targets import Classes, Target
from elman.train.training import Trainer

__all__ = ["Data", "Examples", "Folders", "recipe_for", "split_rows", "train_all", "trainers"]

LEAST_UPDATES = 600  # of a fit whose `epochs` is None: a small set is passed over more often
LEAST_EPOCHS = 20


class Data(NamedTuple):
    """n checked sequences, their targets as networks learn them, and their weights."""

    steps: Steps
    y: np.ndarray  # (n,), (n, O), or (N,) for each step
    weight: np.ndarray | None  # like the first axis of y

    def take(self, rows: np.ndarray, by_step: bool) -> Data:
        """Returns these sequences."""
        where = places(self.steps.lengths, rows) if by_step else rows
        weight = None if self.weight is None else self.weight[where]
        return Data(self.steps.take(rows), self.y[where], weight)

    def arguments(self, columns: Columns, by_step: bool) -> dict[str, Any]:
        """Returns x, y, lengths and weights as `Trainer.fit` takes them."""
        x, lengths = inputs_of(columns, columns.encode(self.steps))
        y, weight = self.y, self.weight
        if by_step:
            y = padded(y, self.steps.lengths)
            weight = None if weight is None else padded(weight, self.steps.lengths)
        return {"x": x, "y": y, "lengths": lengths, "sample_weight": weight}


class Folders(NamedTuple):
    """Where checkpoints of a fit are written, and from where it goes on; each member has a folder in these."""

    checkpoint: str | os.PathLike[str] | None = None
    resume: str | os.PathLike[str] | None = None

    def of(self, job: Job, member: int) -> Job:
        """Returns the job of a member with its folders."""
        names = [None if each is None else os.path.join(each, f"member-{member}") for each in self]
        return replace(job, checkpoint=names[0], resume=names[1])


class Examples(NamedTuple):
    """What all members of an ensemble are trained on: one round, a `TrainingData`."""

    arguments: Mapping[str, Any]
    epochs: int
    validation: Mapping[str, Any] | None
    patience: int | None

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        given = self.arguments
        yield Round(
            given["x"],
            given["y"],
            given["sample_weight"],
            self.epochs,
            validation=self.validation,
            patience=self.patience,
            lengths=given["lengths"],
        )


def recipe_for(options: Mapping[str, Any], n: int, cosine: bool = True) -> tuple[Recipe, int]:
    """Returns the recipe for n sequences, and the number of epochs."""
    batches = math.ceil(n / options["batch_size"])
    epochs = options["epochs"] or max(LEAST_EPOCHS, math.ceil(LEAST_UPDATES / batches))
    recipe = Recipe(
        options["members"],
        options["hidden_size"],
        epochs * batches,
        options["batch_size"],
        options["learning_rate"],
        options["weight_decay"],
        options["cell"],
        cosine,
    )
    return recipe, epochs


def split_rows(target: Target, data: Data, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sequences that train, and those that validate: drawn by the seed, with the same shares of classes
    where each has two at least. ValueError where none would be left."""
    n = len(data.steps.lengths)
    count = max(1, round(fraction * n))
    if n - count < 1:
        raise ValueError(
            f"validation_fraction: expected a fraction that leaves sequences to train on, got {fraction} of {n}"
        )
    classes = None
    if isinstance(target, Classes) and not target.by_step:
        counts = np.bincount(data.y, minlength=target.outputs)
        if counts.min() >= 2 and min(count, n - count) >= target.outputs:
            classes = data.y
    drawn = np.random.RandomState(np.random.MT19937(child(seed, Use.TRIALS)))
    rest, held_out = train_test_split(np.arange(n), test_size=count, stratify=classes, random_state=drawn)
    return np.sort(rest), np.sort(held_out)


def train_all(
    layout: Layout,
    target: Target,
    examples: Examples,
    recipe: Recipe,
    seed: int,
    start: Sequence[np.ndarray],
    folders: Folders,
    on_progress: OnProgress | None,
) -> list[Trained]:
    """Trains the members of an ensemble; the first ones go on from the weights `start`. Raises TrainingError, with the
    doctor's report, where one fails."""
    job = Job(layout, examples, recipe, target.loss)
    begin = [*start, *[None] * recipe.members][: recipe.members]
    jobs = [folders.of(replace(job, start=theta), k) for k, theta in enumerate(begin)]
    results = fit_all([Ensemble(jobs, child(seed, Use.MEMBERS))], on_progress=on_progress)[0]
    for trained in results:
        if trained.error is not None:
            raise trained.error
    return results


def trainers(
    layout: Layout, target: Target, recipe: Recipe, seed: int, start: Sequence[np.ndarray]
) -> tuple[Trainer, ...]:
    """Returns a Trainer for each member, for `partial_fit`; the first ones go on from the weights `start`."""
    none = Examples({}, 0, None, None)
    begin = [*start, *[None] * recipe.members][: recipe.members]
    return tuple(
        trainer_of(Job(layout, none, recipe, target.loss, theta), child(child(seed, Use.MEMBERS), k))
        for k, theta in enumerate(begin)
    )
