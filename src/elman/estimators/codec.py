"""One file format for all estimators: a tree of dataclasses, written as plain JSON values and arrays, and read back.

A `Codec` knows the classes that the files of one kind may hold, each by a name and a version such as "series/1". The
names are part of the files, so classes may be renamed freely. A class whose fields change gets the next version, and an
entry in `newer` that turns the fields of the version before into those of the next.

What a field may hold is read from its annotation:

    bool, int, float, str            themselves; floats are finite
    Literal["a", "b"]                one of these strings
    tuple[X, ...], tuple[X, Y]       a list;  Annotated[tuple[X, ...], "(n,)"]  a list of n values
    Mapping[str, X], dict[str, X]    a mapping
    Annotated[np.ndarray, "float64 (n, P)"]    a tensor of this dtype and number of axes
    np.ndarray                       a tensor of any dtype and shape
    np.datetime64                    microseconds since 1970
    Network                          its layers and input size, and its theta as a tensor
    a dataclass or NamedTuple        its fields: each of them, and no others; those with the metadata
                                     {"saved": False} are in no file
    X | None, X | Y                  one of these; of several classes the description says which

Everything in one record that has an axis `n` must have the same size there. A class may have a method `validate`, which
is called when a record was read and raises ValueError or TypeError where its fields do not fit one another; the message
begins with the name of a field. Nothing else that a file names is called, and no class is made but the known ones.

A tensor is named by the fields that lead to it, such as `model.networks.theta`. The arrays of a list or mapping lie end
to end in one tensor, so ten thousand series need no more tensors than one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast, get_type_hints

import numpy as np

from elman.core import checks, fields
from elman.core.io import Shapes
from elman.estimators.arrays import ArrayReader, ArrayWriter, FieldPath
from elman.estimators.field_codecs import FieldCodec, field_codec

__all__ = ["Codec"]

T = TypeVar("T")
Newer = Callable[
    [dict[str, Any]], dict[str, Any]
]  # the fields of a record in JSON's terms -> those of the next version
ROOT = FieldPath("", "", True, {})


class Codec(Generic[T]):
    """Writes and reads trees whose root is a `root`.

    classes   every class that a tree may hold, by its name and version
    newer     for each earlier version by its name: what makes the fields of the next version of its fields
    """

    def __init__(self, root: type[T], classes: Mapping[str, type], newer: Mapping[str, Newer] | None = None) -> None:
        self.classes, self.newer = dict(classes), dict(newer or {})
        self.names = {kind: name for name, kind in classes.items()}
        self._fields: dict[type, dict[str, FieldCodec]] = {}
        codec = self._records((root,))
        if codec is None:
            raise TypeError(f"root: expected one of the classes, got {root!r}")
        self._root = codec

    def encode(self, value: T) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Returns the description and the tensors of a tree. The description holds the names of the tree's classes as
        `types`, and the tree as `value`. ValueError or TypeError for a tree that no file can hold."""
        arrays = ArrayWriter()
        plain = self._root.write(value, ROOT, arrays)
        return {"types": sorted(arrays.classes), "value": plain}, arrays.tensors()

    def shapes(self, description: Any) -> Shapes:
        """Returns the shape and dtype of each tensor that a description speaks of; allocates none of them. ValueError
        or TypeError for what is not the description of such a tree."""
        arrays = ArrayReader()
        self._read(description, arrays)
        return arrays.shapes

    def decode(self, description: Any, tensors: Mapping[str, np.ndarray]) -> T:
        """Returns the tree of a description and its tensors, which have the `shapes` of that description. ValueError or
        TypeError where its parts do not fit one another."""
        return self._read(description, ArrayReader(tensors))

    def described(self, value: Any) -> dict[str, Any]:
        """Returns the description of a tree that is in JSON's terms already, those of the first version of each class:
        with the names of its classes."""
        arrays = ArrayReader()
        arrays.versions = {_without_version(name): name for name in self.newer if name.endswith("/1")}
        self._root.read(value, ROOT, arrays)
        return {"types": sorted(arrays.classes), "value": value}

    def fields_of(self, kind: type) -> dict[str, FieldCodec]:
        """Returns the codec of each field of one of the classes, by the field's name."""
        if kind not in self._fields:
            hints = get_type_hints(kind, include_extras=True)
            names = getattr(kind, "_fields", None) or _saved(kind)
            self._fields[kind] = {name: field_codec(hints[name], self._records) for name in names}
        return self._fields[kind]

    def upgraded(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Returns the fields of a record of the class and version `name` as the last version of the class has them."""
        while name in self.newer:
            given = self.newer[name](dict(given))
            name = f"{_without_version(name)}/{int(name.rpartition('/')[2]) + 1}"
        return given

    def _records(self, hints: tuple[type, ...]) -> FieldCodec | None:
        """Returns the codec of records of the classes `hints` and of known classes derived from them; None where there
        is no known class for one of them."""
        known = [any(issubclass(kind, hint) for kind in self.names) for hint in hints]
        return _Records(hints, self) if all(known) else None

    def _read(self, description: Any, arrays: ArrayReader) -> Any:
        plain = fields.record("file", description, {"types": fields.items(fields.text), "value": fields.anything})
        for name in plain["types"]:
            if name not in self.classes and name not in self.newer:
                raise ValueError(f"types: expected some of {', '.join(self.classes)}, got {checks.shown(name)}")
            arrays.versions[_without_version(name)] = name
        value = self._root.read(plain["value"], ROOT, arrays)
        if sorted(arrays.classes) != list(plain["types"]):
            raise ValueError(f"types: expected {sorted(arrays.classes)}, got {checks.shown(plain['types'])}")
        return value


class _Records(FieldCodec):
    """Records of one or several known classes; where there are several, each record says its own as `type`."""

    def __init__(self, hints: tuple[type, ...], codec: Codec[Any]) -> None:
        self.codec = codec
        self.classes = {name: kind for name, kind in codec.classes.items() if issubclass(kind, hints)}

    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        kind = type(value)
        if kind not in self.classes.values():
            raise TypeError(f"{path.text}: expected one of {', '.join(self.classes)}, got {checks.shown(value)}")
        arrays.classes.add(name := self.codec.names[kind])
        sizes: dict[str, tuple[int, str]] = {}
        plain = {
            field: each.write(getattr(value, field), path.field(field, sizes), arrays)
            for field, each in self.codec.fields_of(kind).items()
        }
        return plain if len(self.classes) == 1 else {"type": name, **plain}

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        if not isinstance(plain, dict):
            raise TypeError(f"{path.text}: expected a mapping of fields, got {checks.shown(plain)}")
        given = cast("dict[str, Any]", plain)
        classes = {arrays.versions.get(_without_version(name), name): kind for name, kind in self.classes.items()}
        name = next(iter(classes))
        if len(classes) > 1:
            name = checks.choice(f"{path.text}.type", given.get("type"), tuple(classes))
            given = {field: value for field, value in given.items() if field != "type"}
        arrays.classes.add(name)
        given, known = self.codec.upgraded(name, given), self.codec.fields_of(classes[name])
        fields.record(path.text or "file", given, dict.fromkeys(known, fields.anything))
        sizes: dict[str, tuple[int, str]] = {}
        values = {field: each.read(given[field], path.field(field, sizes), arrays) for field, each in known.items()}
        return None if arrays.tensors is None else _made(classes[name], values, path)


def _made(kind: type, values: Mapping[str, Any], path: FieldPath) -> Any:
    """Returns a record of these fields, checked by its own `validate`, whose error is raised with the path to it."""
    try:
        made = kind(**values)
        if hasattr(made, "validate"):
            made.validate()
    except (TypeError, ValueError) as error:
        known = ValueError if isinstance(error, ValueError) else TypeError
        raise known(f"{path.text}.{error}" if path.text else str(error)) from error
    return made


def _saved(kind: Any) -> list[str]:
    """Returns the names of the fields of a dataclass that a file holds."""
    return [each.name for each in dataclasses.fields(kind) if each.init and each.metadata.get("saved", True)]


def _without_version(name: str) -> str:
    """Returns "series" for "series/1"."""
    return name.rpartition("/")[0]
