"""The network of a language model, and its training on the rows into which a text is cut."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.core.layers import AdaptiveSoftmax, Dense, Dropout, Embedding, Layer, Recurrent
from elman.core.optim import AdamW
from elman.estimators.budget import rise_and_fall, seconds_a_call
from elman.network import Network
from elman.pieces.vocabulary import Vocabulary
from elman.series.errors import DataError
from elman.train.training import Trainer

__all__ = ["Recipe", "Rows", "cut", "network_of", "rows_of", "seconds_an_update", "trained", "trainer_of"]

CLIP_NORM = 1.0
LARGE = 10_000  # words
CUTOFFS = (2000, LARGE)  # of an adaptive softmax: the first words of its clusters
Where = str | os.PathLike[str] | None


@dataclass(frozen=True)
class Recipe:
    """The options of a LanguageModel by which its network is made and trained, checked."""

    cell: str
    hidden_size: int
    num_layers: int
    embedding: int
    dropout: float
    recurrent_dropout: float
    tied: bool
    window: int
    batch_size: int
    updates: int
    learning_rate: float
    weight_decay: float
    validation_fraction: float
    patience: int | None
    seed: int


class Rows(NamedTuple):
    """A text cut into rows of equal length, and each row's next pieces: views of one array (N,)."""

    x: np.ndarray  # (B, T)
    y: np.ndarray

    def updates(self, window: int) -> int:
        """Returns how many updates one pass takes, all rows side by side."""
        return -(-self.x.shape[1] // window)


def network_of(recipe: Recipe, vocabulary: Vocabulary) -> Network:
    """Returns the untrained network: an embedding, recurrent layers with dropout around them, and a softmax over all
    pieces. Of more than LARGE words, which are numbered by their frequency, an update changes the rows of the embedding
    that it reads alone, and the softmax is adaptive (docs/tokens.md)."""
    size = vocabulary.size
    large = vocabulary.by_frequency and size > LARGE and not recipe.tied
    drop: list[Layer] = [Dropout(recipe.dropout)] if recipe.dropout else []
    recurrent: Any = Recurrent(recipe.hidden_size, recipe.cell, recurrent_dropout=recipe.recurrent_dropout)  # type: ignore[arg-type]
    layers: list[Layer] = [Embedding(size, recipe.embedding, sparse=large), *drop]
    for _ in range(recipe.num_layers):
        layers += [recurrent, *drop]
    last = AdaptiveSoftmax(size, CUTOFFS) if large else Dense(size, tied="embedding" if recipe.tied else None)
    return Network.from_layers([*layers, last], seed=recipe.seed)


def rows_of(name: str, ids: np.ndarray, batch_size: int, window: int) -> Rows:
    """Cuts pieces (N,) into `batch_size` rows, fewer where they would be shorter than a window. Less than one row of
    pieces at the end is left out. DataError for a text shorter than a window."""
    count = min(batch_size, (len(ids) - 1) // window)
    if count < 1:
        raise DataError(
            f"{name}: expected more than a window of {window} pieces to train on, got {len(ids)}; give a longer text,"
            f" or a shorter window (window={max(1, len(ids) // 2)}, --window)"
        )
    steps = (len(ids) - 1) // count
    return Rows(ids[: count * steps].reshape(count, steps), ids[1 : count * steps + 1].reshape(count, steps))


def cut(ids: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the pieces to train on, and those at the end that validate, or None."""
    count = round(len(ids) * share)
    if not share or count < 2 or count >= len(ids):
        return ids, None
    return ids[:-count], ids[-count - 1 :]  # with the last of the others before them, which foretells the first


def trained(
    network: Network,
    recipe: Recipe,
    ids: np.ndarray,
    *,
    progress: bool,
    checkpoint: Where = None,
    every: int | None = None,
    resume: Where = None,
    callback: Any = None,
) -> Trainer:
    """Trains the network on pieces (N,) with truncated backpropagation through time, the state carried from window to
    window, for about `recipe.updates` updates: whole passes over the text; where that is less than one, one pass over
    the first part of each row. The weights of the epoch with the lowest validation loss are kept."""
    known, held_out = cut(ids, recipe.validation_fraction)
    rows = rows_of("text", known, recipe.batch_size, recipe.window)
    steps = min(rows.x.shape[1], recipe.updates * recipe.window)
    rows = Rows(rows.x[:, :steps], rows.y[:, :steps])
    epochs = max(1, round(recipe.updates / rows.updates(recipe.window)))
    trainer = trainer_of(network, recipe, epochs * rows.updates(recipe.window), len(rows.x))
    validation: tuple[np.ndarray, np.ndarray] | None = None
    patience = None
    if held_out is not None:
        own = rows_of("validation", held_out, recipe.batch_size, min(recipe.window, len(held_out) - 1))
        validation = (own.x, own.y)
        patience = recipe.patience or epochs
    trainer.fit(
        rows.x,
        rows.y,
        epochs=epochs,
        window=recipe.window,
        validation=validation,
        patience=patience,
        progress=progress,
        checkpoint=checkpoint,
        every=every,
        resume=resume,
        callback=callback,
    )
    return trainer


def trainer_of(network: Network, recipe: Recipe, updates: int, rows: int) -> Trainer:
    """Returns a trainer for so many updates of so many rows."""
    return Trainer(
        network,
        loss="cross_entropy",
        optimizer=AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay),
        schedule=rise_and_fall(updates),
        clip_norm=CLIP_NORM,
        batch_size=rows,
        seed=recipe.seed,
    )


def seconds_an_update(recipe: Recipe, vocabulary: Vocabulary, ids: np.ndarray) -> float:
    """Returns how long an update takes on this machine now, measured for some seconds on a network of its own."""
    rows = rows_of("text", cut(ids, recipe.validation_fraction)[0], recipe.batch_size, recipe.window)
    network = network_of(recipe, vocabulary)
    trainer = trainer_of(network, recipe, 1 << 20, len(rows.x))
    starts = itertools.cycle(range(0, max(1, rows.x.shape[1] - recipe.window), recipe.window))

    def update() -> None:
        begin = next(starts)
        span = slice(begin, begin + recipe.window)
        trainer.update(rows.x[:, span], rows.y[:, span])

    return seconds_a_call(update)
