"""Pairs of sources and targets: their vocabularies, and what a network reads of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.pieces.symbols import LEVELS, Pieces, learned_pieces
from elman.seq2seq.network import SOURCE
from elman.seq2seq.sources import TEXTS, Features, Read, encoded_texts, kind_of, padded_ids, read_features, scaled
from elman.series.errors import DataError

__all__ = [
    "Pairs",
    "Policy",
    "check_counts",
    "learned_vocabularies",
    "read_pairs",
    "read_sources",
    "two_levels",
    "without_long",
]


class Policy(NamedTuple):
    """Which pieces a vocabulary has, and what any other piece is; see `learned_pieces`."""

    vocabulary_size: int
    min_count: int
    unknown: str


class Pairs(NamedTuple):
    """Sources and targets as the network reads them: n rows."""

    source: Read
    x: np.ndarray  # (n, T) ids: the mark, then the target
    y: np.ndarray  # (n, T) ids: the target, then the mark
    lengths: np.ndarray  # int64 (n,), of both

    def take(self, rows: np.ndarray) -> Pairs:
        return Pairs(self.source.take(rows), self.x[rows], self.y[rows], self.lengths[rows])

    @property
    def batch(self) -> dict[str, Any]:
        """Returns them as the arguments of `Trainer.fit` and `Network.loss`."""
        lengths = {"x": self.lengths}
        if self.source.lengths is not None:
            lengths[SOURCE] = self.source.lengths
        return {"x": {"x": self.x, SOURCE: self.source.values}, "y": self.y, "lengths": lengths}


def two_levels(name: str, value: Any) -> tuple[str, str]:
    """Accepts a pair of levels."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name}: expected one of {', '.join(LEVELS)}, or a pair of them, got {checks.shown(value)}")
    return checks.choice(f"{name}[0]", value[0], LEVELS), checks.choice(f"{name}[1]", value[1], LEVELS)


def learned_vocabularies(
    sources: Any, targets: Sequence[Any], level: str | Sequence[str], policy: Policy, *, shared: bool
) -> tuple[Pieces | Features, Pieces]:
    """Returns the vocabularies of training pairs, one where it is shared; of sources of numbers, how they are scaled.
    ValueError, TypeError or DataError for what has none."""
    kind = kind_of("sources", sources)
    check_counts(sources, targets)
    one, other = (level, level) if isinstance(level, str) else level
    if not shared:
        source = _learned("sources", sources, one, policy) if kind == TEXTS else scaled("sources", sources, kind)
        return source, _learned("targets", targets, other, policy)
    if kind != TEXTS or one != other:
        raise ValueError(f"shared: expected sources and targets of one level, got {kind} and {level!r}")
    both = _learned("sources and targets", [*sources, *targets], one, policy)
    return both, both


def read_pairs(
    source: Pieces | Features, target: Pieces, sources: Any, targets: Sequence[Any], name: str = ""
) -> Pairs:
    """Returns pairs as the network reads them; `name` begins the names of both in messages. ValueError, TypeError or
    DataError, with the place, for what cannot be read."""
    check_counts(sources, targets, name)
    ids, end = encoded_texts(f"{name}targets", targets, target, 0), np.array([target.size])
    x, lengths = padded_ids([np.concatenate([end, each]) for each in ids])
    y, _ = padded_ids([np.concatenate([each, end]) for each in ids])
    return Pairs(read_sources(source, sources, name), x, y, lengths)


def read_sources(source: Pieces | Features, sources: Any, name: str = "") -> Read:
    """Returns sources as the network reads them; the errors are those of `read_pairs`."""
    name = f"{name}sources"
    if isinstance(source, Features):
        return read_features(name, sources, source)
    if kind_of(name, sources) != TEXTS:
        raise TypeError(f"{name}: expected texts, as in training, got {checks.shown(sources)}")
    return Read(*padded_ids(encoded_texts(name, sources, source, 1)))


def without_long(pairs: Pairs, longest: int | None) -> Pairs:
    """Returns the pairs whose source and target have at most so many pieces. DataError where there are none."""
    if longest is None:
        return pairs
    short = pairs.lengths <= longest + 1  # with the end
    short &= True if pairs.source.lengths is None else pairs.source.lengths <= longest
    if not short.any():
        raise DataError(f"max_length: expected pairs of at most {longest} pieces, got none")
    return pairs.take(np.flatnonzero(short))


def check_counts(sources: Any, targets: Any, name: str = "") -> None:
    """Raises ValueError where there are not as many targets as sources."""
    kind_of(f"{name}targets", targets)
    if len(sources) != len(targets):
        raise ValueError(f"{name}targets: expected {len(sources)}, one for each source, got {len(targets)}")


def _learned(name: str, texts: Sequence[Any], level: str, policy: Policy) -> Pieces:
    try:
        found = learned_pieces(texts, level, *policy)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    if not found.size:
        raise DataError(f"{name}: expected at least one of the {level}, got none")
    return found
