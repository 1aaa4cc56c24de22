"""Layers as plain JSON values and back, for files. Nothing that a file says is executed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from elman.core import fields
from elman.core.checks import shown
from elman.core.layers import GRU, LAYERS, LSTM, Activation, Cell, CustomCell, Input, Layer, Layout, Node, Simple

__all__ = ["inputs_from_plain", "inputs_to_plain", "layers_from_plain", "layers_to_plain", "layout_from_plain"]

CELLS: dict[str, type[Cell]] = {kind.kind: kind for kind in (Simple, LSTM, GRU)}
INNER: dict[str, dict[str, Any]] = {"cell": CELLS, "layer": LAYERS}  # fields that are described themselves
MOST_LAYERS = 1000  # far above any use; a hostile file must not make us build a million


def layers_to_plain(layers: Sequence[Layer | Node]) -> list[dict[str, Any]]:
    """Returns each layer as {"kind": ..., its fields}; raises ValueError for a user's own activation or cell, which is
    code."""
    if len(layers) > MOST_LAYERS:
        raise ValueError(f"layers: expected at most {MOST_LAYERS} layers in a file, got {len(layers)}")
    return [_to_plain(layer) for layer in layers]


def layers_from_plain(name: str, plain: Any) -> list[Layer | Node]:
    """Returns the layers that `layers_to_plain` described; `name` is what errors call the field. Raises ValueError or
    TypeError for anything else."""
    if not isinstance(plain, list) or len(plain) > MOST_LAYERS:
        raise ValueError(f"{name}: expected a list of at most {MOST_LAYERS} layers, got {type(plain).__name__}")
    kinds = {**LAYERS, Node.kind: Node}
    return [_from_plain(f"{name}[{i}]", value, kinds) for i, value in enumerate(plain)]


def inputs_to_plain(inputs: Mapping[str, Input]) -> dict[str, Any]:
    """Returns a network's named inputs as plain JSON values: name -> the fields of its `Input`."""
    return {name: dataclasses.asdict(given) for name, given in inputs.items()}


def inputs_from_plain(name: str, plain: Any) -> dict[str, Input]:
    """Returns the inputs that `inputs_to_plain` described; `name` is what errors call the field. Raises ValueError or
    TypeError for anything else."""
    if not isinstance(plain, dict) or len(plain) > MOST_LAYERS:
        raise ValueError(f"{name}: expected a mapping of at most {MOST_LAYERS} inputs, got {type(plain).__name__}")
    known: dict[str, fields.Check] = {"size": fields.whole(1), "kind": fields.text}
    return {key: Input(**fields.record(f"{name}.{key}", value, known)) for key, value in plain.items()}


def layout_from_plain(name: str, plain: Any) -> Layout:
    """Returns the layout of a network from its layers and input size in the field `name`. Raises ValueError or
    TypeError for anything else."""
    known = fields.record(name, plain, {"layers": layers_from_plain, "input_size": fields.whole(1)})
    return Layout(known["layers"], known["input_size"])


def _to_plain(item: Any) -> dict[str, Any]:
    if isinstance(item, CustomCell):
        raise ValueError(
            f"cell: expected one of {', '.join(CELLS)}, got {item!r}: a file holds no code, so a network with a cell "
            "of your own cannot be saved; keep its `theta` and make the network anew"
        )
    plain: dict[str, Any] = {"kind": item.kind}
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if isinstance(value, Activation):
            raise ValueError(
                f"activation: expected 'tanh' or 'relu', got the function {value.name!r}: a file holds no code, so a "
                "network with an activation of your own cannot be saved; keep its `theta` and make the network anew"
            )
        plain[field.name] = _to_plain(value) if isinstance(value, Cell | Layer) else value
    return plain


def _from_plain(place: str, plain: Any, kinds: dict[str, Any]) -> Any:
    name = plain.get("kind") if isinstance(plain, dict) else None
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"{place}: expected one of {', '.join(kinds)}, got {shown(plain)}")
    known = [field.name for field in dataclasses.fields(kind)]
    values: dict[str, Any] = {}
    for key, value in plain.items():
        if key == "kind":
            continue
        if key not in known:
            raise ValueError(f"{place}: expected fields among {', '.join(known) or 'none'}, got {shown(key)}")
        inner = INNER.get(key)
        values[key] = value if inner is None else _from_plain(f"{place}.{key}", value, inner)
    return kind(**values)
