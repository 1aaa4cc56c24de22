"""Trains the network of an EncoderDecoder on pairs, each decoder step reading the true piece before it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from elman.core.losses import CrossEntropy
from elman.core.optim import AdamW
from elman.estimators.budget import rise_and_fall, seconds_a_call
from elman.network import Network
from elman.seq2seq.network import Recipe
from elman.seq2seq.pairs import Pairs
from elman.train.training import Trainer

__all__ = ["Where", "held_out_rows", "seconds_an_update", "trained"]

CLIP_NORM = 1.0
HELD_OUT, FEWER = 0, 1  # children of the seed: which pairs validate; which train, where they are more than the updates
Where = str | os.PathLike[str] | None


def held_out_rows(n: int, share: float, seed: int) -> np.ndarray:
    """Returns which of n pairs validate, rising: a share drawn by the seed; none where that would be all of them."""
    count = round(n * share)
    return np.sort(_rng(seed, HELD_OUT).permutation(n)[: count if count < n else 0])


def trained(
    network: Network,
    recipe: Recipe,
    pairs: Pairs,
    held_out: Pairs | None,
    *,
    progress: bool,
    checkpoint: Where = None,
    every: int | None = None,
    resume: Where = None,
    callback: Any = None,
) -> Trainer:
    """Trains the network for about `recipe.updates` updates: whole passes over the pairs; where that is less than one,
    one pass over as many as it takes, drawn by the seed. The weights of the epoch with the lowest validation loss,
    plain cross entropy, are kept."""
    most = recipe.updates * recipe.batch_size
    if len(pairs.x) > most:
        pairs = pairs.take(np.sort(_rng(recipe.seed, FEWER).permutation(len(pairs.x))[:most]))
    each = -(-len(pairs.x) // recipe.batch_size)
    epochs = max(1, round(recipe.updates / each))
    trainer = trainer_of(network, recipe, epochs * each)
    trainer.fit(
        **pairs.batch,
        epochs=epochs,
        validation=None if held_out is None else held_out.batch,
        patience=None if held_out is None else epochs,
        progress=progress,
        checkpoint=checkpoint,
        every=every,
        resume=resume,
        callback=callback,
    )
    return trainer


def trainer_of(network: Network, recipe: Recipe, updates: int) -> Trainer:
    """Returns a trainer for so many updates."""
    return Trainer(
        network,
        loss=CrossEntropy(recipe.label_smoothing),
        optimizer=AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        schedule=rise_and_fall(updates),
        clip_norm=CLIP_NORM,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
    )


def seconds_an_update(network: Network, recipe: Recipe, pairs: Pairs) -> float:
    """Returns how long an update of the network, which it trains, takes on this machine now, measured for some
    seconds."""
    trainer, rng = trainer_of(network, recipe, 1 << 20), _rng(recipe.seed, FEWER)

    def update() -> None:
        rows = rng.integers(len(pairs.x), size=min(recipe.batch_size, len(pairs.x)))
        trainer.update(**pairs.take(rows).batch)

    return seconds_a_call(update)


def _rng(seed: int, use: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(use,)))
