"""Notes: what a reader should know of how data was read, such as a day before the month or rows that were sorted.

Whatever reads data calls `note`; whoever asked for the data opens `gathered` around it, and puts what was noted into
`Series.notes` or `Panel.notes`. The command line prints these; in Python `warn` gives a `DataNotice` for each of them.
A function whose answers are cached must not call `note`: it returns the text, and its caller notes it.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from elman.series.errors import shorten

__all__ = ["DataNotice", "gathered", "note", "of_many", "warn"]

_under_way: ContextVar[list[str] | None] = ContextVar("notes", default=None)


class DataNotice(UserWarning):
    """Says how data was read where that is not plain; `warnings.simplefilter("ignore", DataNotice)` silences it."""


def note(text: str) -> None:
    """Adds one line to the notes of the reading under way, unless it is there already."""
    found = _under_way.get()
    if found is not None and text not in found:
        found.append(text)


@contextmanager
def gathered() -> Generator[list[str]]:
    """Yields a list, to which the notes of the block are added."""
    notes: list[str] = []
    before = _under_way.set(notes)
    try:
        yield notes
    finally:
        _under_way.reset(before)


def of_many(notes: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Returns the notes of many series, each once, with the ids of the series that it is about."""
    whose: dict[str, list[str]] = {}
    for id, texts in notes.items():
        for text in texts:
            whose.setdefault(text, []).append(id)
    return tuple(f"{_named(ids)}: {text}" for text, ids in whose.items())


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return f"series {shorten(ids[0])}{more}"


def warn(notes: Iterable[str], stacklevel: int = 2) -> None:
    """Issues a `DataNotice` for each note."""
    for text in notes:
        warnings.warn(text, DataNotice, stacklevel=stacklevel + 1)
