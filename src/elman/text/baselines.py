"""What simple models make of a text, beside which a network's score means something."""

from __future__ import annotations

import bz2
import lzma
import math
from collections.abc import Callable

import numpy as np

__all__ = ["compressor_bits", "ngram_nats", "order_for", "unigram_nats"]

ORDER = 6  # pieces of the longest n-gram
MOST = 1 << 21  # pieces, the last before the others, that n-grams and compressors learn from


def unigram_nats(known: np.ndarray, ids: np.ndarray, size: int) -> float:
    """Returns the nats of pieces (N,) by how often each stands in the pieces `known`; each counts once more, so that
    none is impossible."""
    parts = np.array_split(known, 1 + len(known) // MOST)
    counts = 1.0 + np.sum([np.bincount(part, minlength=size) for part in parts], axis=0)
    return float(-np.log(counts / counts.sum())[ids].sum())


def ngram_nats(known: np.ndarray, ids: np.ndarray, size: int) -> float:
    """Returns the nats of pieces (N,) by an interpolated n-gram model of the pieces `known` (their last 2^21), with the
    estimate of Witten and Bell (1991): after a context that was followed by u different pieces in n places,
    p(piece) = (count + u p(piece by the context without its first)) / (n + u); without any context 1 / size."""
    order, known = order_for(size), known[-MOST:].astype(np.int64)
    tail = np.concatenate([known[-(order - 1) :], ids.astype(np.int64)])
    begin = len(tail) - len(ids)
    p = np.full(len(ids), 1.0 / size)
    for length in range(order):  # of the context
        if len(known) <= length:
            break
        grams, after = _keys(known, length, size), _keys(tail, length, size)[begin - length :]
        known_grams, counts = np.unique(grams, return_counts=True)
        known_contexts, first = np.unique(known_grams // size, return_index=True)
        totals = np.add.reduceat(counts, first)
        kinds = np.diff(np.append(first, len(known_grams)))
        at, found = _looked_up(known_contexts, after // size)
        n, u = np.where(found, totals[at], 0.0), np.where(found, kinds[at], 0.0)
        there, seen = _looked_up(known_grams, after)
        count = np.where(seen, counts[there], 0.0)
        with np.errstate(invalid="ignore"):
            p = np.where(found, (count + u * p) / (n + u), p)
    return float(-np.log(p).sum())


def compressor_bits(known: bytes, text: bytes) -> dict[str, float]:
    """Returns how many bits two compressors need for a text behind what they know: the difference that it makes."""

    def difference(compress: Callable[[bytes], bytes]) -> float:
        return 8.0 * (len(compress(known + text)) - len(compress(known)))

    return {
        "xz": difference(lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)),
        "bzip2": difference(lambda data: bz2.compress(data, 9)),
    }


def _keys(ids: np.ndarray, context: int, size: int) -> np.ndarray:
    """Returns a number for each run of `context` pieces and the piece behind it, (N - context,); the piece is its
    remainder by `size`."""
    keys = ids[: len(ids) - context].copy()
    for k in range(1, context + 1):
        keys = keys * size + ids[k : len(ids) - context + k]
    return keys


def _looked_up(known: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns where each number stands among sorted ones, and whether it does."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at, known[at] == wanted


def order_for(size: int) -> int:
    """Returns the longest n-gram, at most ORDER, whose number is below 2^62."""
    return max(1, min(ORDER, int(62 * math.log(2) / math.log(size))))
