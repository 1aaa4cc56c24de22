"""Which shards of an update are computed together: subtrees of the tree along which all of them are added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Shards", "Sum", "divide", "join", "subtrees"]

Shards = tuple[int, int]  # shards [first, last), the last not among them
Sum = tuple[float, Any]  # of their losses and gradients


def subtrees(shards: Shards, tree: Shards) -> list[Shards]:
    """Returns the fewest subtrees of a tree that together are some of its shards, left to right.

    tree  all of its shards: [lo, hi) is [lo, mid) and [mid, hi), mid = lo + the largest power of two below hi - lo
    """
    (first, last), (lo, hi) = shards, tree
    if last <= lo or hi <= first:
        return []
    if first <= lo and hi <= last:
        return [tree]
    middle = _middle(lo, hi)
    return subtrees(shards, (lo, middle)) + subtrees(shards, (middle, hi))


def join(sums: dict[Shards, Sum], tree: Shards, add: Callable[[Any, Any], None]) -> Sum:
    """Returns the sum of a tree whose subtrees' sums are given, added in the tree's order, whoever made them.

    add  gradient += other; the gradients given are changed
    """
    if tree in sums:
        return sums[tree]
    middle = _middle(*tree)
    loss, gradient = join(sums, (tree[0], middle), add)
    right, other = join(sums, (middle, tree[1]), add)
    add(gradient, other)
    return loss + right, gradient


def divide(shards: Shards, rates: Sequence[float]) -> list[Shards]:
    """Returns one range of shards for each worker, in proportion to the shards that it computes in a second.

    Where an eighth of a worker's share more or less makes fewer subtrees, and so fewer gradients to send, the range
    ends there. Ranges may be empty.
    """
    first, last = shards
    total, count = sum(rates), last - first
    slack = count / len(rates) / 8
    cuts, passed = [first], 0.0
    for rate in rates[:-1]:
        passed += rate
        exact = first + count * passed / total
        near = range(max(cuts[-1], round(exact - slack)), min(last, round(exact + slack)) + 1)
        cuts.append(max(near or [cuts[-1]], key=lambda cut: (cut & -cut if cut else last, -abs(cut - exact))))
    return list(zip(cuts, [*cuts[1:], last], strict=True))


def _middle(lo: int, hi: int) -> int:
    return lo + (1 << ((hi - lo - 1).bit_length() - 1))
