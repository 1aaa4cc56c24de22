"""The networks of an estimator of sequences: their layers, their training, and their outputs for new sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.core.layers import Dense, Dropout, Embedding, Last, Layer, Layout, Node, Recurrent, as_cell
from elman.estimators import ensemble
from elman.estimators.ensemble import OnProgress
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child
from elman.estimators.training import Job, Round, Trained
from elman.network import Network
from elman.sequence.columns import Columns, Encoded
from elman.sequence.steps import padded

__all__ = ["Examples", "Targets", "layout_for", "inputs_of", "outputs", "softmax", "train_networks"]

BLOCK_STEPS = 2**18  # steps of sequences that are computed at a time, padding among them


class Targets(NamedTuple):
    """What networks learn of n sequences."""

    y: np.ndarray  # (n,) classes, (n, O) numbers, or for tags (N,) classes of all steps end to end
    loss: str
    outputs: int  # of the network
    bias: np.ndarray | None = None  # (O,): its outputs before training; None: 0
    weight: np.ndarray | None = None  # (n,), or (N,) for tags
    by_step: bool = False  # whether each step has a target


class Examples(NamedTuple):
    """Inputs and targets of n sequences, as `Trainer.fit` takes them; a `TrainingData` of one round."""

    x: Any
    lengths: Any
    y: np.ndarray
    weight: np.ndarray | None
    epochs: int
    validation: Mapping[str, Any] | None = None
    patience: int | None = None

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        yield Round(
            self.x,
            self.y,
            self.weight,
            self.epochs,
            validation=self.validation,
            patience=self.patience,
            lengths=self.lengths,
        )


def layout_for(options: Mapping[str, Any], columns: Columns, outputs: int, by_step: bool) -> Layout:
    """Returns the layout of a network with these options that reads these columns."""
    layers: list[Layer | Node] = []
    if columns.tokens:
        layers.append(Embedding(len(columns.vocabularies[0]), options["embedding_size"]))
    between = [Dropout(options["dropout"])] if options["dropout"] else []
    for _ in range(options["num_layers"]):
        layers += [Recurrent(options["hidden_size"], as_cell(options["cell"]), options["bidirectional"]), *between]
    if not by_step:
        layers.append(Last())
    layers.append(Dense(outputs))
    return Layout(layers, max(1, len(columns.numeric)))


def inputs_of(encoded: Encoded) -> tuple[Any, np.ndarray | None]:
    """Returns x and lengths as a network takes them."""
    x = padded(encoded.numbers if encoded.numbers is not None else encoded.ids[0], encoded.lengths)
    return x, None if (encoded.lengths == x.shape[1]).all() else encoded.lengths


def train_networks(
    layout: Layout,
    examples: Examples,
    targets: Targets,
    recipe: Recipe,
    seed: int,
    start: Sequence[np.ndarray] | None,
    on_progress: OnProgress | None,
) -> list[Trained]:
    """Trains the members of an ensemble; those of `start` go on from their weights. Raises TrainingError where one
    fails."""
    begin = [None] * recipe.members if start is None else start
    jobs = [Job(layout, examples, recipe, targets.loss, theta, targets.bias) for theta in begin]
    results = ensemble.fit_all([ensemble.Ensemble(jobs, child(seed, Use.MEMBERS))], on_progress=on_progress)[0]
    for trained in results:
        if trained.error is not None:
            raise trained.error
    return results


def outputs(networks: Sequence[Network], encoded: Encoded, by_step: bool) -> list[np.ndarray]:
    """Returns the outputs of each network for n sequences: (n, O), or (N, O) for all steps end to end.

    Sequences of like length are computed together, a block at a time.
    """
    found: list[np.ndarray] = []
    starts = np.cumsum(encoded.lengths) - encoded.lengths
    size = int(encoded.lengths.sum()) if by_step else len(encoded.lengths)
    blocks = list(_blocks(encoded, starts))
    for network in networks:
        answer = np.empty((size, network.output_size), np.float32)
        for rows, places, part in blocks:
            x, lengths = inputs_of(part)
            y = network.predict(x, lengths=lengths)
            if by_step:
                answer[places] = y[np.arange(y.shape[1]) < part.lengths[:, None]]
            else:
                answer[rows] = y
        found.append(answer)
    return found


def _blocks(encoded: Encoded, starts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, Encoded]]:
    """Yields the rows, the places of their steps, and the sequences, of one block after the other."""
    order = np.argsort(-encoded.lengths, kind="stable")
    begin = 0
    while begin < len(order):
        count = max(1, BLOCK_STEPS // int(encoded.lengths[order[begin]]))
        rows = order[begin : begin + count]
        lengths = encoded.lengths[rows]
        places = np.repeat(starts[rows] - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
        numbers = None if encoded.numbers is None else encoded.numbers[places]
        yield rows, places, Encoded(numbers, tuple(ids[places] for ids in encoded.ids), lengths)
        begin += count


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns probabilities, float64, of logits (n, C)."""
    shifted = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64))
    return shifted / shifted.sum(axis=1, keepdims=True)
