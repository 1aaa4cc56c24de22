"""Tables of texts: each row is a text, which is cut into words and punctuation marks."""

from __future__ import annotations

import re

import numpy as np

from elman.sequence.tables.layout import Column, Options
from elman.sequence.tables.roles import Roles, text_column
from elman.sequence.tables.source import Source
from elman.series.errors import listed, shorten
from elman.series.notes import note

__all__ = ["text_sequences", "tokens"]

_TOKEN = re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]")


def tokens(text: str) -> list[str]:
    """Cuts a text into words in lower case, with the apostrophes and hyphens inside them, and single punctuation marks:
    "Well-made, isn't it?" -> well-made , isn't it ?"""
    return _TOKEN.findall(text.lower())


def text_sequences(source: Source, roles: Roles, options: Options) -> tuple[list[np.ndarray], list[Column]]:
    """Returns the tokens of the texts, objects (T, 1) each, and their column. `DataError` for a text without any."""
    name = _column(source, roles, options)
    found: list[np.ndarray] = []
    for row, text in enumerate(source.texts(name)):
        words = tokens(text)
        if not words:
            raise source.error("expected a text, got " + (shorten(text) if text else "an empty cell"), name, row)
        sequence = np.empty((len(words), 1), object)
        sequence[:, 0] = words
        found.append(sequence)
    note(
        f"each row is a text: column {shorten(name)} was cut into words in lower case and punctuation marks;"
        " form='long' (--form long) reads each row as one step"
    )
    if ignored := [each for each in roles.rest if each != name]:
        note(f"beside the texts, {listed(ignored)} {'is' if len(ignored) == 1 else 'are'} not used")
    return found, [Column(name, "text")]


def _column(source: Source, roles: Roles, options: Options) -> str:
    """Returns the column of the texts."""
    if options.features is not None:
        if len(options.features) != 1:
            raise source.error(f"features: expected one column of texts, got {listed(options.features)}")
        return options.features[0]
    named = text_column(roles.rest) or [name for name in roles.rest if source.census(name).others]
    if len(named) != 1:
        raise source.error(
            f"{listed(named) if named else 'no column'} may be the texts; name one with features (--features)"
        )
    return named[0]
