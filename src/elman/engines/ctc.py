"""The CTC loss of outputs that lie in an array, and the search for their labels: by the compiled core or the
reference."""

from __future__ import annotations

import numpy as np

from elman.core.losses import CTC
from elman.engines.reference.decoding.ctc import prefix_beam
from elman.engines.reference.losses.ctc import ctc, log_softmax
from elman.engines.select import compiled

__all__ = ["beam", "value_and_gradient"]


def value_and_gradient(
    loss: CTC, outputs: np.ndarray, lengths: np.ndarray, y: np.ndarray, y_lengths: np.ndarray, gradient: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns each row's term, float64 (B,), and its derivative by the outputs, 0 past the lengths, if that is wanted.

    outputs (B, T, O) contiguous, lengths (B,) int64; y (B, U) int64, y_lengths (B,) int64; all already checked
    """
    if compiled() is None:
        values, slopes = ctc(loss, outputs.astype(np.float64), lengths, y, y_lengths)
        return values, slopes.astype(outputs.dtype) if gradient else None
    from elman import _native  # type: ignore[attr-defined]

    values, slopes = np.empty(len(outputs)), np.zeros_like(outputs) if gradient else None
    _native.ctc_loss(
        outputs=outputs,
        lengths=lengths,
        labels=np.ascontiguousarray(y),
        counts=y_lengths,
        **loss.constants(),
        values=values,
        gradient=slopes,
    )
    return values, slopes


def beam(
    outputs: np.ndarray, lengths: np.ndarray, blank: int, size: int, best: int
) -> list[list[tuple[np.ndarray, float]]]:
    """Returns for each row the labels of its `best` most probable prefixes in a beam of `size`, and the logarithms of
    their probabilities."""
    found: list[list[tuple[np.ndarray, float]]] = []
    if compiled() is None:
        for row, length in zip(outputs, lengths, strict=True):
            log_y = log_softmax(row[:length].astype(np.float64))
            kept = prefix_beam(log_y, blank, size)[:best]
            found.append([(np.array(labels, np.int64), log_p) for labels, log_p in kept])
        return found
    from elman import _native  # type: ignore[attr-defined]

    n, steps, _ = outputs.shape
    labels = np.empty((n, best, steps), np.int64)
    counts, log_p = np.empty((n, best), np.int64), np.empty((n, best))
    _native.ctc_beam(
        outputs=outputs, lengths=lengths, blank=blank, size=size, labels=labels, counts=counts, log_p=log_p
    )
    for row in range(n):
        kept = int((counts[row] >= 0).sum())
        found.append([(labels[row, k, : counts[row, k]].copy(), float(log_p[row, k])) for k in range(kept)])
    return found
