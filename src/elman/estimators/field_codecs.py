"""How the values of each annotation are written to a file and read from it; `codec.py` lists the annotations."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np

from elman.core import checks, fields
from elman.core.files.describe import inputs_to_plain, layers_to_plain, layout_from_plain
from elman.core.io import TYPES
from elman.estimators.arrays import ArrayReader, ArrayWriter, FieldPath
from elman.network import Network

__all__ = ["FieldCodec", "field_codec"]

TIMES = "datetime64[us]"
DTYPES = {np.dtype(kind).name: np.dtype(kind) for kind in TYPES.values()}  # by their names in a description
FARTHEST = 2**62  # microseconds from 1970


def _text(name: str, value: Any) -> str:
    """Returns a string that can be written anywhere: JSON may hold half characters, which UTF-8 has no bytes for."""
    try:
        fields.text(name, value).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}: expected a string of whole characters, got {checks.shown(value)}") from None
    return value


SIMPLE: dict[type, fields.Check] = {
    bool: fields.flag,
    int: fields.whole(-fields.LARGEST_WHOLE, fields.LARGEST_WHOLE),
    float: fields.number(),
    str: _text,
}
Records = Callable[[tuple[type, ...]], "FieldCodec | None"]  # the codec of records of these classes, if a file has any


class FieldCodec:
    """Writes and reads the values of one annotation."""

    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        """Returns the value in JSON's terms; its arrays are added to `arrays`. ValueError or TypeError for a value that
        the annotation does not allow."""
        raise NotImplementedError

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        """Returns the value that `write` described as `plain`. ValueError or TypeError for anything else."""
        raise NotImplementedError


def field_codec(hint: Any, records: Records) -> FieldCodec:
    """Returns the codec of an annotation. TypeError for one whose values no file can hold."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint in SIMPLE:
        return _Simple(SIMPLE[hint], hint)
    if origin is Literal:
        return _Simple(fields.one_of(*inside))
    if hint is np.ndarray or (origin is Annotated and inside[0] is np.ndarray):
        return _Array(*_dtype_and_axes(inside[1]) if inside else (None, None))
    if origin is Annotated:
        return _List(field_codec(get_args(inside[0])[0], records), _dtype_and_axes(inside[1])[1])
    if origin is tuple and inside[-1] is Ellipsis:
        return _List(field_codec(inside[0], records))
    if origin is tuple:
        return _Tuple([field_codec(each, records) for each in inside])
    if origin in (dict, Mapping):
        return _Mapping(field_codec(inside[1], records))
    if hint is np.datetime64:
        return _Time()
    if hint is Network:
        return _Network()
    if origin in (Union, types.UnionType):
        given = tuple(each for each in inside if each is not type(None))
        several = records(given) if all(isinstance(each, type) for each in given) else None
        codecs = [several] if several else [field_codec(each, records) for each in given]
        return _Union(codecs, len(given) < len(inside))
    found = records((hint,)) if isinstance(hint, type) else None
    if found is None:
        raise TypeError(f"annotation: expected one that a file can hold, got {hint!r}")
    return found


def _dtype_and_axes(text: str) -> tuple[str | None, tuple[str, ...]]:
    """Returns the dtype (None where it is not said) and the axes in an annotation such as "float64 (n, P)"."""
    match = re.fullmatch(r"(\S+ )?\((.*)\)", text)
    if match is None:
        raise TypeError(f"annotation: expected a dtype and axes such as 'float64 (n, P)', got {text!r}")
    return (match[1] or "").strip() or None, tuple(re.findall(r"\w+", match[2]))


class _Simple(FieldCodec):
    """Numbers, strings and flags, as `check` takes them; `exact` is the type that JSON gives them, where it is one."""

    def __init__(self, check: fields.Check, exact: type | None = None) -> None:
        self.check, self.exact = check, exact

    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        return self.check(path.text, value)

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        return self.check(path.text, plain)


class _List(FieldCodec):
    def __init__(self, each: FieldCodec, axes: Sequence[str] | None = None) -> None:
        self.each, self.axes = each, axes

    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        return [self.each.write(each, path.item(i), arrays) for i, each in enumerate(value)]

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        if not isinstance(plain, list):
            raise TypeError(f"{path.text}: expected a list, got {checks.shown(plain)}")
        if self.axes is not None:
            path.check_axes(self.axes, (len(plain),))
        if isinstance(self.each, _Simple) and {*map(type, plain)} <= {self.each.exact} - {str}:
            return tuple(plain)  # at once, since there may be many
        return tuple(self.each.read(each, path.item(i), arrays) for i, each in enumerate(plain))


class _Tuple(FieldCodec):
    def __init__(self, each: Sequence[FieldCodec]) -> None:
        self.each = each

    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        pairs = zip(self.each, self._checked(value, path), strict=True)
        return [codec.write(each, path.item(i), arrays) for i, (codec, each) in enumerate(pairs)]

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        pairs = zip(self.each, self._checked(plain, path), strict=True)
        return tuple(codec.read(each, path.item(i), arrays) for i, (codec, each) in enumerate(pairs))

    def _checked(self, values: Any, path: FieldPath) -> Sequence[Any]:
        if not isinstance(values, list | tuple) or len(values) != len(self.each):
            raise TypeError(f"{path.text}: expected {len(self.each)} values, got {checks.shown(values)}")
        return values


class _Mapping(FieldCodec):
    def __init__(self, each: FieldCodec) -> None:
        self.each = each

    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        return {_text(path.text, key): self.each.write(each, path.item(key), arrays) for key, each in value.items()}

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        if not isinstance(plain, dict):
            raise TypeError(f"{path.text}: expected a mapping, got {checks.shown(plain)}")
        return {_text(path.text, key): self.each.read(each, path.item(key), arrays) for key, each in plain.items()}


class _Array(FieldCodec):
    """A tensor. The description holds its shape, and before it the dtype where the annotation does not say it."""

    def __init__(self, dtype: str | None, axes: Sequence[str] | None) -> None:
        self.dtype, self.axes = dtype, axes

    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        array = np.asarray(value)
        name = TIMES if array.dtype.kind == "M" else array.dtype.name
        self._check(name, array.shape, path)
        arrays.add(path, array.astype(TIMES).astype(np.int64) if name == TIMES else array)
        return [*array.shape] if self.dtype else [name, *array.shape]

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        if not isinstance(plain, list) or not (plain or self.dtype):
            expected = "a shape" if self.dtype else "a dtype and a shape"
            raise TypeError(f"{path.text}: expected {expected}, got {checks.shown(plain)}")
        name, *shape = (self.dtype, *plain) if self.dtype else plain
        shape = tuple(checks.whole(path.text, size, 0, fields.LARGEST_COUNT) for size in shape)
        self._check(name, shape, path)
        found = arrays.next(path, np.dtype(np.int64) if name == TIMES else DTYPES[name], shape)
        return found.view(TIMES) if found is not None and name == TIMES else found

    def _check(self, name: Any, shape: tuple[int, ...], path: FieldPath) -> None:
        checks.choice(path.text, name, (self.dtype,) if self.dtype else (*DTYPES, TIMES))
        if self.axes is not None:
            path.check_axes(self.axes, shape)


class _Time(FieldCodec):
    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        return int(value.astype(TIMES).astype(np.int64))

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        return np.datetime64(checks.whole(path.text, plain, -FARTHEST, FARTHEST), "us")


class _Network(FieldCodec):
    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        if not isinstance(value, Network):
            raise TypeError(f"{path.text}: expected a Network, got {checks.shown(value)}")
        theta = _Array(None, None).write(value.weights.copy(), path.field("theta", {}), arrays)
        plain = {"layers": layers_to_plain(value.layers), "input_size": value.input_size, "theta": theta}
        return plain | ({"inputs": inputs_to_plain(value.layout.inputs)} if value.layout.inputs else {})

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        names = [
            "layers",
            "input_size",
            "theta",
            *(["inputs"] if isinstance(plain, dict) and "inputs" in plain else []),
        ]
        known: dict[str, fields.Check] = dict.fromkeys(names, fields.anything)
        about = fields.record(path.text, plain, known)
        theta = about.pop("theta")
        layout, path = layout_from_plain(path.text, about), path.field("theta", {})
        checks.choice(path.text, theta[0] if isinstance(theta, list) and theta else theta, ("float32", "float64"))
        found = _Array(None, (str(layout.size),)).read(theta, path, arrays)
        return None if found is None else Network.from_theta(layout, found)


class _Union(FieldCodec):
    """None, where the annotation allows it, or a value of the first annotation that takes it."""

    def __init__(self, each: Sequence[FieldCodec], none: bool) -> None:
        self.each, self.none = each, none

    def write(self, value: Any, path: FieldPath, arrays: ArrayWriter) -> Any:
        return self._first("write", value, path, arrays)

    def read(self, plain: Any, path: FieldPath, arrays: ArrayReader) -> Any:
        return self._first("read", plain, path, arrays)

    def _first(self, call: str, value: Any, path: FieldPath, arrays: ArrayWriter | ArrayReader) -> Any:
        if value is None and self.none:
            return None
        for codec in self.each[:-1]:
            try:
                return getattr(codec, call)(value, path, arrays)
            except (TypeError, ValueError):
                continue
        return getattr(self.each[-1], call)(value, path, arrays)
