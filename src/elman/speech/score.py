"""How many labels are wrong: edit distance, label error rate with its interval, and what answers that do not listen
score."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.pieces.distance import edit_distance

__all__ = ["SpeechScore", "baselines", "score_of", "wilson"]

DRAWS = 2000
COVERAGE = 95  # percent
Z = 1.959964  # of the normal distribution, for this coverage


class SpeechScore(NamedTuple):
    """How well labels are recognised.

    label_error_rate  labels put in, left out or exchanged, divided by the labels that were said; it may be above 1
    low, high         its 95 % interval: sounds drawn with replacement, 2000 times; where there is no error or one sound
                      alone, of which drawing says nothing, Wilson's interval of the labels
    exact             share of the sounds without any error;  exact_low, exact_high   Wilson's 95 % interval
    errors, labels, sounds   what was counted
    loss              mean of CTC's loss, nats a sound; None where it was not asked for
    """

    label_error_rate: float
    low: float
    high: float
    exact: float
    exact_low: float
    exact_high: float
    errors: int
    labels: int
    sounds: int
    loss: float | None = None


def score_of(
    said: Sequence[Sequence[object]], found: Sequence[Sequence[object]], loss: float | None = None, seed: int = 0
) -> SpeechScore:
    """Returns the score of what was found in sounds beside what is said in them; `seed` is that of the interval.
    ValueError where nothing is said in any."""
    errors = np.array([edit_distance(one, other) for one, other in zip(said, found, strict=True)])
    labels = np.array([len(one) for one in said])
    if not labels.sum():
        raise ValueError("labels: expected at least one label in all sounds together, got none")
    rate, right = errors.sum() / labels.sum(), int((errors == 0).sum())
    if right == len(errors) or (len(errors) == 1 and rate <= 1.0):
        low, high = wilson(int(errors.sum()), int(labels.sum()))
    else:
        low, high = _bootstrap(errors, labels, seed)
    return SpeechScore(
        float(rate), low, high, right / len(errors), *wilson(right, len(errors)), int(errors.sum()), int(labels.sum()),
        len(errors), loss,
    )  # fmt: skip


def baselines(known: Sequence[np.ndarray], said: Sequence[np.ndarray]) -> dict[str, SpeechScore]:
    """Returns the scores, on what is said in sounds, int64 (U,) each, of answers that are the same for each sound.

    known   what is said in the sounds that were learned from: the answers are the sequence that is said most often
            there, and the most frequent label as often as the mean number of labels
    """
    sequences = Counter(tuple(each.tolist()) for each in known)
    labels = Counter(label for each in known for label in each.tolist())
    length = round(sum(map(len, known)) / len(known))
    answers = {
        "most frequent sequence": [*max(sequences.items(), key=lambda pair: (pair[1], pair[0]))[0]],
        "most frequent label, repeated": [max(labels.items(), key=lambda pair: (pair[1], pair[0]))[0]] * length,
    }
    return {name: score_of([each.tolist() for each in said], [answer] * len(said)) for name, answer in answers.items()}


def wilson(count: int, of: int) -> tuple[float, float]:
    """Returns Wilson's 95 % interval of a share, `count` of so many."""
    share, more = count / of, Z * Z / of
    middle, half = share + more / 2, Z * math.sqrt(share * (1 - share) / of + more / (4 * of))
    return max(0.0, (middle - half) / (1 + more)), min(1.0, (middle + half) / (1 + more))


def _bootstrap(errors: np.ndarray, labels: np.ndarray, seed: int) -> tuple[float, float]:
    rng, n = np.random.default_rng(seed), len(errors)
    rates = np.empty(DRAWS)
    for i in range(DRAWS):
        drawn = rng.integers(0, n, n)
        rates[i] = errors[drawn].sum() / max(1, labels[drawn].sum())
    low, high = np.quantile(rates, [0.5 - COVERAGE / 200, 0.5 + COVERAGE / 200])
    return float(low), float(high)
