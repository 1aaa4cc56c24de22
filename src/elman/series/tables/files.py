"""The bytes of a file or pipe, CSV files written, and the check that Parquet can be."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import stat
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from elman.core.staging import write_bytes
from elman.series.errors import DataError

__all__ = ["check_regular", "needs_polars", "read_bytes", "write_rows"]

MOST_PIPED = 1 << 28  # bytes; the size of a file is known, a pipe may have no end
_WRITER_SECONDS = 1.0  # how long to wait until a pipe has a writer
NEEDED = "Parquet files need polars; type: pip install 'elman[parquet]'"


def needs_polars() -> None:
    """Raises ModuleNotFoundError, with the command to type, where polars is missing."""
    if importlib.util.find_spec("polars") is None:
        raise ModuleNotFoundError(NEEDED, name="polars")


def read_bytes(path: Path) -> bytes:
    """Returns all bytes of a file, or what is written into a pipe until its writers close it.

    Raises `DataError` for a directory, a device or a socket, which may have no end, for a pipe without a writer, and
    for one that gives more than MOST_PIPED bytes; `OSError` where the file cannot be opened.
    """
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
            found = beginning + file.read(MOST_PIPED + 1)
        if len(found) > MOST_PIPED:
            raise DataError(f"this pipe gives more than {MOST_PIPED:,} bytes; write them to a file first", path=path)
        return found
    finally:
        os.close(handle)


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
