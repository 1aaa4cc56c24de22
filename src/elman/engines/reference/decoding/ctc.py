"""Decoding by connectionist temporal classification, one row at a time: the search for the most probable labels, and
the best path of given ones. `losses/ctc.py` has the sum over all paths, and the words that are used here."""

from __future__ import annotations

import numpy as np

from ..losses.ctc import may_skip, with_blanks

__all__ = ["best_path", "prefix_beam"]

Prefix = tuple[int, ...]


def prefix_beam(log_y: np.ndarray, blank: int, beam: int) -> list[tuple[Prefix, float]]:
    """Returns the most probable labels and the logarithms of their probabilities, the most probable first (Hannun et
    al. 2014, without a language model).

    log_y (T, O) log softmax of the outputs. Of every prefix in the beam two sums over its paths are kept: of those that
    end at a blank, and of the others. Of equal ones the earlier is kept: those that stay before those that grow, these
    by the rank of what they grew from, then by their label.
    """
    kept: list[tuple[Prefix, float, float]] = [((), 0.0, -np.inf)]
    for now in log_y:
        sums = {prefix: [np.logaddexp(ends, goes) + now[blank], -np.inf] for prefix, ends, goes in kept}
        for prefix, _, goes in kept:
            if prefix:
                sums[prefix][1] = goes + now[prefix[-1]]
        for prefix, ends, goes in kept:
            for label in np.delete(np.arange(len(now)), blank).tolist():
                begun = ends if prefix[-1:] == (label,) else np.logaddexp(ends, goes)
                if np.isneginf(begun):
                    continue  # equal labels, and no blank yet between them
                grown = sums.setdefault((*prefix, label), [-np.inf, -np.inf])
                grown[1] = np.logaddexp(grown[1], begun + now[label])
        kept = [(prefix, ends, goes) for prefix, (ends, goes) in sums.items()]
        kept = sorted(kept, key=lambda one: -np.logaddexp(one[1], one[2]))[:beam]
    return [(prefix, float(np.logaddexp(ends, goes))) for prefix, ends, goes in kept]


def best_path(log_y: np.ndarray, labels: np.ndarray, blank: int) -> tuple[float, np.ndarray]:
    """Returns the logarithm of the probability of the most probable path that gives the labels, and the place in l'
    where it is at each step (T,): 2u + 1 at label u. Minus infinity where there are too few steps for any path.

    log_y (T, O) log softmax of the outputs. Of equal paths the one that moved on later.
    """
    skips = may_skip(labels)
    emitted = log_y[:, with_blanks(labels, blank)]  # (T, S)
    best = np.where(np.arange(emitted.shape[1]) < 2, emitted[0], -np.inf)
    moves = np.zeros(emitted.shape, np.int8)  # from how many places before the best path to here comes
    for t in range(1, len(log_y)):
        before = np.full((3, len(best)), -np.inf)
        before[0], before[1, 1:], before[2, 2:] = best, best[:-1], np.where(skips, np.roll(best, 2), -np.inf)[2:]
        moves[t] = before.argmax(axis=0)
        best = before.max(axis=0) + emitted[t]
    places = np.empty(len(log_y), np.int64)
    place = len(best) - 1 if len(best) == 1 or best[-1] >= best[-2] else len(best) - 2
    probability = float(best[place])
    for t in range(len(log_y) - 1, -1, -1):
        places[t] = place
        place -= int(moves[t, place])
    return probability, places
