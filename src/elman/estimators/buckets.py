"""Batches of sequences of similar lengths, drawn anew for each epoch."""

from __future__ import annotations

import numpy as np

__all__ = ["batches_by_length"]

POOL = 16  # batches whose sequences are ordered by length together


def batches_by_length(
    lengths: np.ndarray, batch_size: int, rng: np.random.Generator, pool: int = POOL
) -> list[np.ndarray]:
    """Returns the rows of each batch of an epoch, a function of the arguments alone: each row is in one batch.

    lengths  whole numbers (n,), of the sequences
    rng      draws the order
    pool     batches whose rows are ordered by length together; 1: every batch is drawn from all rows

    The rows are drawn in any order and cut into pools of `pool` batches. Within a pool they are ordered by length, so
    that each batch has rows of similar lengths; then the batches are drawn in any order. All batches have `batch_size`
    rows but one.
    """
    order = rng.permutation(len(lengths))
    batches: list[np.ndarray] = []
    for begin in range(0, len(order), batch_size * pool):
        rows = order[begin : begin + batch_size * pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[first : first + batch_size] for first in range(0, len(rows), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]
