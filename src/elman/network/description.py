"""Descriptions of a network's layers: plain values for a file, and lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.core import fields
from elman.core.files.describe import inputs_from_plain, inputs_to_plain, layers_from_plain, layers_to_plain
from elman.core.layers import INPUT, Embedding, Last, Layer, Layout, Node

__all__ = ["from_plain", "lines", "reads_integers", "to_plain"]


def to_plain(layout: Layout, dtype: np.dtype[Any], custom: bool = False) -> dict[str, Any]:
    """Returns layout and dtype as plain JSON values. A user's own code, which no file holds, is named with `custom`,
    and else raises ValueError."""
    plain = {"layers": layers_to_plain(layout.layers, custom), "input_size": layout.input_size, "dtype": dtype.name}
    return plain | ({"inputs": inputs_to_plain(layout.inputs)} if layout.inputs else {})


def from_plain(name: str, value: Any) -> tuple[Layout, np.dtype[Any]]:
    """Returns the layout and dtype that `to_plain` described, each field checked; `name` is what errors call it."""
    known: dict[str, fields.Check] = {"layers": layers_from_plain, "input_size": fields.whole(1)}
    known["dtype"] = fields.one_of("float32", "float64")
    if isinstance(value, dict) and "inputs" in value:  # only networks that read more than x have them
        known["inputs"] = inputs_from_plain
    plain = fields.record(name, value, known)
    return Layout(plain["layers"], plain["input_size"], plain.get("inputs")), np.dtype(plain["dtype"])


def lines(layout: Layout, runs: str) -> list[str]:
    """Returns what a network is: a line for all of it, which ends in `runs`, and one for each input besides x and for
    each layer, with its output's size and number of parameters."""
    given = "integers" if layout.integer_input else f"{layout.input_size} in"
    shape = "at every step"
    if layout.last:
        ends = any(isinstance(part.layer, Last) for part in layout.parts)
        shape = "at the last step" if ends else "for each sequence"
    found = [f"Network: {given}, {layout.output_size} out {shape}, {layout.size:,} parameters, {runs}"]
    names = [repr(layer) for layer in layout.layers]
    width = max(map(len, names))
    found += [f"  {name}: {each}" for name, each in layout.inputs.items()]
    left = set(layout.parameters)  # a shared one counts where it comes first
    for name, part in zip(names, layout.parts, strict=True):
        own = {parameter for group in part.parameters for parameter in group} & left
        left -= own
        count = sum(parameter.size for parameter in own)
        found.append(f"  {name:{width}}  -> {part.output_size:<5} {f'{count:,}' if count else ''}".rstrip())
    return found


def reads_integers(layers: Sequence[Layer | Node]) -> bool:
    """Returns whether an Embedding reads x: as the first layer, or by the name of x."""
    if not isinstance(layers, Sequence) or not layers:  # pyright: ignore[reportUnnecessaryIsInstance]
        return False
    first = layers[0].layer if isinstance(layers[0], Node) and not layers[0].reads else layers[0]
    named = [layer.layer for layer in layers if isinstance(layer, Node) and INPUT in layer.reads]
    return isinstance(first, Embedding) or any(isinstance(layer, Embedding) for layer in named)
