"""Tables as files: CSV, and what Parquet needs."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from elman.staging import write_bytes

__all__ = ["needs_polars", "write_rows"]

NEEDED = "Parquet files need polars; type: pip install 'elman[parquet]'"


def needs_polars() -> None:
    """Raises ModuleNotFoundError, with the command to type, where polars is missing."""
    if importlib.util.find_spec("polars") is None:
        raise ModuleNotFoundError(NEEDED, name="polars")


def write_rows(path: str | os.PathLike[str], rows: Iterable[Sequence[object]]) -> Path:
    """Writes a CSV file and returns its path; it appears whole or not at all. `OSError` where it cannot."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_bytes(path, text.getvalue().encode())
    return Path(path)
