"""How far one sequence is from another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["edit_distance"]


def edit_distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Returns the smallest number of insertions, deletions and substitutions that turn a into b (Levenshtein 1966)."""
    numbers: dict[Any, int] = {}
    one, other = ([numbers.setdefault(item, len(numbers)) for item in items] for items in (a, b))
    goal, column = np.array(other, np.int64), np.arange(len(other) + 1)
    row = column.copy()
    for i, item in enumerate(one, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (goal != item))  # deletions and substitutions
        row = np.concatenate([[i], best]) - column
        row = np.minimum.accumulate(row) + column  # insertions, all at once
    return int(row[-1])
