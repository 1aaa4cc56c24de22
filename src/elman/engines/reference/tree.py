"""The fixed order in which shards' results are added, whoever computed them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["tree_sum"]

T = TypeVar("T", float, np.ndarray)


def tree_sum(leaves: Sequence[T]) -> T:
    """Returns the sum of the leaves along a binary tree that depends on their number alone.

    sum(lo, hi) = sum(lo, mid) + sum(mid, hi), mid = lo + the largest power of two below hi - lo.
    """
    if len(leaves) == 1:
        return leaves[0]
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    return tree_sum(leaves[:middle]) + tree_sum(leaves[middle:])
