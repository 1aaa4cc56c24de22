"""A network's layers described: as plain values for a file, and as lines of text."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.core import fields
from elman.core.describe import layers_from_plain, layers_to_plain
from elman.core.layers import Layout

__all__ = ["from_plain", "lines", "to_plain"]


def to_plain(layout: Layout, dtype: np.dtype[Any]) -> dict[str, Any]:
    """The layout and dtype as JSON can say them. ValueError for code of a user's own, which no file holds."""
    return {"layers": layers_to_plain(layout.layers), "input_size": layout.input_size, "dtype": dtype.name}


def from_plain(name: str, value: Any) -> tuple[Layout, np.dtype[Any]]:
    """The layout and dtype that `to_plain` described, each field checked; errors call the whole `name`."""
    known = {"layers": layers_from_plain, "input_size": fields.whole(1), "dtype": fields.one_of("float32", "float64")}
    plain = fields.record(name, value, known)
    return Layout(plain["layers"], plain["input_size"]), np.dtype(plain["dtype"])


def lines(layout: Layout) -> list[str]:
    """One line a layer: its description, its output's size, its number of parameters."""
    names = [repr(layer) for layer in layout.layers]
    width, found = max(map(len, names)), list[str]()
    for name, part in zip(names, layout.parts, strict=True):
        count = sum(parameter.size for group in part.parameters for parameter in group)
        found.append(f"  {name:{width}}  -> {part.output_size:<5} {f'{count:,}' if count else ''}".rstrip())
    return found
