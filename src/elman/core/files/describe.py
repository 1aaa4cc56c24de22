"""Layers as plain JSON values and back, for files. Nothing that a file says is executed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from elman.core import fields
from elman.core.checks import shown
from elman.core.files.own import Own, own_from_plain, own_to_plain
from elman.core.layers import GRU, LAYERS, LSTM, Activation, Cell, CustomCell, Input, Layer, Layout, Node, Simple

__all__ = ["inputs_from_plain", "inputs_to_plain", "layers_from_plain", "layers_to_plain", "layout_from_plain"]

CELLS: dict[str, type[Cell]] = {kind.kind: kind for kind in (Simple, LSTM, GRU)}
INNER: dict[str, dict[str, Any]] = {"cell": CELLS, "layer": LAYERS}  # fields that are described themselves
MOST_LAYERS = 1000  # far above any use; a hostile file must not make us build a million


def layers_to_plain(layers: Sequence[Layer | Node], custom: bool = False) -> list[dict[str, Any]]:
    """Returns each layer as {"kind": ..., its fields}; a user's own activation or cell, which is code, as its name with
    `custom`, else raises ValueError."""
    if len(layers) > MOST_LAYERS:
        raise ValueError(f"layers: expected at most {MOST_LAYERS} layers in a file, got {len(layers)}")
    return [_to_plain(layer, custom) for layer in layers]


def layers_from_plain(name: str, plain: Any) -> list[Layer | Node]:
    """Returns the layers that `layers_to_plain` described; `name` is what errors call the field. Raises ValueError or
    TypeError for anything else."""
    if not isinstance(plain, list) or len(plain) > MOST_LAYERS:
        raise ValueError(f"{name}: expected a list of at most {MOST_LAYERS} layers, got {type(plain).__name__}")
    kinds = {**LAYERS, Node.kind: Node}
    return [_from_plain(f"{name}[{i}]", value, kinds) for i, value in enumerate(plain)]


def inputs_to_plain(inputs: Mapping[str, Input]) -> dict[str, Any]:
    """Returns a network's named inputs as plain JSON values: name -> the fields of its `Input`."""
    return {name: {k: v for k, v in vars(given).items() if v is not None} for name, given in inputs.items()}


def inputs_from_plain(name: str, plain: Any) -> dict[str, Input]:
    """Returns the inputs that `inputs_to_plain` described; `name` is what errors call the field. Raises ValueError or
    TypeError for anything else."""
    if not isinstance(plain, dict) or len(plain) > MOST_LAYERS:
        raise ValueError(f"{name}: expected a mapping of at most {MOST_LAYERS} inputs, got {type(plain).__name__}")
    found: dict[str, Input] = {}
    for key, value in plain.items():
        known: dict[str, fields.Check] = {"size": fields.whole(1), "kind": fields.text}
        if isinstance(value, dict) and "time" in value:  # only inputs of another's steps have it
            known["time"] = fields.text
        found[key] = Input(**fields.record(f"{name}.{key}", value, known))
    return found


def layout_from_plain(name: str, plain: Any) -> Layout:
    """Returns the layout of a network from its layers, input size and named inputs, if it has any, in the field `name`.
    Raises ValueError or TypeError for anything else."""
    known: dict[str, fields.Check] = {"layers": layers_from_plain, "input_size": fields.whole(1)}
    if isinstance(plain, dict) and "inputs" in plain:  # only networks that read more than x have them
        known["inputs"] = inputs_from_plain
    return Layout(**fields.record(name, plain, known))


def _to_plain(item: Any, custom: bool) -> dict[str, Any]:
    if isinstance(item, Own):
        if custom:
            return own_to_plain(item)
        one, known = (
            ("cell", f"one of {', '.join(CELLS)}") if isinstance(item, CustomCell) else ("activation", "a built-in one")
        )
        raise ValueError(
            f"{one}: expected {known}, got {item.name!r}: a file holds no code, so a network with code of your own "
            "cannot be saved but with network.save(path, custom=True), which writes its name"
        )
    plain: dict[str, Any] = {"kind": item.kind}
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if field.metadata.get("added") and value == field.default:
            continue
        plain[field.name] = _to_plain(value, custom) if isinstance(value, Cell | Layer | Activation) else value
    return plain


def _from_plain(place: str, plain: Any, kinds: dict[str, Any]) -> Any:
    name = plain.get("kind") if isinstance(plain, dict) else None
    if name == CustomCell.kind and kinds is CELLS:
        return own_from_plain(place, plain)
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
        if key == "activation" and isinstance(value, dict):
            values[key] = own_from_plain(f"{place}.{key}", value)
            continue
        values[key] = value if inner is None else _from_plain(f"{place}.{key}", value, inner)
    return kind(**values)
