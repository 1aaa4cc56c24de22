"""Descriptions of a network's layers: plain values for a file, and lines of text."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.core import fields
from elman.core.describe import layers_from_plain, layers_to_plain
from elman.core.layers import Layout

__all__ = ["from_plain", "lines", "to_plain"]


def to_plain(layout: Layout, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Returns layout and dtype as plain JSON values; raises ValueError for a user's own code, which no file holds."""
    return {"layers": layers_to_plain(layout.layers), "input_size": layout.input_size, "dtype": dtype.name}


def from_plain(name: str, value: Any) -> tuple[Layout, np.dtype[Any]]:
    """Returns the layout and dtype that `to_plain` described, each field checked; `name` is what errors call it."""
    known = {"layers": layers_from_plain, "input_size": fields.whole(1), "dtype": fields.one_of("float32", "float64")}
    plain = fields.record(name, value, known)
    return Layout(plain["layers"], plain["input_size"]), np.dtype(plain["dtype"])


def lines(layout: Layout) -> list[str]:
    """Returns one line for each layer: its description, its output's size, its number of parameters."""
    names = [repr(layer) for layer in layout.layers]
    width, found = max(map(len, names)), list[str]()
    for name, part in zip(names, layout.parts, strict=True):
        count = sum(parameter.size for group in part.parameters for parameter in group)
        found.append(f"  {name:{width}}  -> {part.output_size:<5} {f'{count:,}' if count else ''}".rstrip())
    return found
