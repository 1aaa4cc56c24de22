"""Digests of what is computed: of a function and of what it is given, the same in every process and on every day."""

from __future__ import annotations

import ast
import copyreg
import dataclasses
import functools
import hashlib
import inspect
import os
import struct
import textwrap
import types
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from elman.core.checks import shown

__all__ = ["digest", "name_of", "source_of"]

SIZE = 16  # bytes: among a million tasks, two share a digest with a probability of 10**-27
ITSELF = (types.FunctionType, types.BuiltinFunctionType, type)  # known by module and name


def digest(name: str, *values: Any) -> str:
    """Returns the digest of values: numbers, texts, arrays, lists, mappings, dataclasses, functions and whatever else
    can be pickled, by class and state.

    `name` is what an error calls them. Raises TypeError for values that cannot be pickled.
    """
    hashed = hashlib.blake2b(digest_size=SIZE)
    for value in values:
        _Walk(name, hashed.update).add(value)
    return hashed.hexdigest()


def name_of(function: Callable[..., Any]) -> str:
    """Returns the full name of a function, "module.name"; of a `functools.partial`, that of its function."""
    while isinstance(function, functools.partial):
        function = function.func
    return f"{function.__module__}.{function.__qualname__}"


@functools.lru_cache(4096)
def source_of(function: Any) -> str:
    """Returns the text of a function or class of the user's, without comments and form; "" for one of elman's, whose
    version stands for it, and for one whose text is not at hand."""
    if (function.__module__ or "").partition(".")[0] in ("elman", "builtins", "numpy"):
        return ""
    try:
        return ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(function))))
    except (OSError, TypeError, SyntaxError):
        return ""


class _Walk:
    """Feeds values to a hash, each after what kind it is and how long, so that no two trees give the same bytes."""

    def __init__(self, name: str, update: Callable[[Any], None]) -> None:
        self.name, self.update = name, update
        self.above: list[int] = []  # ids of the objects that hold the one at hand

    def tag(self, *words: object) -> None:
        text = "\0".join(map(str, words)).encode(errors="surrogatepass")
        self.update(struct.pack("<Q", len(text)))
        self.update(text)

    def add(self, value: Any) -> None:
        kind = type(value)
        if value is None or kind in (bool, int, str, complex):
            self.tag(kind.__name__, value)
        elif kind is float:
            self.tag("float", value.hex())
        elif kind in (bytes, bytearray):
            self.tag("bytes", len(value))
            self.update(value)
        elif isinstance(value, np.ndarray):
            self.array(value)
        elif isinstance(value, np.generic):
            self.array(np.asarray(value))
        elif isinstance(value, np.dtype):
            self.tag("dtype", value.str if value.names is None else value.descr)
        elif isinstance(value, os.PathLike):
            self.tag("path", os.fspath(value))
        elif isinstance(value, ITSELF):
            self.tag("name", value.__module__, value.__qualname__, source_of(value))
        elif id(value) in self.above:
            self.tag("above", self.above.index(id(value)))
        else:
            self.above.append(id(value))
            self.inside(value)
            self.above.pop()

    def inside(self, value: Any) -> None:
        """Adds an object that holds others."""
        kind = type(value)
        self.tag(kind.__module__, kind.__qualname__)
        if isinstance(value, functools.partial):
            self.all(value.func, value.args, value.keywords)
        elif isinstance(value, np.random.SeedSequence):
            self.all(value.entropy, value.spawn_key, value.pool_size)
        elif kind in (list, tuple) or (isinstance(value, tuple) and hasattr(kind, "_fields")):
            self.all(*value)
        elif kind is dict or isinstance(value, types.MappingProxyType):
            self.all(*(each for item in cast("Mapping[Any, Any]", value).items() for each in item))
        elif kind in (set, frozenset):
            self.all(*sorted(digest(self.name, each) for each in value))
        elif dataclasses.is_dataclass(value):
            self.all(*((field.name, getattr(value, field.name)) for field in dataclasses.fields(value)))
        else:
            self.pickled(value)

    def pickled(self, value: Any) -> None:
        """Adds an object by what pickling would keep of it."""
        try:
            own = copyreg.dispatch_table.get(type(value))
            reduced = own(value) if own is not None else value.__reduce_ex__(4)
        except TypeError as error:
            raise TypeError(f"{self.name}: expected values that can be pickled, got {shown(value)}: {error}") from None
        if isinstance(reduced, str):
            return self.tag("global", reduced)
        function, arguments, *rest = reduced
        state, items, pairs = (*rest, None, None, None)[:3]
        self.all(function, arguments, state, *(items or ()), *(each for pair in pairs or () for each in pair))

    def all(self, *values: Any) -> None:
        self.tag(len(values))
        for value in values:
            self.add(value)

    def array(self, array: np.ndarray) -> None:
        self.tag("array", array.shape)
        self.add(array.dtype)
        if array.dtype.hasobject:
            self.all(*array.ravel().tolist())
        else:
            self.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
