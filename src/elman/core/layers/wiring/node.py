"""Layers with names, and inputs with names, from which networks are made that are more than a stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from elman.core import checks
from elman.core.frozen import short_repr, store
from elman.core.layers.layer import PREVIOUS, Layer

__all__ = ["Input", "Node", "checked_name"]

KINDS = ("sequence", "integers", "vector")


@dataclass(frozen=True)
class Input:
    """One of a network's named inputs besides x.

    kind  "sequence": (B, T, size) numbers, with lengths of its own; "integers": (B, T) whole numbers below `size`, with
          lengths of its own; "vector": (B, size) numbers, one vector a row
    time  the name of x or of an input before it, whose steps and lengths this one has: columns of one sequence, which
          layers may join step by step. None: its own

    The name "y" stands for the targets, which training and losses hand to the layers that read them.
    """

    size: int
    kind: Literal["sequence", "integers", "vector"] = "sequence"
    time: str | None = None

    __repr__ = short_repr

    def __post_init__(self) -> None:
        store(self, size=checks.count("size", self.size))
        checks.choice("kind", self.kind, KINDS)
        if self.time is not None:
            checked_name("time", self.time)
            if self.kind == "vector":
                raise ValueError(f"time: expected None for a vector, which has no steps, got {self.time!r}")


@dataclass(frozen=True)
class Node:
    """A layer with a name, with the names of what it reads, or with an initial state from elsewhere.

    name   what other layers call its output; its parameters and states are named after it: `encoder.weight_ih`,
           `encoder.h`. None: it has no name, and parameters are named as in a stack
    reads  names of layers before it, or of inputs ("x" is the main one); none: what the layer reads by itself, as a
           rule the output of the layer before it, whose name is "previous" here
    state  where its initial state comes from, unless the caller gives one: the name of a recurrent layer before it with
           states of the same names and sizes, or a mapping from its own states (`h`, `c`, `h_reverse`) to "layer.state"
           or to the name of a layer or an input that gives one vector a row
    """

    layer: Layer
    name: str | None = None
    reads: Sequence[str] = ()
    state: str | Mapping[str, str] | Sequence[tuple[str, str]] = ()

    kind: ClassVar[str] = "node"
    __repr__ = short_repr

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"layer: expected a layer such as elman.Recurrent(16), got {checks.shown(self.layer)}")
        if self.name is not None:
            checked_name("name", self.name)
        reads = (self.reads,) if isinstance(self.reads, str) else tuple(self.reads)
        if not all(isinstance(name, str) for name in reads):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"reads: expected names of layers and inputs, got {checks.shown(self.reads)}")
        store(self, reads=reads)
        if isinstance(self.state, str):
            return
        pairs = self.state.items() if isinstance(self.state, Mapping) else self.state
        state = tuple((key, source) for key, source in pairs)
        if not all(isinstance(word, str) for pair in state for word in pair):  # pyright: ignore
            raise TypeError(f"state: expected a name, or a mapping of names, got {checks.shown(self.state)}")
        store(self, state=state)


def checked_name(name: str, value: object) -> str:
    """Returns `value`, a name that a layer or an input may have; raises TypeError or ValueError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a name, got {checks.shown(value)}")
    if not value.isidentifier() or value == PREVIOUS:
        raise ValueError(f"{name}: expected an identifier other than {PREVIOUS!r}, got {checks.shown(value)}")
    return value
