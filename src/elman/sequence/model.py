"""The networks of an estimator of sequences: their layers, their inputs, and their outputs for new sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.core.layers import (
    INPUT,
    Concat,
    Dense,
    Dropout,
    Embedding,
    Input,
    Last,
    Layer,
    Layout,
    Node,
    Pool,
    Recurrent,
    as_cell,
)
from elman.network import Network
from elman.sequence.columns import Columns, Encoded
from elman.sequence.steps import padded, places
from elman.sequence.vocabulary import PADDING

__all__ = ["inputs_of", "layout_for", "outputs"]

BLOCK_STEPS = 2**18  # steps of sequences that are computed at a time, padding among them


def layout_for(options: Mapping[str, Any], columns: Columns, outputs: int, by_step: bool) -> Layout:
    """Returns the layout of a network with these options that reads these columns.

    Each column of tokens has an embedding, which is joined to the numbers; the recurrent layers follow, then what makes
    one vector of their steps, unless each step has an output, and one linear layer.
    """
    dropout = [Dropout(options["dropout"])] if options["dropout"] else []
    read, inputs = _reading(columns, options["embedding_size"])
    layers: list[Layer | Node] = [*read, *(dropout if columns.tokens else [])]
    for _ in range(options["num_layers"]):
        layers += [Recurrent(options["hidden_size"], as_cell(options["cell"]), options["bidirectional"]), *dropout]
    if not by_step:
        layers += _pooling(layers, options["pooling"].split("+"))
    return Layout([*layers, Dense(outputs)], max(1, len(columns.numeric)), inputs)


def _reading(columns: Columns, size: int | Sequence[int]) -> tuple[list[Layer | Node], dict[str, Input]]:
    """Returns the layers that make numbers of all columns, and the inputs besides x."""
    sizes = [size] * len(columns.tokens) if isinstance(size, int) else size
    if len(sizes) != len(columns.tokens):
        raise ValueError(
            f"embedding_size: expected one for each of {len(columns.tokens)} columns of tokens, got {size}"
        )
    tables = [
        Embedding(len(vocabulary), each, padding_idx=PADDING)
        for vocabulary, each in zip(columns.vocabularies, sizes, strict=True)
    ]
    if not tables:
        return [], {}
    if not columns.numeric and len(tables) == 1:
        return [*tables], {}
    names = [INPUT, *(f"tokens{column}" for column in columns.tokens)]
    names = names if columns.numeric else names[:1] + names[2:]
    reads = names[1:] if columns.numeric else names
    nodes: list[Layer | Node] = [
        Node(table, f"embedding{column}", [name])
        for table, column, name in zip(tables, columns.tokens, reads, strict=True)
    ]
    sources = [INPUT] * bool(columns.numeric) + [f"embedding{column}" for column in columns.tokens]
    rows = {name: len(vocabulary) for name, vocabulary in zip(reads, columns.vocabularies, strict=True)}
    inputs = {name: Input(rows[name], "integers", time=INPUT) for name in names[1:]}
    return [*nodes, Node(Concat(), "steps", sources)], inputs


def _pooling(layers: list[Layer | Node], how: Sequence[str]) -> list[Layer | Node]:
    """Returns the layers that make one vector of the steps of `layers`, the last of which is given a name where several
    read it."""
    made: list[Layer] = [Last() if each == "last" else Pool(each) for each in how]  # type: ignore[arg-type]
    if len(made) == 1:
        return [*made]
    last = layers.pop()
    layers.append(Node(last.layer if isinstance(last, Node) else last, "states"))
    parts = [Node(layer, name, ["states"]) for layer, name in zip(made, how, strict=True)]
    return [*parts, Node(Concat(), "pooled", [*how])]


def inputs_of(columns: Columns, encoded: Encoded) -> tuple[Any, Any]:
    """Returns x and lengths as a network of these columns takes them."""
    given = [padded(ids, encoded.lengths) for ids in encoded.ids]
    if encoded.numbers is not None:
        given.insert(0, padded(encoded.numbers, encoded.lengths))
    lengths = None if (encoded.lengths == given[0].shape[1]).all() else encoded.lengths
    if len(given) == 1:
        return given[0], lengths
    others = columns.tokens if encoded.numbers is not None else columns.tokens[1:]
    names = [INPUT, *(f"tokens{column}" for column in others)]
    return dict(zip(names, given, strict=True)), lengths


def outputs(networks: Sequence[Network], columns: Columns, encoded: Encoded, by_step: bool) -> list[np.ndarray]:
    """Returns the outputs of each network for n sequences: (n, O), or (N, O) for all steps end to end.

    Sequences of like length are computed together, a block at a time.
    """
    lengths = encoded.lengths
    size = int(lengths.sum()) if by_step else len(lengths)
    found = [np.empty((size, network.output_size), np.float32) for network in networks]
    order = np.argsort(-lengths, kind="stable")
    begin = 0
    while begin < len(order):
        rows = order[begin : begin + max(1, BLOCK_STEPS // int(lengths[order[begin]]))]
        begin += len(rows)
        where = places(lengths, rows)
        numbers = None if encoded.numbers is None else encoded.numbers[where]
        x, own = inputs_of(columns, Encoded(numbers, tuple(ids[where] for ids in encoded.ids), lengths[rows]))
        for network, answer in zip(networks, found, strict=True):
            y = network.predict(x, lengths=own)
            if by_step:
                answer[where] = y[np.arange(y.shape[1]) < lengths[rows][:, None]]
            else:
                answer[rows] = y
    return found
