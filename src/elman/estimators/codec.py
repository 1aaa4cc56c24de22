"""One file format for all estimators: a tree of dataclasses, written as plain JSON values and arrays, and read back.

A `Codec` knows the classes that the files of one kind may hold, each by a name and a version such as "series/1". The
names stand in the files, so classes may be renamed freely. A class whose fields change gets the next version, and an
entry in `newer` that turns the fields of the version before into those of the next. What a field may hold is read from
its annotation:

    bool, int, float, str            themselves; floats are finite
    Literal["a", "b"]                one of these strings
    tuple[X, ...], tuple[X, Y]       a list;  Annotated[tuple[X, ...], "(n,)"]  a list of n values
    Mapping[str, X], dict[str, X]    a mapping
    Annotated[np.ndarray, "float64 (n, P)"]    a tensor of this dtype and number of axes
    np.ndarray                       a tensor of any dtype and shape
    np.datetime64                    microseconds since 1970
    Network                          its layers and input size, and its theta as a tensor
    a dataclass or NamedTuple        its fields, each of them and no others
    X | None, X | Y                  one of these; of several classes the description says which

Axis names are compared within one record: everything of `n` rows must have the same number of them. A class may have a
method `validate`, called when a record was read, which raises ValueError or TypeError where its fields do not fit one
another; its message begins with the name of a field. Nothing else is ever called, and no other class is ever made.

Tensors are named by the fields that lead to them, such as `model.networks.theta`; the arrays of a list or mapping lie
end to end in one tensor, so that ten thousand series need no more tensors than one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, cast, get_type_hints

import numpy as np

from elman.core import checks, fields
from elman.core.io import Shapes
from elman.estimators.annotations import Kind, kind_of
from elman.estimators.places import Place, Source, Written

__all__ = ["Codec"]

ROOT = Place("", "", True, {})
Newer = Callable[
    [dict[str, Any]], dict[str, Any]
]  # the fields of a record, as JSON says them -> those of the next version


class Codec:
    """Writes and reads trees of the named `classes` whose root is a `root`; `newer` reads earlier versions by name."""

    def __init__(self, root: type, classes: Mapping[str, type], newer: Mapping[str, Newer] | None = None) -> None:
        self.classes, self.newer = dict(classes), dict(newer or {})
        self.names = {kind: name for name, kind in classes.items()}
        self._fields: dict[type, dict[str, Kind]] = {}
        root_kind = self._records((root,))
        if root_kind is None:
            raise TypeError(f"root: expected one of the classes, got {root!r}")
        self._root = root_kind

    def encode(self, value: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The description and the tensors of a tree: the names of its classes as `types`, and itself as `value`."""
        out = Written({}, set())
        plain = self._root.write(value, ROOT, out)
        tensors = {name: arrays[0] if whole else np.concatenate(arrays) for (name, whole), arrays in out.arrays.items()}
        return {"types": sorted(out.names), "value": plain}, tensors

    def shapes(self, description: Any) -> Shapes:
        """The shape and dtype of each tensor that a description speaks of. ValueError or TypeError where it is not one
        of a tree of these classes. Nothing is allocated."""
        source = Source(None, set(), {}, {}, {})
        self._read(description, source)
        return {
            name: ((size,) if isinstance(size, int) else size, dtype) for name, (dtype, size) in source.sizes.items()
        }

    def decode(self, description: Any, tensors: Mapping[str, np.ndarray]) -> Any:
        """The tree of a description and its tensors, which have the `shapes` of that description. ValueError or
        TypeError where its parts do not fit one another."""
        return self._read(description, Source(tensors, set(), {}, {}, {}))

    def fields_of(self, kind: type) -> dict[str, Kind]:
        """How each field of one of the classes is written and read, by its name."""
        if kind not in self._fields:
            hints = get_type_hints(kind, include_extras=True)
            names = getattr(kind, "_fields", None) or [each.name for each in dataclasses.fields(kind) if each.init]
            self._fields[kind] = {name: kind_of(hints[name], self._records) for name in names}
        return self._fields[kind]

    def _records(self, hints: tuple[type, ...]) -> Kind | None:
        """The kind of those classes that are among `hints`, or below them; None where a hint stands for no class."""
        fits = [any(issubclass(kind, hint) for kind in self.names) for hint in hints]
        return _Records(hints, self) if all(fits) else None

    def _read(self, description: Any, source: Source) -> Any:
        plain = fields.record("file", description, {"types": fields.items(fields.text), "value": fields.anything})
        for name in plain["types"]:
            if name not in self.classes and name not in self.newer:
                raise ValueError(f"types: expected some of {', '.join(self.classes)}, got {checks.shown(name)}")
            source.versions[_subject(name)] = name
        value = self._root.read(plain["value"], ROOT, source)
        if sorted(source.names) != list(plain["types"]):
            raise ValueError(f"types: expected {sorted(source.names)}, got {checks.shown(plain['types'])}")
        return value

    def upgraded(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """The fields of a record of the class and version `name`, as the last version has them."""
        while name in self.newer:
            given = self.newer[name](given)
            name = f"{_subject(name)}/{int(name.rpartition('/')[2]) + 1}"
        return given


class _Records(Kind):
    """One of the known classes that are among `hints`, or below them; where there are several, a record says which."""

    def __init__(self, hints: tuple[type, ...], codec: Codec) -> None:
        self.codec = codec
        self.names = {name: kind for name, kind in codec.classes.items() if issubclass(kind, hints)}
        self.one = len(self.names) == 1

    def write(self, value: Any, place: Place, out: Written) -> Any:
        kind = type(value)
        if kind not in self.names.values():
            raise TypeError(f"{place.path}: expected one of {', '.join(self.names)}, got {checks.shown(value)}")
        out.names.add(name := self.codec.names[kind])
        sizes: dict[str, tuple[int, str]] = {}
        plain = {
            field: each.write(getattr(value, field), place.field(field, sizes), out)
            for field, each in self.codec.fields_of(kind).items()
        }
        return plain if self.one else {"type": name, **plain}

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        if not isinstance(plain, dict):
            raise TypeError(f"{place.path}: expected a mapping of fields, got {checks.shown(plain)}")
        given = cast("dict[str, Any]", plain)
        versions = {source.versions.get(_subject(name), name): kind for name, kind in self.names.items()}
        name = next(iter(versions))
        if not self.one:
            name = checks.choice(f"{place.path}.type", given.get("type"), tuple(versions))
            given = {field: value for field, value in given.items() if field != "type"}
        source.names.add(name)
        given, kind = self.codec.upgraded(name, given), versions[name]
        known = self.codec.fields_of(kind)
        fields.record(place.path or "file", given, dict.fromkeys(known, fields.anything))
        sizes: dict[str, tuple[int, str]] = {}
        values = {field: each.read(given[field], place.field(field, sizes), source) for field, each in known.items()}
        return None if source.tensors is None else _made(kind, values, place.path)


def _made(kind: type, values: Mapping[str, Any], path: str) -> Any:
    """A record of these fields, checked by its own `validate`; what is wrong is told with the path to it."""
    try:
        made = kind(**values)
        if hasattr(made, "validate"):
            made.validate()
    except (TypeError, ValueError) as error:
        known = ValueError if isinstance(error, ValueError) else TypeError
        raise known(f"{path}.{error}" if path else str(error)) from error
    return made


def _subject(name: str) -> str:
    """The name of a class without its version."""
    return name.rpartition("/")[0]
