"""What functions return, as bytes and back: nothing in them is executed, and a flipped bit does not pass."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.core import io
from elman.core.checks import shown

__all__ = ["decoded", "encoded"]

DIGEST = 16  # bytes
MOST = 900_000_000  # bytes of a result; SQLite has room for a thousand million
KINDS = "biufcmMSU"  # of arrays
EXPECTED = (
    "expected None, numbers, texts, bytes, arrays, lists, tuples and dicts of such, or what has a method `save` (a"
    " network, a forecaster)"
)


def encoded(value: Any) -> bytes:
    """Returns bytes from which `decoded` makes the value again, bit for bit.

    TypeError for a value that is none of: None, bool, int, float, str, bytes, NumPy arrays and scalars, lists, tuples
    and dicts of such, and objects of elman that files hold.
    """
    parts = bytearray()
    head = json.dumps(_plain(value, parts, "result"), separators=(",", ":")).encode()
    body = b"".join((len(head).to_bytes(8, "little"), head, parts))
    if len(body) > MOST:
        raise ValueError(f"result: expected at most {MOST:,} bytes, got {len(body):,}")
    return hashlib.blake2b(body, digest_size=DIGEST).digest() + body


def decoded(data: bytes) -> Any:
    """Returns the value of `encoded` bytes; ValueError for any others."""
    body = memoryview(data)[DIGEST:]
    if hashlib.blake2b(body, digest_size=DIGEST).digest() != bytes(data[:DIGEST]):
        raise ValueError("the bytes do not match their checksum")
    begin = 8 + int.from_bytes(body[:8], "little")
    return _value(json.loads(bytes(body[8:begin])), body[begin:])


def _plain(value: Any, parts: bytearray, name: str) -> Any:
    """Returns the value in JSON's terms: itself, or a list of what kind it is and its contents."""
    kind = type(value)
    if value is None or kind in (bool, int, str) or (kind is float and math.isfinite(value)):
        return value
    if kind is float:
        return ["float", repr(value)]
    if kind in (list, tuple):
        return [kind.__name__, *(_plain(each, parts, f"{name}[{i}]") for i, each in enumerate(value))]
    if kind is dict:
        return ["dict", *([_plain(key, parts, name), _plain(each, parts, f"{name}[{key!r}]")]
                          for key, each in value.items())]  # fmt: skip
    if (array := _array(value)) is not None:
        own = "array" if isinstance(value, np.ndarray) else "scalar"
        return [own, array.dtype.str, list(array.shape), *_placed(array.tobytes(), parts)]
    if kind is bytes:
        return ["bytes", *_placed(value, parts)]
    if callable(getattr(value, "save", None)) and kind.__module__.partition(".")[0] == "elman":
        with tempfile.TemporaryDirectory(prefix="elman-") as folder:
            file = Path(folder) / "result"
            value.save(file)
            return ["saved", *_placed(file.read_bytes(), parts)]
    raise TypeError(f"{name}: {EXPECTED}, got {shown(value)}")


def _array(value: Any) -> np.ndarray | None:
    """Returns NumPy's arrays and scalars as arrays; None for anything else, and for those of objects or records."""
    array = np.asarray(value) if isinstance(value, np.ndarray | np.generic) else None
    return array if array is not None and array.dtype.kind in KINDS else None


def _placed(data: bytes, parts: bytearray) -> tuple[int, int]:
    """Appends bytes to the parts and returns where they begin and how many they are."""
    parts += data
    return len(parts) - len(data), len(data)


def _value(plain: Any, body: memoryview) -> Any:
    if not isinstance(plain, list):
        return plain
    kind, *rest = plain
    if kind == "float":
        return float(rest[0])
    if kind == "dict":
        return {_value(key, body): _value(each, body) for key, each in rest}
    if kind in ("list", "tuple"):
        values: Sequence[Any] = [_value(each, body) for each in rest]
        return values if kind == "list" else tuple(values)
    begin, count = rest[-2:]
    data = body[begin : begin + count]
    if kind in ("array", "scalar"):
        array = np.frombuffer(data, np.dtype(rest[0])).reshape(rest[1]).copy()
        return array if kind == "array" else array[()]
    if kind == "bytes":
        return bytes(data)
    with tempfile.TemporaryDirectory(prefix="elman-") as folder:
        file = Path(folder) / "result"
        file.write_bytes(data)
        return io.load(file)
