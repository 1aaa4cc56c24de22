"""Trees of dataclasses, written and read: what comes back is what was saved, and nothing else is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pytest

import elman
from elman.core import io
from elman.estimators.codec import Codec


class Pair(NamedTuple):
    name: str
    size: float


@dataclass(frozen=True, eq=False)
class Part:
    values: Annotated[np.ndarray, "float64 (n,)"]
    times: Annotated[np.ndarray, "datetime64[us] (n,)"] | None
    words: Annotated[tuple[float | str, ...], "(w,)"] = ()
    names: Annotated[tuple[str, ...], "(w,)"] = ()

    def validate(self) -> None:
        if (self.values < 0.0).any():
            raise ValueError("values: expected none below zero")


@dataclass(frozen=True, eq=False)
class Base:
    size: int


@dataclass(frozen=True, eq=False)
class Special(Base):
    child: Base | None = None


@dataclass(frozen=True, eq=False)
class Tree:
    networks: tuple[elman.Network, ...]
    parts: dict[str, Part]
    base: Base
    either: Pair | Part
    bare: np.ndarray
    when: np.datetime64 | None
    kind: Literal["long", "short"]
    nested: Mapping[str, tuple[tuple[str, tuple[int, ...]], ...]]
    flag: bool = False


CLASSES = {"tree/1": Tree, "part/1": Part, "pair/1": Pair, "base/1": Base, "special/1": Special}
CODEC = Codec(Tree, CLASSES)
MINE = elman.Activation("mine", np.tanh, lambda y: 1.0 - y**2)


def tree() -> Tree:
    days = np.array(["2024-01-01", "1969-12-31"], "datetime64[D]")
    parts = {
        "a": Part(np.arange(2.0), days, (1.5, "x"), ("one", "two")),
        "é.[0]": Part(np.arange(3.0)[::-1], None),
        "": Part(np.zeros(0), None),
    }
    networks = (elman.Network(2, 3, 1, seed=0), elman.Network(1, 2, None, cell="gru", seed=1))
    nested = {"n": (("m", (1, 2)), ("k", ()))}
    bare = np.arange(6, dtype=np.int32).reshape(2, 3).T
    return Tree(
        networks, parts, Special(1, Special(2)), Pair("p", 0.1), bare, np.datetime64("2020-02-03"), "long", nested
    )


def same(one: Any, other: Any) -> bool:
    """Whether trees are equal, in every type and every bit."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if isinstance(one, elman.Network):
        return one.layers == other.layers and same(one.theta, other.theta)
    if isinstance(one, dict):
        return [*one] == [*other] and all(same(each, other[name]) for name, each in one.items())
    if isinstance(one, tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and same(vars(one), vars(other))
    return type(one) is type(other) and one == other


def saved(value: Tree, folder: Path) -> bytes:
    description, tensors = CODEC.encode(value)
    io.write(folder / "f", "tree", description, tensors)
    return (folder / "f").read_bytes()


def test_a_tree_comes_back_with_its_types_and_bits(tmp_path: Path):
    value = tree()
    first = saved(value, tmp_path)
    _, description, tensors = io.read(tmp_path / "f")
    loaded = CODEC.decode(description, tensors)
    in_microseconds = replace(value.parts["a"], times=value.parts["a"].times.astype("datetime64[us]"))  # type: ignore[union-attr]
    assert same(loaded, replace(value, parts={**value.parts, "a": in_microseconds}))
    assert saved(loaded, tmp_path) == first
    assert {name: (array.shape, array.dtype) for name, array in tensors.items()} == CODEC.shapes(description)


def test_tensors_are_named_by_their_fields_and_lists_share_one():
    _, tensors = CODEC.encode(tree())
    shapes = {name: (array.dtype.name, array.shape) for name, array in tensors.items()}
    assert shapes == {
        "networks.theta": ("float32", (sum(network.theta.size for network in tree().networks),)),
        "parts.values": ("float64", (5,)),
        "parts.times": ("int64", (2,)),
        "bare": ("int32", (3, 2)),
    }


def test_a_class_is_named_where_several_may_stand():
    plain = CODEC.encode(tree())[0]["value"]
    assert plain["base"] == {"type": "special/1", "size": 1, "child": {"type": "special/1", "size": 2, "child": None}}
    assert plain["either"] == {"type": "pair/1", "name": "p", "size": 0.1}
    assert "type" not in plain["parts"]["a"]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("parts/a/values", [3], r"parts\['a'\]\.times: expected 3 for the axis n, as .*values has, got 2"),
        ("parts/a/values", ["float32", 2], r"parts\['a'\]\.values: expected a whole number in .*, got 'float32'"),
        ("parts/a/values", [2, 1], r"values: expected the axes \(n\), got the shape \(2, 1\)"),
        ("parts/a/values", [-1], r"values: expected a whole number in \[0, .*\], got -1"),
        ("parts/a/values", [2**41], r"values: expected a whole number in \[0, .*\], got 2199023255552"),
        ("parts/a/values", [2.0], "values: expected a whole number in .*, got 2.0"),
        ("parts/a/values", [[]], r"values: expected a whole number in .*, got \[\]"),
        ("parts/a/values", [], r"values: expected the axes \(n\), got the shape \(\)"),
        ("parts/a/values", None, "values: expected a shape, got None"),
        ("bare", [], r"bare: expected a dtype and a shape, got \[\]"),
        ("bare", [[], 1], r"bare: expected one of .*, got \[\]"),
        ("parts/a/names", ["one"], "names: expected 2 for the axis w, as .*words has, got 1"),
        ("parts/a/words/0", None, r"words\[0\]: expected a string, got None"),
        ("parts/a/words/0", True, r"words\[0\]: expected a string, got True"),
        ("parts/a", [], r"parts\['a'\]: expected a mapping of fields, got \[\]"),
        ("parts/a/more", 1, r"parts\['a'\]: expected the fields .*, and does not know more"),
        ("parts", [], r"parts: expected a mapping, got \[\]"),
        ("base/type", "pair/1", "base.type: expected one of 'base/1', 'special/1', got 'pair/1'"),
        ("base/type", "os.system", "base.type: expected one of"),
        ("base/type", [], "base.type: expected one of"),
        ("base/size", 1.0, "base.size: expected a whole number"),
        ("base/size", True, "base.size: expected a whole number in .*, got True"),
        ("either/size", "1", "either.size: expected a finite number, got '1'"),
        ("either/name", 1, "either.name: expected a string, got 1"),
        ("either/name", "\ud800", r"either\.name: expected a string of whole characters, got '\\ud800'"),
        ("parts/a/names/0", "\ud800", r"names\[0\]: expected a string of whole characters"),
        ("parts/\ud800", {}, "parts: expected a string of whole characters"),
        ("bare", ["object", 3, 2], "bare: expected one of .*, got 'object'"),
        ("when", 2**62 + 1, "when: expected a whole number in"),
        ("when", "now", "when: expected a whole number in"),
        ("kind", "wide", "kind: expected one of 'long', 'short', got 'wide'"),
        ("nested/n/0", ["m"], r"nested\['n'\]\[0\]: expected 2 values, got \['m'\]"),
        ("nested/n/0/1/0", "1", r"nested\['n'\]\[0\]\[1\]\[0\]: expected a whole number"),
        ("flag", 1, "flag: expected True or False, got 1"),
        ("flag", None, "flag: expected True or False, got None"),
        ("networks/0/theta", ["float32", 3], r"networks\[0\]\.theta: expected \d+ for the axis \d+, got 3"),
        ("networks/0/theta", ["float64", 1], "networks.theta are, got float64|expected .* for the axis"),
        ("networks/0/theta", ["int64", 1], r"networks\[0\]\.theta: expected one of 'float32', 'float64', got 'int64'"),
        ("networks/0/layers/0/kind", "lambda", r"networks\[0\]\.layers\[0\]: expected one of embedding"),
        ("networks/0/input_size", 2**40, "."),
        ("networks/0", {}, r"networks\[0\]: expected the fields layers, input_size, theta, and lacks layers"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_before_a_tensor_is_read(place: str, value: Any, message: str):
    description = json.loads(json.dumps(CODEC.encode(tree())[0]))
    *way, last = place.split("/")
    inside = description["value"]
    for key in way:
        inside = inside[int(key) if isinstance(inside, list) else key]
    inside[int(last) if isinstance(inside, list) else last] = value
    with pytest.raises((ValueError, TypeError), match=message):
        CODEC.shapes(description)


@pytest.mark.parametrize("field", [*Tree.__dataclass_fields__])
def test_no_field_may_be_missing(field: str):
    description = CODEC.encode(tree())[0]
    del description["value"][field]
    with pytest.raises(ValueError, match=f"file: expected the fields .*, and lacks {field}"):
        CODEC.shapes(description)


@pytest.mark.parametrize("types", [[], ["tree/1"], ["tree/2"], [*CLASSES, "more/1"], [1], None, sorted(CLASSES)[::-1]])
def test_the_names_of_the_classes_are_those_that_occur(types: Any):
    with pytest.raises((ValueError, TypeError), match="types"):
        CODEC.shapes({**CODEC.encode(tree())[0], "types": types})


def test_a_class_refuses_what_does_not_fit():
    description, tensors = CODEC.encode(tree())
    tensors["parts.values"][0] = -1.0
    with pytest.raises(ValueError, match=r"^parts\['a'\]\.values: expected none below zero"):
        CODEC.decode(description, tensors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base": Pair("p", 1.0)}, r"base: expected one of base/1, special/1, got Pair"),
        ({"kind": "wide"}, "kind: expected one of 'long', 'short', got 'wide'"),
        ({"bare": np.array([object()])}, "bare: expected one of .*, got 'object'"),
        ({"either": Pair("p", float("nan"))}, "either.size: expected a finite number, got nan"),
        ({"parts": {"a": Part(np.zeros((2, 2)), None)}}, r"values: expected the axes \(n\), got the shape \(2, 2\)"),
        ({"parts": {1: Part(np.zeros(2), None)}}, "parts: expected a string, got 1"),
        ({"networks": (elman.Network(2, 3, 1, cell=elman.Simple(MINE)),)}, "activation: .* a file holds no code"),
        ({"networks": (print,)}, r"networks\[0\]: expected a Network, got <built-in function print>"),
    ],
)  # fmt: skip
def test_what_no_file_can_hold_is_refused_when_it_is_saved(change: dict[str, Any], message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        CODEC.encode(replace(tree(), **change))


@dataclass
class Called:
    function: Callable[[], None]


@dataclass
class Unknown:
    part: Part
    rest: Any


@pytest.mark.parametrize(("kind", "field"), [(Called, "Callable"), (Unknown, "Any")])
def test_an_annotation_that_says_too_little_is_refused(kind: type, field: str):
    with pytest.raises(TypeError, match=f"annotation: expected one that a file can hold, got .*{field}"):
        Codec(kind, {"kind/1": kind, "part/1": Part}).fields_of(kind)


# --------------------------------------------------------------------------------------------- earlier versions


@dataclass(frozen=True)
class Renamed:
    """As `Pair`, with other fields: its third version."""

    title: str
    area: float


NEWER = {
    "pair/1": lambda given: {"title": given.pop("name"), **given},
    "pair/2": lambda given: {"area": given.pop("size") ** 2, **given},
}


@dataclass(frozen=True)
class One:
    pair: Renamed
    both: Renamed | Base


@pytest.mark.parametrize(
    ("version", "fields"),
    [(1, {"name": "p", "size": 3.0}), (2, {"title": "p", "size": 3.0}), (3, {"title": "p", "area": 9.0})],
)
def test_earlier_versions_of_a_class_are_read_as_the_last(version: int, fields: dict[str, Any]):
    codec = Codec(One, {"one/1": One, "pair/3": Renamed, "base/1": Base}, NEWER)
    name = f"pair/{version}"
    value = {"pair": dict(fields), "both": {"type": name, **fields}}
    description = {"types": ["one/1", name], "value": value}
    found = codec.decode(json.loads(json.dumps(description)), {})
    assert found == One(Renamed("p", 9.0), Renamed("p", 9.0))
    assert codec.encode(found)[0]["types"] == ["one/1", "pair/3"]
