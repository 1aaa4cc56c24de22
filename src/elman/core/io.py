"""Reads and writes safetensors files with one metadata key, `elman`, which describes the contents and protects them.

That key holds JSON: `format` (1), `kind` ("network", "forecaster", ...), `description` (what a class of that kind needs
to make the object again) and `sha256`, the digest of these three, of every tensor's name, type and shape, and of the
tensors' bytes. The same contents give the same bytes. Nothing in a file is executed, and reading a file takes memory in
proportion to its real size.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import stat
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO, Protocol

import numpy as np

from elman.core import checks, fields
from elman.core.checks import shown
from elman.core.files.own import Owns, allowed
from elman.core.kinds import READERS
from elman.core.staging import write_bytes

__all__ = ["FileError", "Reader", "Shapes", "Table", "load", "read", "save", "write"]

FORMAT = 1
HEADER_LIMIT = 4 << 20  # bytes; a network's header takes about 100 for each parameter array
# safetensors' name of each type that our files may hold
TYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "I32": np.int32, "U8": np.uint8, "BOOL": np.bool_}

# What a Reader raises for a description or tensors that it cannot use. The last two are for values that no check of a
# class foresaw.
UNFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, MemoryError, RecursionError)

MOST_TENSORS = 20_000  # two directions of 1000 layers
MOST_AXES = 32

Shapes = dict[str, tuple[tuple[int | None, ...], np.dtype[Any]]]  # name -> shape, None for a free axis, and type
Table = dict[str, tuple[str, tuple[int, ...], int, int]]  # name -> type, shape, first byte in the body, bytes


class Reader(Protocol):
    """A class that makes objects from files. Both methods raise one of UNFIT for contents that they cannot use."""

    @classmethod
    def _file_shapes(cls, description: Mapping[str, Any], /) -> Shapes:
        """Checks the description and returns every tensor's shape and type, which are compared before any is read.

        An axis that the description leaves free (the members of an ensemble) is None.
        """
        ...

    @classmethod
    def _from_file(cls, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray], /) -> Any:
        """Returns the object that was saved."""
        ...


class Contents(Protocol):
    """An object that can be saved as a network."""

    def contents(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]: ...


class FileError(ValueError):
    """A file that elman did not write, or that was cut short or altered since."""

    def __init__(self, path: str | os.PathLike[str], why: str) -> None:
        super().__init__(os.fspath(path), why)
        self.path, self.why = os.fspath(path), why

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def save(network: Contents, path: str | os.PathLike[str]) -> None:
    """Writes a network to a file, as `Network.save` does."""
    write(path, "network", *network.contents())


def load(path: str | os.PathLike[str], *, custom: Owns | None = None) -> Any:
    """Reads a file that elman wrote and returns the object in it: a `Network`, a `Forecaster`, ...

    custom  cells and activations of your own that a network was made of, objects or import paths
            ("package.module:NAME", whose module is then run). A file names them, and never brings or imports any

    Raises FileError for a file that is truncated, altered, hostile or not ours, OSError where it cannot be read.
    """
    with allowed(custom):
        kind, description, tensors = read(path)
        try:
            return _reader(path, kind)._from_file(description, tensors)  # pyright: ignore[reportPrivateUsage]
        except UNFIT as error:
            raise FileError(path, f"the description does not fit the tensors: {said(error)}") from error


def write(
    path: str | os.PathLike[str], kind: str, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> None:
    """Writes a file of `kind`, complete or not at all (see `staging.replacing`).

    `description` is anything that JSON can say, without NaN or infinity; tensors are of the types in TYPES. Raises
    OSError with the name of `path` where it cannot be written (a full disk, say).
    """
    checks.path("path", path)
    arrays = {name: _plain_array(name, array) for name, array in tensors.items()}
    data = _encode(kind, description, arrays)
    write_bytes(path, data)


def read(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """Reads a file that `write` wrote and returns its kind, description and tensors; raises FileError for any other.

    For a kind among READERS, the names, types and shapes of the tensors have been compared with the description.
    """
    if "\0" in checks.path("path", path):
        raise FileError(path, "expected the name of a file, got one with a NUL in it")
    with open(path, "rb", opener=_without_waiting) as file:
        size = _real_size(path, file)
        header = _header(path, file, size)
        meta = _meta(path, header)
        table = _table(path, header, size)
        if meta["kind"] in READERS:
            _compare(path, meta, table)
        if file.tell() + sum(count for _, _, _, count in table.values()) != size:
            raise FileError(path, "the file is cut short, or longer than its tensors")
        try:
            tensors = {name: _array(file, *table[name]) for name in sorted(table, key=lambda name: table[name][2:])}
        except MemoryError:
            raise FileError(path, f"its {size} bytes are too large for this machine's memory") from None
    try:
        digest = _digest(meta["kind"], meta["description"], tensors)
    except (ValueError, RecursionError):
        raise FileError(path, "the description is not plain JSON") from None
    if digest != meta["sha256"]:
        raise FileError(path, "the contents do not match their checksum: the file was altered after it was written")
    return meta["kind"], meta["description"], tensors


def said(error: BaseException) -> str:
    """Returns the text of an error, with its class where the text alone does not explain it."""
    return str(error) if type(error) in (TypeError, ValueError) else repr(error)


# ------------------------------------------------------------------------------------------------- writing


def _plain_array(name: str, array: np.ndarray) -> np.ndarray:
    """Returns the array C-contiguous and in the machine's byte order: safetensors writes wrong values otherwise."""
    array = np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
    if array.dtype not in [np.dtype(kind) for kind in TYPES.values()]:
        raise TypeError(f"tensors[{name!r}]: expected one of {', '.join(TYPES)}, got {array.dtype}")
    return array


def _encode(kind: str, description: Mapping[str, Any], tensors: dict[str, np.ndarray]) -> bytes:
    """Returns the bytes of a file."""
    from safetensors.numpy import save as encode

    plain = json.loads(json.dumps(description, allow_nan=False))  # as a reader will see it: lists, names as strings
    meta = {"format": FORMAT, "kind": kind, "description": plain, "sha256": _digest(kind, plain, tensors)}
    data = encode(tensors, {"elman": json.dumps(meta, allow_nan=False)})
    if int.from_bytes(data[:8], "little") > HEADER_LIMIT:
        raise ValueError(f"description: expected at most {HEADER_LIMIT} bytes of names and strings, got more")
    return data


def _digest(kind: str, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """Returns the SHA-256 of all that a file holds, in hexadecimal."""
    names = sorted(tensors)
    shapes = [[name, tensors[name].dtype.name, list(tensors[name].shape)] for name in names]
    head = json.dumps([FORMAT, kind, description, shapes], allow_nan=False, sort_keys=True)
    digest = hashlib.sha256(head.encode())
    for name in names:
        little = tensors[name].astype(tensors[name].dtype.newbyteorder("<"), copy=False)
        digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


# ------------------------------------------------------------------------------------------------- reading


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file without blocking, even a FIFO that has no writer, so that it can be refused."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0), 0o666)


def _real_size(path: str | os.PathLike[str], file: BinaryIO) -> int:
    """Returns the size of a regular file in bytes; raises FileError for anything else."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise FileError(path, "expected a regular file")
    return status.st_size


def _header(path: str | os.PathLike[str], file: BinaryIO, size: int) -> dict[str, Any]:
    """Reads and returns the safetensors header; its length is compared with the file's before it is read."""
    length = int.from_bytes(file.read(8), "little")
    if size < 10 or not 2 <= length <= size - 8:
        raise FileError(path, "not a safetensors file, or cut short")
    if length > HEADER_LIMIT:
        raise FileError(path, f"expected a header of at most {HEADER_LIMIT} bytes, got {length}")
    try:
        header = fields.parsed(file.read(length).decode())
    except (ValueError, RecursionError):
        raise FileError(path, "not a safetensors file: its header is not JSON") from None
    if not isinstance(header, dict):
        raise FileError(path, "not a safetensors file: its header is not a JSON object")
    return header


def _meta(path: str | os.PathLike[str], header: dict[str, Any]) -> dict[str, Any]:
    """Takes the metadata key `elman` out of the header and returns it, decoded and checked."""
    metadata = header.pop("__metadata__", None)
    text = metadata.get("elman") if isinstance(metadata, dict) else None
    if not isinstance(text, str) or len(metadata or {}) != 1:
        raise FileError(path, "a safetensors file that elman did not write (its metadata is not the key `elman` alone)")
    try:
        meta = fields.parsed(text)
    except (ValueError, RecursionError):
        raise FileError(path, "the metadata key `elman` is not JSON") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        got = shown(meta.get("format")) if isinstance(meta, dict) else "none"
        raise FileError(path, f"expected format {FORMAT}, got {got}; a newer elman may read it")
    kinds = {"format": int, "kind": str, "description": dict, "sha256": str}
    if meta.keys() != kinds.keys() or not all(isinstance(meta[key], kind) for key, kind in kinds.items()):
        raise FileError(path, f"expected {', '.join(kinds)} in the metadata key `elman`")
    return meta


def _compare(path: str | os.PathLike[str], meta: dict[str, Any], table: Table) -> None:
    """Raises FileError where the tensors are not those of the description."""
    try:
        reader = _reader(path, meta["kind"])
        expected = reader._file_shapes(meta["description"])  # pyright: ignore[reportPrivateUsage]
    except UNFIT as error:
        raise FileError(path, f"the description is not as expected: {said(error)}") from error
    unlike = "the description does not fit the tensors"
    if expected.keys() != table.keys():
        raise FileError(path, f"{unlike}: expected {fields.words(expected)}, got {fields.words(table)}")
    for name, (shape, dtype) in expected.items():
        kind, found = table[name][:2]
        fits = len(found) == len(shape) and all(want in (None, size) for want, size in zip(shape, found, strict=True))
        if not fits or dtype != TYPES[kind]:
            asked, came = (", ".join("any" if size is None else str(size) for size in axes) for axes in (shape, found))
            got = f"got {np.dtype(TYPES[kind])} ({came})"
            raise FileError(path, f"{unlike}: {name}: expected {dtype} ({asked}), {got}")


def _array(file: BinaryIO, kind: str, shape: tuple[int, ...], begin: int, count: int) -> np.ndarray:
    """Reads and returns the next tensor of the file."""
    array = np.empty(shape, TYPES[kind])
    if file.readinto(array.reshape(-1).view(np.uint8).data) != count:  # type: ignore[attr-defined]
        raise OSError(errno.EIO, "the file changed while it was read")
    return array if sys.byteorder == "little" else array.byteswap()


def _reader(path: str | os.PathLike[str], kind: str) -> type[Reader]:
    """Returns the class that reads files of this kind; raises FileError for an unknown one."""
    if kind not in READERS:
        known = ", ".join(READERS)
        raise FileError(path, f"expected a kind among {known}, got {shown(kind)}; a newer elman may know it")
    return READERS[kind]()


def _table(path: str | os.PathLike[str], header: dict[str, Any], size: int) -> Table:
    """Returns the header's list of tensors; raises FileError where they overlap or leave gaps."""
    if len(header) > MOST_TENSORS:
        raise FileError(path, f"expected at most {MOST_TENSORS} tensors, got {len(header)}")
    table: Table = {}
    try:
        for name, entry in header.items():
            kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
            if not isinstance(shape, list) or len(shape) > MOST_AXES:
                raise ValueError
            if not all(type(number) is int and 0 <= number <= size for number in (*shape, begin, end)):
                raise ValueError
            count = np.dtype(TYPES[kind]).itemsize
            # what NumPy can hold: it multiplies all axes but those of 0
            if end - begin != count * math.prod(shape) or count * math.prod(max(1, n) for n in shape) > sys.maxsize:
                raise ValueError
            table[name] = (kind, tuple(shape), begin, end - begin)
    except (ValueError, TypeError, KeyError):
        raise FileError(path, "the list of tensors is damaged") from None
    place = 0
    for _, _, begin, count in sorted(table.values(), key=lambda entry: (entry[2], entry[3])):
        if begin != place:
            raise FileError(path, "the list of tensors is damaged: they do not follow one another")
        place += count
    return table
