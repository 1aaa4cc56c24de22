"""What simple rules write, beside which a model's score means something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from elman.pieces.symbols import taken

__all__ = ["frequent_target", "nearest_targets"]


def frequent_target(targets: Sequence[Any], count: int) -> list[Any]:
    """Returns the most frequent target, `count` times."""
    (most,) = Counter(map(_hashable, targets)).most_common(1)
    found = next(target for target in targets if _hashable(target) == most[0])
    return [found] * count


def nearest_targets(known: Any, targets: Sequence[Any], sources: Any, level: str | None) -> list[Any]:
    """Returns, for each source, the target of the nearest known source.

    level   texts of these pieces: nearest by the cosine of their counts of runs of pieces, weighted by how rare a run
            is (TF-IDF): runs of one and two words or tokens, of one to three characters. None: sources are vectors,
            nearest by Euclid's distance
    """
    if level is None:
        one, other = (np.asarray(values, np.float64) for values in (known, sources))
        square = (one**2).sum(axis=1)
        return [targets[int((square - 2.0 * one @ row).argmin())] for row in other]
    runs = [Counter(_runs(text, level)) for text in known]
    numbers = {run: number for number, run in enumerate(dict.fromkeys(run for each in runs for run in each))}
    rows = np.repeat(np.arange(len(runs)), [len(each) for each in runs])
    columns = np.array([numbers[run] for each in runs for run in each], np.int64)
    counts = np.array([count for each in runs for count in each.values()], np.float64)
    rarity = np.log((1.0 + len(runs)) / (1.0 + np.bincount(columns, minlength=len(numbers)))) + 1.0
    weights = counts * rarity[columns]
    weights /= np.maximum(np.sqrt(np.bincount(rows, weights**2, len(runs))), 1e-12)[rows]
    order = np.argsort(columns, kind="stable")  # so that the rows that hold a run lie together
    rows, weights = rows[order], weights[order]
    begins = np.searchsorted(columns[order], np.arange(len(numbers) + 1))
    found: list[Any] = []
    for text in sources:
        scores = np.zeros(len(runs))
        for run, count in Counter(_runs(text, level)).items():
            if (number := numbers.get(run)) is not None:
                holding = slice(begins[number], begins[number + 1])
                scores[rows[holding]] += count * rarity[number] * weights[holding]
        found.append(targets[int(scores.argmax())])
    return found


def _runs(text: Any, level: str) -> Iterator[Any]:
    """Yields the runs of pieces of a text, of one piece on."""
    characters = level == "characters"
    pieces = taken("tokens" if level == "tokens" else "characters" if characters else "words", text)
    for length in range(1, 4 if characters else 3):
        for begin in range(len(pieces) - length + 1):
            run = pieces[begin : begin + length]
            yield run if isinstance(run, str) else tuple(run)


def _hashable(target: Any) -> Any:
    return target if isinstance(target, str) else tuple(target)
