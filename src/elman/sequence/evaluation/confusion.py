"""Which class was taken for which, and the errors of each class."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["ClassErrors", "Confusion"]


class ClassErrors(NamedTuple):
    """How one class fared.

    total      sequences, or steps, that have it;  predicted   for which it was predicted;  right   both
    confused   the class for which it was taken most often, so many `times`; None: for none
    """

    label: Any
    total: int
    predicted: int
    right: int
    confused: Any
    times: int

    @property
    def precision(self) -> float:
        """The share of the predictions of the class that are right; NaN where there is none."""
        return self.right / self.predicted if self.predicted else float("nan")

    @property
    def recall(self) -> float:
        """The share of the class that was found; NaN where nothing has it."""
        return self.right / self.total if self.total else float("nan")


class Confusion(NamedTuple):
    """Counts (K, K) of true classes (rows) and predicted ones (columns), in the order of `labels`."""

    labels: list[Any]
    counts: np.ndarray

    @classmethod
    def of(cls, true: np.ndarray, predicted: np.ndarray) -> Confusion:
        """Returns the counts of two arrays of classes (n,)."""
        pairs = true.tolist(), predicted.tolist()
        try:
            labels = sorted({*pairs[0], *pairs[1]})
        except TypeError:  # strings beside numbers
            labels = sorted({*pairs[0], *pairs[1]}, key=lambda label: (type(label).__name__, str(label)))
        places = {label: k for k, label in enumerate(labels)}
        counts = np.zeros((len(labels), len(labels)), np.int64)
        rows, columns = ([places[label] for label in each] for each in pairs)
        np.add.at(counts, (rows, columns), 1)
        return cls(labels, counts)

    @property
    def accuracy(self) -> float:
        """The share of right predictions."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def balanced_accuracy(self) -> float:
        """The mean of the recalls of the classes that there are."""
        return float(np.nanmean([each.recall for each in self.by_class()]))

    def by_class(self) -> list[ClassErrors]:
        """Returns the errors of each class."""
        found: list[ClassErrors] = []
        for k, label in enumerate(self.labels):
            others = self.counts[k].copy()
            others[k] = 0
            most = int(others.argmax())
            confused = self.labels[most] if others[most] else None
            found.append(
                ClassErrors(label, int(self.counts[k].sum()), int(self.counts[:, k].sum()), int(self.counts[k, k]),
                            confused, int(others[most]))
            )  # fmt: skip
        return found

    def most_confused(self) -> tuple[Any, Any, int] | None:
        """Returns the true class, the class for which it was taken, and how often, of the most frequent error."""
        worst = max(self.by_class(), key=lambda each: each.times)
        return (worst.label, worst.confused, worst.times) if worst.times else None
