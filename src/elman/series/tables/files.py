"""Tables as files: bytes read whole whatever stands behind a name, CSV written, and what Parquet needs."""

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

MOST_PIPED = 1 << 28  # bytes; a file says how large it is, a pipe may have no end
_WRITER_SECONDS = 1.0  # for the writer of a pipe to open it
NEEDED = "Parquet files need polars; type: pip install 'elman[parquet]'"


def needs_polars() -> None:
    """Raises ModuleNotFoundError, with the command to type, where polars is missing."""
    if importlib.util.find_spec("polars") is None:
        raise ModuleNotFoundError(NEEDED, name="polars")


def read_bytes(path: Path) -> bytes:
    """All that a file holds, or what is written into a pipe until its writers close it.

    `DataError` for a directory, a device or a socket, which may have no end, for a pipe that nobody writes to, and for
    one that gives more than MOST_PIPED bytes; `OSError` where it cannot be opened.
    """
    # without O_NONBLOCK, opening a pipe waits for a writer, and opening some devices does things
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
    """`DataError` unless `path` is a regular file; `OSError` where there is nothing."""
    _refuse_unless_regular(path.stat().st_mode, path)


def _refuse_unless_regular(kind: int, path: Path) -> None:
    if not stat.S_ISREG(kind):
        what = "a directory" if stat.S_ISDIR(kind) else "a pipe" if stat.S_ISFIFO(kind) else "a device or socket"
        raise DataError(f"this is {what}; expected a file", path=path)


def _beginning(pipe: int, path: Path) -> bytes:
    """What stands in a pipe that was opened without blocking; nothing yet where it has a writer. `DataError` where no
    writer comes either."""
    patience = time.monotonic() + _WRITER_SECONDS
    while True:
        try:
            if found := os.read(pipe, 1 << 16):
                return found
        except BlockingIOError:
            return b""
        if time.monotonic() > patience:
            raise DataError("this is a pipe that nobody writes to; expected a file", path=path)
        time.sleep(0.01)


def write_rows(path: str | os.PathLike[str], rows: Iterable[Sequence[object]]) -> Path:
    """Writes a CSV file and returns its path; it appears whole or not at all. `OSError` where it cannot."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_bytes(path, text.getvalue().encode())
    return Path(path)
