"""A Parquet file read as a data frame, first in a process of its own, since a damaged file may crash the reader."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from elman.series.errors import DataError
from elman.series.tables.files import check_regular, needs_polars

__all__ = ["read_parquet"]

_SECONDS, _BYTES_A_SECOND = 60.0, 1e6  # time limit of the trial, longer for large files
_REASON = 200  # characters of a reason that a message repeats

# A damaged file may make the reader panic (no subclass of Exception), abort, or ask for more memory than there is. The
# reason goes to stdout in one line; what the libraries print is dropped. Data segments are limited to the memory of the
# machine, so that an absurd length is refused at once; no core is dumped.
_TRIAL = """
import os, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
except Exception:
    pass
sys.path[:] = sys.argv[2:]
import polars
try:
    with open(sys.argv[1], "rb") as file:
        polars.read_parquet(file)
except BaseException as error:
    sys.stdout.buffer.write((str(error) or type(error).__name__)[:1000].encode("utf-8", "replace"))
    sys.stdout.flush()
    os._exit(1)
os._exit(0)
"""


def read_parquet(path: Path) -> Any:
    """Reads a Parquet file as a polars frame. Raises `DataError` for a file of another kind or a damaged one, `OSError`
    where it cannot be opened, and ModuleNotFoundError without polars."""
    needs_polars()
    check_regular(path)
    with path.open("rb") as file:  # an OSError where it cannot be opened, as for every file
        size = file.seek(0, 2)
        file.seek(max(0, size - 4))
        end = file.read()
        file.seek(0)
        if size < 12 or file.read(4) != b"PAR1" or end != b"PAR1":
            raise _damaged(path, "it does not begin and end with PAR1")
        _try(path, _SECONDS + size / _BYTES_A_SECOND)
        import polars

        file.seek(0)
        try:
            return polars.read_parquet(file)
        except polars.exceptions.PolarsError as error:
            raise _damaged(path, str(error)) from None


def _try(path: Path, seconds: float) -> None:
    """Reads the file in a child process; `DataError` where that fails in any way."""
    command = [sys.executable, "-I", "-c", _TRIAL, str(path.absolute()), *sys.path]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise _damaged(path, f"reading it took longer than {seconds:.0f} seconds") from None
    if done.returncode < 0:
        raise _damaged(path, f"reading it ended a process with {signal.Signals(-done.returncode).name}")
    if done.returncode > 0:
        raise _damaged(path, done.stdout.decode("utf-8", "replace"))


def _damaged(path: Path, reason: str) -> DataError:
    first = (reason.strip().splitlines() or ["no reason was given"])[0]
    return DataError(f"not a Parquet file, or a damaged one: {first[:_REASON]}", path=path)
