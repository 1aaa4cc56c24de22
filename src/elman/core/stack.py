"""The short form of a network: one cell, a few sizes, and the list of layers they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elman.core import checks
from elman.core.layers import CELLS, POOLINGS, Dense, Dropout, Last, Layer, Node, Pool, Recurrent, Skip, as_cell

__all__ = ["is_stack", "stack"]


def stack(
    hidden_size: Any,
    output_size: Any,
    cell: Any,
    num_layers: Any,
    bidirectional: Any,
    output: Any,
    head: Any,
    skip: Any,
    dropout: Any = 0.0,
    learned_state: Any = False,
) -> list[Layer]:
    """Returns the layers that the arguments of `Network(...)` stand for; checks every argument, whatever its type."""
    between = Dropout(dropout) if checks.number("dropout", dropout, low=0.0, high=1.0) else None
    layers: list[Layer] = []
    for size in _hidden_sizes(hidden_size, num_layers):
        layers.append(Recurrent(size, as_cell(cell), bidirectional, learned_state=learned_state))
        layers += [between] if between else []
    if between and output_size is None:
        layers.pop()  # what the network returns is h itself
    if checks.choice("output", output, ("sequence", "last", *POOLINGS)) != "sequence":
        layers.append(Last() if output == "last" else Pool(output))
    dense = _head(head)
    if output_size is not None:
        dense.append(Dense(checks.count("output_size", output_size)))
    elif dense:
        raise ValueError(f"head: expected none where output_size is None, got {head!r}")
    layers.extend(dense)
    if checks.flag("skip", skip):
        layers.append(Skip())
    return layers


def is_stack(layers: Sequence[Layer | Node], output_size: int, output: str, skip: bool) -> bool:
    """Returns whether `stack` makes these layers, with one recurrent layer and a cell that has a name."""
    first = layers[0]
    if not isinstance(first, Recurrent) or first.cell not in CELLS.values():
        return False
    return [*layers] == stack(first.hidden_size, output_size, first.cell, 1, False, output, (), skip)


def _hidden_sizes(hidden_size: Any, num_layers: Any) -> list[int]:
    layers = checks.count("num_layers", num_layers)
    if not isinstance(hidden_size, list | tuple):
        return [checks.count("hidden_size", hidden_size)] * layers
    sizes = [checks.count(f"hidden_size[{i}]", size) for i, size in enumerate(hidden_size)]
    if not sizes or layers not in (1, len(sizes)):
        raise ValueError(f"hidden_size: expected one number, or one for each of {layers} layers, got {hidden_size!r}")
    return sizes


def _head(head: Any) -> list[Layer]:
    items = list(head) if isinstance(head, list | tuple) else [head]
    return [
        item if isinstance(item, Dense) else Dense(checks.count(f"head[{i}]", item), "relu")
        for i, item in enumerate(items)
    ]
