"""The networks of an estimator of sequences: their layers, their inputs, and their outputs for new sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.core.layers import Dense, Dropout, Embedding, Last, Layer, Layout, Node, Recurrent, as_cell
from elman.network import Network
from elman.sequence.columns import Columns, Encoded
from elman.sequence.steps import padded, places

__all__ = ["check_layout", "inputs_of", "layout_for", "outputs"]

BLOCK_STEPS = 2**18  # steps of sequences that are computed at a time, padding among them


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


def check_layout(layout: Layout, columns: Columns, outputs: int, by_step: bool) -> None:
    """Raises ValueError unless a layout reads these columns and has so many outputs, at each step or once."""
    if layout.output_size != outputs or layout.last == by_step:
        raise ValueError(f"networks: expected {outputs} outputs, got {layout.output_size}")
    if layout.input_size != max(1, len(columns.numeric)) or layout.integer_input != bool(columns.tokens):
        raise ValueError(f"networks: expected to read {columns.count} columns, got {layout.input_size}")


def outputs(networks: Sequence[Network], encoded: Encoded, by_step: bool) -> list[np.ndarray]:
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
        x, own = inputs_of(Encoded(numbers, tuple(ids[where] for ids in encoded.ids), lengths[rows]))
        for network, answer in zip(networks, found, strict=True):
            y = network.predict(x, lengths=own)
            if by_step:
                answer[where] = y[np.arange(y.shape[1]) < lengths[rows][:, None]]
            else:
                answer[rows] = y
    return found
