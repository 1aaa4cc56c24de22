"""The bytes of a file, a pipe or standard input, unpacked; CSV files written; the check that Parquet can be."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import stat
import sys
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from elman.core.staging import write_bytes
from elman.series.errors import DataError

__all__ = ["STANDARD_INPUT", "check_regular", "needs_polars", "read_bytes", "write_rows"]

STANDARD_INPUT = "-"
MOST_PIPED = 1 << 28  # bytes; the size of a file is known, a pipe may have no end
MOST_UNPACKED = 1 << 28  # bytes; a packed file of a megabyte may hold a gigabyte
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 12  # bytes that are unpacked at a time, into four million at most
_MEMBERS = 10_000  # packed files in one
_OTHERS = {
    b"PK\x03\x04": "a spreadsheet (.xlsx) or a zip archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls)",
    b"%PDF": "a PDF",
    b"[{": "JSON",
    b'{"': "JSON",
    b"<!": "a web page",
    b"<html": "a web page",
    b"<?xml": "XML",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
}
_WRITER_SECONDS = 1.0  # how long to wait until a pipe has a writer
NEEDED = "Parquet files need polars; type: pip install 'elman[parquet]'"


def needs_polars() -> None:
    """Raises ModuleNotFoundError, with the command to type, where polars is missing."""
    if importlib.util.find_spec("polars") is None:
        raise ModuleNotFoundError(NEEDED, name="polars")


def read_bytes(path: Path) -> bytes:
    """Returns all bytes of a file, or what is written into a pipe until its writers close it, unpacked where gzip
    packed them; "-" is standard input.

    Raises `DataError` for a directory, a device or a socket, which may have no end, for a pipe without a writer, for
    one that gives more than MOST_PIPED bytes, for a file that gzip packed and that holds more than MOST_UNPACKED or is
    damaged, and for one that is no text; `OSError` where the file cannot be opened.
    """
    found = _standard_input(path) if str(path) == STANDARD_INPUT else _packed_bytes(path)
    if found.startswith(_GZIP):
        return _unpacked(found, path)
    for beginning, what in _OTHERS.items():
        if found.startswith(beginning):
            raise DataError(f"this is {what}; expected CSV: save or unpack it as such", path=path)
    return found


def _standard_input(path: Path) -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError(
            "standard input is a terminal; expected a table, as in: elman forecast - < sales.csv", path=path
        )
    return _checked_size(sys.stdin.buffer.read(MOST_PIPED + 1), path)


def _packed_bytes(path: Path) -> bytes:
    """Returns the bytes of a file or pipe as they are."""
    # without O_NONBLOCK, opening a pipe would wait for a writer, and opening some devices acts on them
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        kind = os.fstat(handle).st_mode
        beginning = b""
        if stat.S_ISFIFO(kind):
            beginning = _beginning(handle, path)
            os.set_blocking(handle, True)
        else:
            _refuse_unless_regular(kind, path)
        with open(handle, "rb", closefd=False) as file:
            if not stat.S_ISFIFO(kind):
                return file.read()
            return _checked_size(beginning + file.read(MOST_PIPED + 1), path)
    finally:
        os.close(handle)


def _checked_size(found: bytes, path: Path) -> bytes:
    if len(found) > MOST_PIPED:
        raise DataError(f"this pipe gives more than {MOST_PIPED:,} bytes; write them to a file first", path=path)
    return found


def _unpacked(packed: bytes, path: Path) -> bytes:
    """Returns what gzip packed, of one member or several."""
    found, members, member = bytearray(), 0, None
    for start in range(0, len(packed), _PIECE):
        piece = packed[start : start + _PIECE]
        while piece := piece if member is not None else piece.lstrip(b"\0"):  # zeros may follow a member
            if member is None:
                member, members = zlib.decompressobj(wbits=31), members + 1
            try:
                found += member.decompress(piece)
            except zlib.error as reason:
                raise DataError(f"this packed file is damaged: {reason}", path=path) from None
            if len(found) > MOST_UNPACKED or members > _MEMBERS:
                raise DataError(f"this packed file holds more than {MOST_UNPACKED:,} bytes; unpack it first", path=path)
            piece = member.unused_data
            member = None if member.eof else member
    if member is not None:
        raise DataError("this packed file ends too early; it is cut off", path=path)
    return bytes(found)


def check_regular(path: Path) -> None:
    """Raises `DataError` unless `path` is a regular file, and `OSError` where there is no file."""
    _refuse_unless_regular(path.stat().st_mode, path)


def _refuse_unless_regular(kind: int, path: Path) -> None:
    if not stat.S_ISREG(kind):
        what = "a directory" if stat.S_ISDIR(kind) else "a pipe" if stat.S_ISFIFO(kind) else "a device or socket"
        raise DataError(f"this is {what}; expected a file", path=path)


def _beginning(pipe: int, path: Path) -> bytes:
    """Returns what a pipe that was opened without blocking holds so far, nothing where its writer has yet to write.
    Raises `DataError` where no writer appears."""
    deadline = time.monotonic() + _WRITER_SECONDS
    while True:
        try:
            if found := os.read(pipe, 1 << 16):
                return found
        except BlockingIOError:
            return b""
        if time.monotonic() > deadline:
            raise DataError("this is a pipe that nobody writes to; expected a file", path=path)
        time.sleep(0.01)


def write_rows(path: str | os.PathLike[str], rows: Iterable[Sequence[object]]) -> Path:
    """Writes rows as a CSV file, which appears whole or not at all, and returns its path; `OSError` where it cannot be
    written."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_bytes(path, text.getvalue().encode())
    return Path(path)
