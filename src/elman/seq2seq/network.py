"""The network of an EncoderDecoder: what it is made of, and its inputs by name.

It reads "source" and, as x, what the decoder has written so far: a mark, then the target without its last piece. It
foretells the target and then the mark, which stands for its end too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elman.core.layers import (
    Attention,
    Concat,
    Dense,
    Dropout,
    Embedding,
    Input,
    Layer,
    Node,
    Pool,
    Recurrent,
    as_cell,
)
from elman.network import Network
from elman.pieces.symbols import Pieces
from elman.seq2seq.sources import FRAMES, Features

__all__ = ["SOURCE", "Recipe", "network_of"]

SOURCE = "source"


@dataclass(frozen=True)
class Recipe:
    """The options of an EncoderDecoder by which its network is made and trained, checked."""

    cell: str
    hidden_size: int
    num_layers: int
    embedding: int
    attention: str | None
    tied: bool
    shared: bool
    dropout: float
    label_smoothing: float
    updates: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    validation_fraction: float
    seed: int


def network_of(recipe: Recipe, source: Pieces | Features, target: Pieces) -> Network:
    """Returns the untrained network for these sources and targets; the last id of a target, its size, is the mark."""
    layers = _Layers(recipe)
    hidden, vector = recipe.hidden_size, isinstance(source, Features) and source.kind != FRAMES
    if vector:
        layers.add(Dense(hidden, "relu"), "features", [SOURCE])
        summary = layers.dropped("features")
    else:
        summary = _encode(layers, recipe, source)
    cell = as_cell(recipe.cell)
    states = cell.state_names
    for level in range(recipe.num_layers):
        for state in states:
            layers.add(Dense(hidden, "tanh"), f"bridge{level}_{state}", [summary])
    layers.add(
        Embedding(target.size + 1, recipe.embedding, tied="source_pieces" if recipe.shared else None), "pieces", ["x"]
    )
    read = layers.dropped("pieces")
    score: Any = None if vector else recipe.attention
    if score is None:
        read = layers.add(Concat(), "told", [read, summary])
    for level in range(recipe.num_layers):
        start = {state: f"bridge{level}_{state}" for state in states}
        read = layers.add(Recurrent(hidden, cell), f"decoder{level}", [read], start)
        if level + 1 < recipe.num_layers:
            read = layers.dropped(read)
    if score is not None:
        read = layers.add(Attention(score), "attention", [read, "memory"])
    layers.add(Dense(recipe.embedding if recipe.tied else hidden, "tanh"), "attended", [read])
    read = layers.dropped("attended")
    layers.add(Dense(target.size + 1, tied="pieces" if recipe.tied else None), "output", [read])
    kind = "vector" if vector else "sequence" if isinstance(source, Features) else "integers"
    size = source.size + (recipe.shared and not isinstance(source, Features))
    return Network.from_layers(layers.nodes, inputs={SOURCE: Input(size, kind)}, seed=recipe.seed)


def _encode(layers: _Layers, recipe: Recipe, source: Pieces | Features) -> str:
    """Adds what reads a source that has steps: its "memory" (B, S, M), and one vector, whose name is returned."""
    read = SOURCE
    if not isinstance(source, Features):
        layers.add(Embedding(source.size + recipe.shared, recipe.embedding), "source_pieces", [SOURCE])
        read = layers.dropped("source_pieces")
    projected = recipe.attention == "dot"  # which asks for queries and a memory of one width
    for level in range(recipe.num_layers):
        top = level + 1 == recipe.num_layers
        name = "memory" if top and not projected else f"encoder{level}"
        read = layers.add(Recurrent(recipe.hidden_size, as_cell(recipe.cell), bidirectional=True), name, [read])
        if not top:
            read = layers.dropped(read)
    if projected:
        layers.add(Dense(recipe.hidden_size), "memory", [read])
    return layers.add(Pool("mean"), "summary", ["memory"])


class _Layers:
    """A list of layers with names, which grows."""

    def __init__(self, recipe: Recipe) -> None:
        self.nodes: list[Node] = []
        self._dropout = recipe.dropout

    def add(self, layer: Layer, name: str, reads: list[str], state: dict[str, str] | None = None) -> str:
        self.nodes.append(Node(layer, name, reads, state or {}))
        return name

    def dropped(self, name: str) -> str:
        """Adds dropout of what a layer gives, where there is any; returns the name of what is to be read."""
        return self.add(Dropout(self._dropout), f"{name}_dropped", [name]) if self._dropout else name
