"""Cells and activations of a user's own in files: a file holds their names, and the reader brings the code.

Nothing that a file says is imported. `elman.load(path, custom=...)` takes the objects themselves, or import paths
("package.module:NAME") that the caller writes, and uses those whose names the file has.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from elman.core import fields
from elman.core.checks import shown
from elman.core.layers import Activation, CustomCell

__all__ = ["Own", "Owns", "allowed", "own_from_plain", "own_to_plain"]

Own = CustomCell | Activation
Owns = str | Own | Sequence[str | Own]  # what `elman.load(custom=)` takes

KINDS: dict[str, type[Own]] = {"custom": CustomCell, "activation": Activation}
_given: ContextVar[Mapping[tuple[str, str], Own]] = ContextVar("own", default={})  # noqa: B039  never changed


@contextmanager
def allowed(custom: Owns | None) -> Generator[None]:
    """While a file is read, lets it name these cells and activations, objects or import paths."""
    items = [] if custom is None else [custom] if isinstance(custom, str | Own) else custom
    found = [_imported(item) if isinstance(item, str) else item for item in items]
    for item in found:
        if not isinstance(item, Own):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"custom: expected a CustomCell, an Activation or import paths, got {shown(item)}")
    token = _given.set({(_kind(item), item.name): item for item in found})
    try:
        yield
    finally:
        _given.reset(token)


def own_to_plain(item: Own) -> dict[str, Any]:
    """Returns the name of a cell or an activation, where it may be imported from, and what must be like it."""
    plain: dict[str, Any] = {"kind": _kind(item), "name": item.name, "path": _path(item)}
    if isinstance(item, CustomCell):
        plain |= {"state_names": [*item.state_names], "gates": item.gates, "memory": item.memory}
    return plain


def own_from_plain(place: str, plain: Mapping[str, Any]) -> Own:
    """Returns the cell or activation that the reader allowed by this name; raises ValueError where there is none."""
    known: dict[str, fields.Check] = {"kind": fields.one_of(*KINDS), "name": fields.text}
    known["path"] = fields.optional(fields.text)
    if plain.get("kind") == "custom":
        known |= {"state_names": fields.items(fields.text, 1), "gates": fields.whole(1), "memory": fields.flag}
    said = fields.record(place, plain, known)
    item = _given.get().get((said["kind"], said["name"]))
    if item is None:
        path = repr(said["path"]) if said["path"] else "..."
        raise ValueError(
            f"{place}: a file holds no code, and this one needs your own {shown(said['name'])}; give the object, or "
            f"its import path, which runs that module: elman.load(path, custom={path})"
        )
    if isinstance(item, CustomCell):
        mine, theirs = (item.state_names, item.gates, item.memory), (said["state_names"], said["gates"], said["memory"])
        if mine != theirs:
            raise ValueError(f"{place}: expected a cell with states, gates and memory {theirs}, got {mine}")
    return item


def _kind(item: Own) -> str:
    return "custom" if isinstance(item, CustomCell) else "activation"


def _path(item: Own) -> str | None:
    """Returns module and name under which an item is found, if it has such."""
    function = item.step if isinstance(item, CustomCell) else item.function
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    names = [name for name, value in vars(module).items() if value is item] if module else []
    return f"{module.__name__}:{names[0]}" if module and names else None


def _imported(path: str) -> Any:
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise ValueError(f"custom: expected an import path such as 'package.module:NAME', got {shown(path)}")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"custom: expected an import path, got {shown(path)}: {error}") from None
