"""Makes the network that is checked: the subject itself in float64, or a small one around it; and draws its data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.layers import (
    CELLS,
    INPUT,
    Activation,
    Attention,
    Cell,
    Concat,
    Dense,
    Embedding,
    Last,
    Layer,
    Layout,
    Node,
    Pool,
    Recurrent,
    Shift,
    Simple,
    Skip,
)
from elman.core.losses import LOSSES, Loss
from elman.network import Network, arguments
from elman.network.arguments.batch import vocabulary
from elman.network.arguments.named import TARGETS
from elman.network.description import reads_integers

__all__ = ["Subject", "draw_inputs", "draw_state", "draw_targets", "network_of"]

ROWS = 3  # of the data that is drawn


class Subject(NamedTuple):
    """The network that is checked."""

    network: Network  # in float64
    name: str  # in the report
    loss: Loss | None  # where the subject is a loss
    notes: tuple[str, ...]  # for the report


def network_of(subject: Any, rng: np.random.Generator) -> Subject:
    """Returns the network to check: the subject's own as float64, or a small one with the subject as a part of it."""
    if hasattr(subject, "model_"):
        subject = subject.model_.networks[0]
    subject = getattr(subject, "network", subject)
    if isinstance(subject, Network):
        double = subject.dtype == np.float64
        notes = () if double else (f"the {subject.dtype} network was checked as a float64 copy",)
        layout, padding = _without_padding(subject.layout)
        copy = Network.from_theta(layout, subject.weights.copy().astype(np.float64))
        return Subject(copy, f"network of {subject.num_parameters} parameters", None, (*notes, *padding))
    if isinstance(subject, str):
        known = {**CELLS, **LOSSES}
        subject = known[checks.choice("subject", subject, tuple(known))]
    layers = _around(subject)
    layout, padding = _without_padding(Layout(layers, 1 if reads_integers(layers) else 3))
    network = Network.from_theta(layout, 0.5 * rng.normal(size=layout.size))
    return Subject(network, repr(subject), subject if isinstance(subject, Loss) else None, padding)


def _without_padding(layout: Layout) -> tuple[Layout, tuple[str, ...]]:
    """Returns the layout with padding ids like all others, and a note where it had one: their rows have a derivative
    too, which training leaves out on purpose."""

    def plain(layer: Layer | Node) -> Layer | Node:
        if isinstance(layer, Node):
            return replace(layer, layer=plain(layer.layer))
        return replace(layer, padding_idx=None) if isinstance(layer, Embedding) else layer

    layers = [plain(layer) for layer in layout.layers]
    if layers == [*layout.layers]:
        return layout, ()
    note = "rows of padding ids were checked like all others; training gives them no gradient"
    return Layout(layers, layout.input_size, layout.inputs), (note,)


def _around(subject: Any) -> list[Layer | Node]:
    """Returns the layers of a small network with this part in it."""
    match subject:
        case Activation():
            return [Recurrent(4, Simple(subject)), Dense(2)]
        case Recurrent():
            return [subject, Dense(2)]
        case Dense(tied=str() as name, output_size=size):
            return [Node(Embedding(size, 4), name, ["x"]), Recurrent(4, Simple()), subject]
        case Dense():
            return [Recurrent(4, Simple()), subject]
        case Embedding(tied=str() as name, num_embeddings=rows, embedding_dim=width, sparse=sparse):
            table = Node(Embedding(rows, width, sparse=sparse), name, ["x"])
            own = Node(subject, f"{name}_too", ["x"])
            return [table, own, Node(Concat(), reads=(name, f"{name}_too")), Recurrent(4, Simple()), Dense(2)]
        case Embedding():
            return [subject, Recurrent(4, Simple()), Dense(2)]
        case Last() | Skip():
            return [Recurrent(4, Simple()), Dense(2), subject] if isinstance(subject, Skip) else [Recurrent(4), subject]
        case Concat() | Pool():
            return [Recurrent(4, Simple()), subject, Dense(2)]
        case Attention():
            reads = ("previous", "previous")
            return [Recurrent(4, Simple()), Node(subject, reads=reads), Dense(2)]
        case Shift():
            return [Recurrent(4, Simple()), subject, Dense(2)]
        case _ if isinstance(subject, Cell):
            return [Recurrent(4, subject), Dense(2)]
        case _ if isinstance(subject, Loss):
            return [Recurrent(4, Simple()), Dense(getattr(subject, "outputs", None) or 3 * subject.outputs_per_target)]
        case _:
            raise TypeError(
                "subject: expected a Network, a cell, layer, activation or loss, or its name, "
                f"got {checks.shown(subject)}"
            )


def draw_inputs(network: Network, rng: np.random.Generator) -> tuple[Any, Any]:
    """Draws x (3, 5, D) and returns it with lengths, of which one is 1; both by name for a network with named inputs,
    each of which has lengths in another order."""
    layout, shape = network.layout, (ROWS, 5)
    lengths = np.array([5, 3, 1])
    whole = layout.integer_input
    x = rng.integers(0, vocabulary(layout), shape) if whole else rng.normal(size=(*shape, layout.input_size))
    if not layout.inputs:
        return x, lengths
    values, counts = {INPUT: x}, {INPUT: lengths}
    for name, given in layout.inputs.items():
        if given.kind == "vector":
            values[name] = rng.normal(size=(ROWS, given.size))
            continue
        steps = values[given.time].shape[1] if given.time else 4
        lead = (ROWS, steps)
        integers = given.kind == "integers"
        values[name] = rng.integers(0, given.size, lead) if integers else rng.normal(size=(*lead, given.size))
        counts[name] = counts[given.time] if given.time else np.array([2, 4, 3])
    return values, counts


def draw_state(network: Network, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draws and returns an initial state of n rows, by name."""
    return {slot.name: 0.5 * rng.normal(size=(n, slot.size)) for slot in network.layout.states}


def draw_targets(network: Network, loss: Loss, x: Any, lengths: Any, rng: np.random.Generator) -> Any:
    """Draws and returns targets for x that the loss accepts; where the network reads the targets, they are in x."""
    if TARGETS in network.layout.inputs:
        return x[TARGETS]
    lead = network.predict(x, lengths=lengths).shape[:-1]
    width = arguments.target_width(network.layout, loss)
    if loss.ragged:
        return [rng.integers(0, network.output_size, size) for size in rng.integers(0, 4, lead[0])]
    if width is None:
        return rng.integers(0, network.output_size, lead)
    draw = rng.normal if loss.low is None else rng.random
    return draw(size=(*lead, width))
