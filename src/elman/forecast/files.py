"""Files that appear whole or not at all."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import secrets
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["needs_polars", "replacing", "write_rows"]

NEEDED = "Parquet files need polars; type: pip install 'elman[parquet]'"


def needs_polars() -> None:
    """Raises ModuleNotFoundError, with the command to type, where polars is missing."""
    if importlib.util.find_spec("polars") is None:
        raise ModuleNotFoundError(NEEDED, name="polars")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[Path]:
    """Gives a temporary path beside `path`, with its ending; what was written there takes its name in the end.

    Where the body raises, nothing is left behind and an older file stays.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_rows(path: str | os.PathLike[str], rows: Iterable[Sequence[object]]) -> Path:
    """Writes a CSV file; it appears whole or not at all. `OSError` where it cannot."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
    return Path(path)
