"""Valid files of every kind, altered as by somebody who can compute the checksum anew."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.core import io

__all__ = ["Contents", "altered", "encoded", "read"]

SPECIAL: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 100, 2**31, 2**32 - 32, 2**40, 10**12, 2**53, 2**61, 2**62, 2**63 - 1, 2**63,
    2**64 - 1, 2**64, -(2**63), 10**30, 0.0, -0.0, 0.5, 1.0, -1.0, 1e-300, 5e-324, 1e30, 1e100, 1e300, -1e300, 1.5,
    float("nan"), float("inf"), float("-inf"), "", "nan", "Infinity", "x", "\ud800", "a\nb,c", "é" * 50, "network",
    "%Y", [], {}, [0], [1], ["x"], [[]], [None], [1, 2, 3], [float("nan")], {"kind": "lstm"}, {"": 1},
]  # fmt: skip
NUMBERS = [np.nan, np.inf, -np.inf, -1.0, 0.0, 1.0, 0.5, 1e-300, 5e-324, 1e30, -1e30, 1e100, 1e300, -1e300, 2.0**62]
WHOLES = [-(2**63), -(2**62), -1, 0, 1, 2, 1000, 2**31, 2**53, 2**62, 2**63 - 1]
KEYS = ["x", "", "kind", "name", "rows", "horizon", "layers"]


class Contents(NamedTuple):
    """What a file holds; `shapes` are those that its header claims beside the real ones."""

    kind: str
    description: Any
    tensors: dict[str, np.ndarray]
    shapes: dict[str, list[int]]


def read(path: Path) -> Contents:
    """The contents of a valid file."""
    return Contents(*io.read(path), {})


def encoded(given: Contents) -> bytes:
    """A file of these contents, its checksum right wherever one can be computed."""
    header: dict[str, Any] = {}
    body = b""
    names = {np.dtype(dtype): name for name, dtype in io.TYPES.items()}
    for name, array in given.tensors.items():
        data = np.ascontiguousarray(array).tobytes()
        shape = given.shapes.get(name, list(array.shape))
        header[name] = {"dtype": names[array.dtype], "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    try:
        digest = io._digest(given.kind, given.description, given.tensors)
    except (ValueError, RecursionError):
        digest = "0" * 64
    meta = {"format": io.FORMAT, "kind": given.kind, "description": given.description, "sha256": digest}
    try:
        text = json.dumps(meta)
    except RecursionError:
        text = "{}"
    head = json.dumps({**header, "__metadata__": {"elman": text}}).encode()
    return len(head).to_bytes(8, "little") + head + body


def altered(given: Contents, rng: np.random.Generator) -> tuple[Contents, str]:
    """The contents with one to three alterations, and what these were."""
    description, tensors = copy.deepcopy(given.description), {n: a.copy() for n, a in given.tensors.items()}
    found = Contents(given.kind, description, tensors, {})
    said: list[str] = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        change = rng.choice(np.array([_value, _value, _near, _near, _field, _swap, _tensor, _nudge, _nudge, _shape]))
        said.append(change(found, rng))
    if rng.random() < 0.5:
        said.append(_fitted(found))
    return found, "; ".join(said)


# --------------------------------------------------------------------------------------------- the description


def _places(plain: Any, place: str = "") -> list[tuple[Any, Any, str]]:
    """(container, key, path) of every value that is not nested deeply."""
    if place.count(".") > 12:
        return []
    keys: Any = plain.keys() if isinstance(plain, dict) else range(len(plain)) if isinstance(plain, list) else ()
    found: list[tuple[Any, Any, str]] = []
    for key in keys:
        found.append((plain, key, f"{place}.{key}"))
        found += _places(plain[key], f"{place}.{key}")
    return found


def _any(given: Contents, rng: np.random.Generator, fits: Callable[[Any], bool]) -> tuple[Any, Any, str] | None:
    """A place whose value fits: first how deep, so that the many values of a list do not stand for all."""
    places = [place for place in _places(given.description) if fits(place[0][place[1]])]
    if not places:
        return None
    kinds = sorted({"".join(c for c in path if not c.isdigit()) for _, _, path in places})
    kind = kinds[int(rng.integers(len(kinds)))]
    own = [place for place in places if "".join(c for c in place[2] if not c.isdigit()) == kind]
    return own[int(rng.integers(len(own)))]


def _value(given: Contents, rng: np.random.Generator) -> str:
    """One value by a special one, by a long list, or by one nested deeply."""
    place = _any(given, rng, lambda value: True)
    if place is None:
        return "nothing"
    container, key, path = place
    kind = rng.random()
    if kind < 0.9:
        value = copy.deepcopy(SPECIAL[int(rng.integers(len(SPECIAL)))])
    elif kind < 0.95:
        value = [SPECIAL[int(rng.integers(len(SPECIAL)))]] * int(rng.choice([1000, 100_000]))
    else:
        value: Any = 1
        for _ in range(int(rng.choice([50, 300, 900]))):
            value = [value] if rng.random() < 0.5 else {"cell": value}
    container[key] = value
    return f"{path} = {repr(value)[:40] if kind < 0.95 else 'deep'}"


def _near(given: Contents, rng: np.random.Generator) -> str:
    """A number by one near it, a flag by the other, a string by another one of the file."""
    place = _any(given, rng, lambda value: isinstance(value, int | float | str))
    if place is None:
        return "nothing"
    container, key, path = place
    value = container[key]
    if isinstance(value, bool):
        container[key] = not value
    elif isinstance(value, str):
        words = sorted({c[k] for c, k, _ in _places(given.description) if isinstance(c[k], str)})
        container[key] = words[int(rng.integers(len(words)))]
    else:
        factor = rng.choice([0, -1, 0.5, 2, 10, 1000])
        container[key] = value + int(rng.choice([-2, -1, 1, 2])) if rng.random() < 0.5 else type(value)(value * factor)
    return f"{path} = {container[key]!r}"


def _field(given: Contents, rng: np.random.Generator) -> str:
    """A field is left out, named otherwise, added, or an item doubled."""
    place = _any(given, rng, lambda value: True)
    if place is None:
        return "nothing"
    container, key, path = place
    if isinstance(container, list):
        if rng.random() < 0.5:
            container.insert(key, copy.deepcopy(container[key]))
            return f"{path} twice"
        del container[key]
        return f"{path} left out"
    word = KEYS[int(rng.integers(len(KEYS)))]
    kind = int(rng.integers(3))
    if kind == 0:
        del container[key]
    elif kind == 1:
        container[word] = container.pop(key)
    else:
        container[word] = copy.deepcopy(container[key])
    return f"{path} {('left out', 'named', 'doubled as')[kind]} {word if kind else ''}"


def _swap(given: Contents, rng: np.random.Generator) -> str:
    """Two values change places."""
    one, other = _any(given, rng, lambda value: True), _any(given, rng, lambda value: True)
    if one is None or other is None or one[2].startswith(other[2]) or other[2].startswith(one[2]):
        return "nothing"
    (a, i, first), (b, k, second) = one, other
    a[i], b[k] = b[k], a[i]
    return f"{first} and {second} swapped"


# -------------------------------------------------------------------------------------------------- the tensors


def _chosen(given: Contents, rng: np.random.Generator) -> str:
    names = sorted(given.tensors)
    return names[int(rng.integers(len(names)))] if names else ""


def _tensor(given: Contents, rng: np.random.Generator) -> str:
    """Values of a tensor."""
    name = _chosen(given, rng)
    array = given.tensors.get(name)
    if array is None or not array.size:
        return "nothing"
    flat = array.reshape(-1)
    kind = int(rng.integers(6))
    floating = array.dtype.kind == "f"
    with np.errstate(all="ignore"):
        special = rng.choice(NUMBERS if floating else WHOLES)
        if kind < 2:
            flat[rng.integers(len(flat))] = special
        elif kind == 2:
            flat[...] = special
        elif kind == 3:
            flat[...] = flat[::-1].copy()
        elif kind == 4:
            flat[...] = flat * (rng.choice([-1, 2, 0, 1e10]) if floating else rng.choice([-1, 2, 1000]))
        else:
            more = rng.choice([-1, 1e-3, 1, 1e3]) if floating else rng.choice([-1, 1, 10**6])
            flat[...] = flat + np.array(more).astype(array.dtype)
    return f"{name} values {kind} {special}"


def _nudge(given: Contents, rng: np.random.Generator) -> str:
    """Some values of a tensor a little, or many times, larger or smaller: the file stays as likely as before."""
    name = _chosen(given, rng)
    array = given.tensors.get(name)
    if array is None or not array.size:
        return "nothing"
    flat, size = array.reshape(-1), float(rng.choice([0.01, 1.0, 10.0]))
    some = rng.random(len(flat)) < rng.choice([0.1, 1.0])
    with np.errstate(all="ignore"):
        if array.dtype.kind == "f":
            flat[some] = (flat * np.exp(size * rng.normal(size=len(flat))))[some]
        else:
            flat[some] = flat[some] + np.array(rng.choice([-1, 1, 10**6, 86400 * 10**6])).astype(array.dtype)
    return f"{name} nudged by {size}"


def _shape(given: Contents, rng: np.random.Generator) -> str:
    """Shape, type or name of a tensor, or what the header claims of it."""
    name = _chosen(given, rng)
    array = given.tensors.get(name)
    if array is None:
        return "nothing"
    kind = int(rng.integers(7))
    with np.errstate(all="ignore"):
        if kind == 0:
            given.tensors[name] = array[: len(array) // 2] if array.ndim else array
        elif kind == 1:
            given.tensors[name] = np.concatenate([array, array]) if array.ndim else array
        elif kind == 2:
            given.tensors[name] = array[None]
        elif kind == 3:
            types = [np.dtype(each) for each in io.TYPES.values()]
            given.tensors[name] = np.nan_to_num(array).astype(types[int(rng.integers(len(types)))])
        elif kind == 4:
            del given.tensors[name]
        elif kind == 5:
            given.tensors[name + str(rng.choice(["x", "[0]", "_reverse"]))] = given.tensors.pop(name)
        else:  # products that wrap modulo 2**64 to the true one
            wraps = [[2**32, 2**32, *array.shape], [2**64 + array.size], [2**63, 2, array.size], [2**62 + 1] * 4]
            given.shapes[name] = [*wraps, [1] * 40, [0] * 1000][int(rng.integers(len(wraps) + 2))]
    return f"{name} shape {kind}"


def _fitted(given: Contents) -> str:
    """Tensors of the shapes that the altered description asks for, where that is possible and they are small."""
    try:
        shapes = io._reader("", given.kind)._file_shapes(given.description)
    except Exception:
        return "unfitted"
    fitted: dict[str, np.ndarray] = {}
    for name, (shape, dtype) in shapes.items():
        old = given.tensors.get(name, np.zeros(1, dtype))
        sizes = [old.shape[i] if want is None and i < old.ndim else want or 0 for i, want in enumerate(shape)]
        if any(size > 10**5 for size in sizes) or np.prod([max(1, size) for size in sizes], dtype=float) > 10**5:
            return "too large"
        flat = old.reshape(-1) if old.size else np.zeros(1, dtype)
        with np.errstate(all="ignore"):
            fitted[name] = np.resize(flat, sizes).astype(dtype)
    given.tensors.clear()
    given.tensors.update(fitted)
    return "fitted"
