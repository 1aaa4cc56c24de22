"""What an EncoderDecoder reads: texts, sequences of frames, or one vector of features each; checked, and as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.pieces.symbols import Pieces, UnknownPiece
from elman.series.errors import DataError

__all__ = ["Features", "Read", "encoded_texts", "kind_of", "padded_ids", "read_features", "scaled"]

TEXTS, FRAMES, VECTORS = "texts", "frames", "vectors"


@dataclass(frozen=True, eq=False)
class Features:
    """How sources of numbers are scaled: each feature less its mean, over its standard deviation in training.

    kind  "frames": a source is (T, D);  "vectors": it is (D,)
    """

    kind: str
    mean: Annotated[np.ndarray, "float64 (D,)"]
    scale: Annotated[np.ndarray, "float64 (D,)"]

    def validate(self) -> None:
        """Raises ValueError for numbers that scale nothing."""
        checks.choice("kind", self.kind, (FRAMES, VECTORS))
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all() and (self.scale > 0).all()):
            raise ValueError("scale: expected finite means and scales above 0")

    @property
    def size(self) -> int:
        return len(self.mean)


class Read(NamedTuple):
    """Sources as a network reads them: n rows."""

    values: np.ndarray  # (n, S) ids; (n, S, D) or (n, D) float32
    lengths: np.ndarray | None  # int64 (n,); None: one vector each

    def take(self, rows: np.ndarray) -> Read:
        return Read(self.values[rows], None if self.lengths is None else self.lengths[rows])


def kind_of(name: str, sources: Any) -> str:
    """Returns what sources are: "texts" (strings, lists of tokens), "frames" (n arrays (T, D)) or "vectors" (n, D)."""
    if isinstance(sources, str | bytes) or not hasattr(sources, "__len__"):
        raise TypeError(f"{name}: expected a list with one source each, got {checks.shown(sources)}")
    if not len(sources):
        raise DataError(f"{name}: expected at least one, got none")
    if isinstance(sources, np.ndarray) and sources.dtype.kind in "biuf":
        if sources.ndim in (2, 3):
            return VECTORS if sources.ndim == 2 else FRAMES
        raise ValueError(f"{name}: expected vectors (n, D) or frames (n, T, D), got {checks.shown(sources)}")
    first = next(iter(sources))
    if isinstance(first, np.ndarray) and first.ndim == 2:
        return FRAMES
    if isinstance(first, np.ndarray) and first.ndim == 1 and first.dtype.kind == "f":
        return VECTORS
    return TEXTS


def encoded_texts(name: str, texts: Sequence[Any], pieces: Pieces, least: int) -> list[np.ndarray]:
    """Returns the pieces of each text. DataError with its place for one with less than `least` of them, and for an
    unknown piece; TypeError for what is no text."""
    found: list[np.ndarray] = []
    for i, text in enumerate(texts):
        try:
            ids = pieces.encode(text)
        except UnknownPiece as error:
            raise DataError(f"{name}[{i}]: {error}") from None
        except TypeError as error:
            raise TypeError(f"{name}[{i}]: {error}") from None
        if len(ids) < least:
            raise DataError(f"{name}[{i}]: expected at least one piece ({pieces.level}), got {checks.shown(text)}")
        found.append(ids)
    return found


def padded_ids(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows of ids end to end as one array (n, S), zeros behind each, and their lengths (n,)."""
    lengths = np.array([len(row) for row in rows], np.int64)
    values = np.zeros((len(rows), max(1, int(lengths.max()))), np.int32)
    for to, row in zip(values, rows, strict=True):
        to[: len(row)] = row
    return values, lengths


def scaled(name: str, sources: Any, kind: str) -> Features:
    """Returns the scaling that training sources of numbers get."""
    rows = _arrays(name, sources, kind, None)
    steps = np.concatenate(rows) if kind == FRAMES else np.stack(rows)
    mean, scale = steps.mean(axis=0), steps.std(axis=0)
    return Features(kind, mean, np.where(scale > 0, scale, 1.0))


def read_features(name: str, sources: Any, features: Features) -> Read:
    """Returns sources of numbers, scaled."""
    rows = [(row - features.mean) / features.scale for row in _arrays(name, sources, features.kind, features.size)]
    if features.kind == VECTORS:
        return Read(np.stack(rows).astype(np.float32), None)
    lengths = np.array([len(row) for row in rows], np.int64)
    values = np.zeros((len(rows), int(lengths.max()), features.size), np.float32)
    for to, row in zip(values, rows, strict=True):
        to[: len(row)] = row
    return Read(values, lengths)


def _arrays(name: str, sources: Any, kind: str, size: int | None) -> list[np.ndarray]:
    """Returns sources of numbers as float64 arrays of one width. ValueError or DataError with the place of another."""
    if kind_of(name, sources) != kind:
        raise TypeError(f"{name}: expected {kind} as in training, got {checks.shown(sources)}")
    axes = 2 if kind == FRAMES else 1
    found: list[np.ndarray] = []
    for i, source in enumerate(sources):
        array = np.asarray(source, np.float64)
        size = array.shape[-1] if size is None and array.ndim == axes else size
        if array.ndim != axes or array.shape[-1] != size or not size:
            shape = "(T, D)" if kind == FRAMES else "(D,)"
            raise ValueError(f"{name}[{i}]: expected {shape}, D = {size}, got {checks.shown(np.asarray(source))}")
        if not len(array):
            raise DataError(f"{name}[{i}]: expected at least one step, got none")
        if not np.isfinite(array).all():
            place = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
            raise DataError(f"{name}[{i}]: expected finite numbers, got {array[place]} at {place}")
        found.append(array)
    return found
