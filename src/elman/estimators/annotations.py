"""How the values of each annotation are written to a file and read from it; see `codec.py` for what there is."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np

from elman.core import checks, fields
from elman.core.describe import layers_to_plain, layout_from_plain
from elman.core.io import TYPES
from elman.estimators.places import Place, Source, Written
from elman.network import Network

__all__ = ["Kind", "kind_of"]

TIMES = "datetime64[us]"
DTYPES = {np.dtype(kind).name: np.dtype(kind) for kind in TYPES.values()}  # by their names in a description
FLOATS = ("float32", "float64")  # that a theta may have
FARTHEST = 2**62  # microseconds from 1970
SIMPLE: dict[type, fields.Check] = {
    bool: fields.flag,
    int: fields.whole(-fields.LARGEST_WHOLE, fields.LARGEST_WHOLE),
    float: fields.number(),
    str: fields.text,
}


Records = Callable[[tuple[type, ...]], "Kind | None"]  # the kind of these classes; None where no file holds them


def kind_of(hint: Any, records: Records) -> Kind:
    """How values with this annotation are written and read. TypeError for an annotation that no file can hold."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint in SIMPLE:
        return _Simple(hint)
    if hint is np.ndarray or (origin is Annotated and inside[0] is np.ndarray):
        return _Array(*_axes(inside[1]) if inside else (None, None))
    if origin is Annotated:
        return _List(kind_of(get_args(inside[0])[0], records), _axes(inside[1])[1])
    if origin is Literal:
        return _Word(inside)
    if origin is tuple and inside[-1] is Ellipsis:
        return _List(kind_of(inside[0], records), None)
    if origin is tuple:
        return _Row([kind_of(each, records) for each in inside])
    if origin in (dict, Mapping):
        return _Dict(kind_of(inside[1], records))
    if hint is np.datetime64:
        return _Time()
    if hint is Network:
        return _Network()
    if origin in (Union, types.UnionType):
        given = tuple(each for each in inside if each is not type(None))
        several = records(given) if all(isinstance(each, type) for each in given) else None
        return _Either([several] if several else [kind_of(each, records) for each in given], len(given) < len(inside))
    found = records((hint,)) if isinstance(hint, type) else None
    if found is None:
        raise TypeError(f"annotation: expected one that a file can hold, got {hint!r}")
    return found


def _axes(text: str) -> tuple[str | None, tuple[str, ...]]:
    """The dtype, or None, and the axes in "float64 (n, P)"."""
    match = re.fullmatch(r"(\S+ )?\((.*)\)", text)
    if match is None:
        raise TypeError(f"annotation: expected a dtype and axes such as 'float64 (n, P)', got {text!r}")
    return (match[1] or "").strip() or None, tuple(re.findall(r"\w+", match[2]))


class Kind:
    """How the values of one annotation are written and read."""

    def write(self, value: Any, place: Place, out: Written) -> Any:
        """The value as JSON says it; its arrays go to `out`."""
        raise NotImplementedError

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        """The value that `write` described. ValueError or TypeError for anything else."""
        raise NotImplementedError


class _Simple(Kind):
    def __init__(self, kind: type) -> None:
        self.kind, self.check = kind, SIMPLE[kind]

    def write(self, value: Any, place: Place, out: Written) -> Any:
        return self.check(place.path, value)

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        return self.check(place.path, plain)


class _Word(Kind):
    def __init__(self, words: Sequence[str]) -> None:
        self.words = words

    def write(self, value: Any, place: Place, out: Written) -> Any:
        return checks.choice(place.path, value, self.words)

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        return checks.choice(place.path, plain, self.words)


class _List(Kind):
    def __init__(self, each: Kind, axes: Sequence[str] | None) -> None:
        self.each, self.axes = each, axes

    def write(self, value: Any, place: Place, out: Written) -> Any:
        return [self.each.write(each, place.item(i), out) for i, each in enumerate(value)]

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        if not isinstance(plain, list):
            raise TypeError(f"{place.path}: expected a list, got {checks.shown(plain)}")
        if self.axes is not None:
            place.measure(self.axes, (len(plain),))
        if isinstance(self.each, _Simple) and {*map(type, plain)} <= {self.each.kind}:  # there may be many
            return tuple(plain)
        return tuple(self.each.read(each, place.item(i), source) for i, each in enumerate(plain))


class _Row(Kind):
    def __init__(self, each: Sequence[Kind]) -> None:
        self.each = each

    def write(self, value: Any, place: Place, out: Written) -> Any:
        return [kind.write(each, place.item(i), out) for i, (kind, each) in enumerate(self._paired(value, place))]

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        if not isinstance(plain, list):
            raise TypeError(f"{place.path}: expected a list of {len(self.each)} values, got {checks.shown(plain)}")
        return tuple(
            kind.read(each, place.item(i), source) for i, (kind, each) in enumerate(self._paired(plain, place))
        )

    def _paired(self, values: Sequence[Any], place: Place) -> list[tuple[Kind, Any]]:
        if len(values) != len(self.each):
            raise ValueError(f"{place.path}: expected {len(self.each)} values, got {checks.shown(values)}")
        return list(zip(self.each, values, strict=True))


class _Dict(Kind):
    def __init__(self, each: Kind) -> None:
        self.each = each

    def write(self, value: Any, place: Place, out: Written) -> Any:
        return {
            fields.text(place.path, key): self.each.write(each, place.item(key), out) for key, each in value.items()
        }

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        if not isinstance(plain, dict):
            raise TypeError(f"{place.path}: expected a mapping, got {checks.shown(plain)}")
        return {key: self.each.read(each, place.item(key), source) for key, each in plain.items()}


class _Array(Kind):
    """A tensor. The description holds its shape, and before it the dtype where the annotation does not say it."""

    def __init__(self, dtype: str | None, axes: Sequence[str] | None) -> None:
        self.dtype, self.axes = dtype, axes

    def write(self, value: Any, place: Place, out: Written) -> Any:
        array = np.asarray(value)
        name = TIMES if array.dtype.kind == "M" else array.dtype.name
        self._check(name, array.shape, place)
        out.add(place, array.astype(TIMES).astype(np.int64) if name == TIMES else array)
        return [*array.shape] if self.dtype else [name, *array.shape]

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        if not isinstance(plain, list) or not (plain or self.dtype):
            expected = "a shape" if self.dtype else "a dtype and a shape"
            raise TypeError(f"{place.path}: expected {expected}, got {checks.shown(plain)}")
        name, *shape = (self.dtype, *plain) if self.dtype else plain
        shape = tuple(checks.whole(place.path, size, 0, fields.LARGEST_COUNT) for size in shape)
        self._check(name, shape, place)
        found = source.array(place, np.dtype(np.int64) if name == TIMES else DTYPES[name], shape)
        return found.view(TIMES) if found is not None and name == TIMES else found

    def _check(self, name: Any, shape: tuple[int, ...], place: Place) -> None:
        checks.choice(place.path, name, (self.dtype,) if self.dtype else (*DTYPES, TIMES))
        if self.axes is not None:
            place.measure(self.axes, shape)


class _Time(Kind):
    def write(self, value: Any, place: Place, out: Written) -> Any:
        return int(value.astype(TIMES).astype(np.int64))

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        return np.datetime64(checks.whole(place.path, plain, -FARTHEST, FARTHEST), "us")


class _Network(Kind):
    def write(self, value: Any, place: Place, out: Written) -> Any:
        if not isinstance(value, Network):
            raise TypeError(f"{place.path}: expected a Network, got {checks.shown(value)}")
        theta = _Array(None, None).write(value.weights.copy(), place.field("theta", {}), out)
        return {"layers": layers_to_plain(value.layers), "input_size": value.input_size, "theta": theta}

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        known: dict[str, fields.Check] = dict.fromkeys(["layers", "input_size", "theta"], fields.anything)
        about = fields.record(place.path, plain, known)
        theta = about.pop("theta")
        layout = layout_from_plain(place.path, about)
        size, place = str(layout.size), place.field("theta", {})
        checks.choice(place.path, theta[0] if isinstance(theta, list) and theta else theta, FLOATS)
        found = _Array(None, (size,)).read(theta, place, source)
        return None if found is None else Network.from_theta(layout, found)


class _Either(Kind):
    """None, where it may be, or what the first of several annotations that fits makes of a value."""

    def __init__(self, each: Sequence[Kind], none: bool) -> None:
        self.each, self.none = each, none

    def write(self, value: Any, place: Place, out: Written) -> Any:
        return self._first("write", value, place, out)

    def read(self, plain: Any, place: Place, source: Source) -> Any:
        return self._first("read", plain, place, source)

    def _first(self, call: str, value: Any, place: Place, other: Any) -> Any:
        if value is None and self.none:
            return None
        for kind in self.each[:-1]:
            try:
                return getattr(kind, call)(value, place, other)
            except (TypeError, ValueError):
                continue
        return getattr(self.each[-1], call)(value, place, other)
