"""A source as an array of whole numbers: in memory for a str, in a temporary file for files, so that a text need not
fit into memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from elman.pieces.tokens import Tokens, train_tokens
from elman.pieces.vocabulary import POINTS, Bytes, Characters, UnknownCharacter, Vocabulary, id_type, points_of
from elman.series.errors import DataError
from elman.text.source import Source

__all__ = ["counted_characters", "encoded", "learned_vocabulary"]


def learned_vocabulary(source: Source, level: str, size: int, unknown: str) -> Vocabulary:
    """Returns the vocabulary of a training text. DataError for an empty one."""
    if level == "bytes":
        return Bytes()
    refuse_bytes("text", source)
    if level in ("words", "subwords"):
        return train_tokens(source.blocks(), level, size)
    seen = np.zeros(POINTS, bool)
    for block in source.blocks():
        seen[points_of(block)] = True
    if not seen.any():
        raise empty(source)
    symbols = "".join(map(chr, np.flatnonzero(seen)))
    try:
        symbols.encode()
    except UnicodeEncodeError:
        raise DataError("expected whole characters, got half of a pair (a surrogate)") from None
    return Characters(symbols, unknown)


def encoded(name: str, source: Source, vocabulary: Vocabulary) -> np.ndarray:
    """Returns the pieces (N,) of a source, of the smallest type that holds them; memory-mapped where they come from
    files. DataError with the place for a character that the vocabulary lacks, and for an empty source."""
    if isinstance(vocabulary, Bytes) and len(source.paths) == 1 and source.paths[0].stat().st_size:
        return np.memmap(source.paths[0], np.uint8, "r")
    if source.text is not None:
        found = list(_pieces(name, source, vocabulary))
        ids = np.concatenate(found) if found else np.zeros(0, np.uint8)
    else:
        ids = _in_file(_pieces(name, source, vocabulary), id_type(vocabulary.size))
    if not len(ids):
        raise empty(source)
    return ids


def counted_characters(vocabulary: Vocabulary, ids: np.ndarray) -> int:
    """Returns how many characters pieces (N,) stand for; bytes count as characters."""
    return len(ids) if not isinstance(vocabulary, Tokens) else vocabulary.characters(ids)


def empty(source: Source) -> DataError:
    """Returns the error for a source without any text."""
    return DataError("expected a text, got an empty one", path=source.paths[0] if source.paths else None)


def refuse_bytes(name: str, source: Source) -> None:
    """Raises TypeError for bytes where characters are wanted."""
    if isinstance(source.text, bytes):
        raise TypeError(f"{name}: expected a str, got bytes; they are for level='bytes'")


def _pieces(name: str, source: Source, vocabulary: Vocabulary) -> Iterator[np.ndarray]:
    if isinstance(vocabulary, Bytes):
        yield from map(vocabulary.encode, source.raw_blocks())
        return
    refuse_bytes(name, source)
    if isinstance(vocabulary, Tokens):
        yield from vocabulary.encode_blocks(source.blocks())
        return
    before = 0
    for block in source.blocks():
        try:
            yield vocabulary.encode(block)
        except UnknownCharacter as error:
            path, line, column = source.place(before + error.place)
            where = f"{name}: " if path is None else ""
            raise DataError(
                f"{where}{error} at line {line}, column {column}; train on a text that has it, or with unknown='skip'",
                path=path,
            ) from None
        before += len(block)


def _in_file(pieces: Iterator[np.ndarray], kind: np.dtype[Any]) -> np.ndarray:
    """Returns pieces written to a temporary file, which is gone when the array is."""
    with tempfile.TemporaryFile() as file:  # the array holds it open
        for part in pieces:
            file.write(part.astype(kind, copy=False).data)
        file.flush()
        return np.memmap(file, kind, "r") if file.tell() else np.zeros(0, kind)  # type: ignore[call-overload]
