"""`SequenceTagger`: one label for each step of each sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.estimators.ensemble import OnProgress
from elman.sequence.estimator import SequenceEstimator
from elman.sequence.labels import check_count, classes_of, encode, read_labels
from elman.sequence.model import Targets, softmax
from elman.sequence.options import CONSTRAINTS
from elman.sequence.saved import TAGGER, FittedTagger, Labels
from elman.sequence.steps import Steps, split

__all__ = ["SequenceTagger"]


class SequenceTagger(SequenceEstimator):
    """Learns a label for each step of each sequence with recurrent networks: tags of words, states of a signal.

    X is 2-D (n, T): n sequences of one number a step, as everywhere in scikit-learn; 3-D (n, T, D); or a list of
    sequences (T,), (T, D) of unequal length, of numbers, tokens, or tuples of both. y has one label for each step: a
    list of sequences (T,), or (n, T).
    """

    _constraints = {name: check for name, check in CONSTRAINTS.items() if name != "pooling"}
    _by_step = True

    def __init__(
        self,
        *,
        hidden_size: int = 32,
        cell: str = "gru",
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        embedding_size: int = 32,
        min_count: int = 1,
        token_columns: Any = (),
        standardize: bool = True,
        epochs: int | None = None,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        weight_decay: float = 0.01,
        members: int = 1,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        warm_start: bool = False,
        id: str | None = None,
        time: str | None = None,
        progress: bool = False,
        seed: int = 0,
    ) -> None:
        self._store(locals())

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, on_progress: OnProgress | None = None
    ) -> SequenceTagger:
        """Learns the labels of all steps of n sequences and returns the estimator."""
        options = self.checked_options()
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        steps = self._read(X, reset=True)
        labels = _tags(y, steps)
        weight = self._weights(sample_weight, len(steps.lengths))
        by_step = None if weight is None else np.repeat(weight, steps.lengths)
        classes = classes_of(labels)
        if len(classes) < 2:
            raise ValueError(f"y: expected at least two classes, got one class alone: {classes.tolist()[0]!r}")
        targets = Targets(encode(labels, classes), "cross_entropy", len(classes), weight=by_step, by_step=True)
        self._train(steps, targets, options, on_progress)
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any) -> list[np.ndarray]:
        """Returns the probability of each class at each step: n arrays (T, C), in the order of `classes_`."""
        steps, found = self._outputs(X)
        return split(np.mean([softmax(each) for each in found], axis=0), steps.lengths)

    def predict(self, X: Any) -> list[np.ndarray]:
        """Returns the most probable label of each step: n arrays (T,)."""
        return [self.classes_[each.argmax(axis=1)] for each in self.predict_proba(X)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Returns the share of steps whose label is right; `sample_weight` weighs sequences."""
        self.check_fitted()
        steps = self._read(X, reset=False)
        right = np.concatenate(self.predict(X)) == _tags(y, steps)
        weight = self._weights(sample_weight, len(steps.lengths))
        return float(np.average(right, weights=None if weight is None else np.repeat(weight, steps.lengths)))

    _file_kind, _codec = "sequence tagger", TAGGER

    def _fitted(self) -> FittedTagger:
        return FittedTagger(self._common(), Labels.of(self.classes_))

    def _restore(self, fitted: FittedTagger) -> None:
        self._restore_common(fitted.common)
        self.classes_ = fitted.classes.array()


def _tags(y: Any, steps: Steps) -> np.ndarray:
    """Returns the labels of all steps end to end, (N,)."""
    check_count("y", len(y), len(steps.lengths))
    rows = [read_labels(row, f"y[{i}]") for i, row in enumerate(y)]
    for i, (row, length) in enumerate(zip(rows, steps.lengths.tolist(), strict=True)):
        if len(row) != length:
            raise ValueError(f"y[{i}]: expected {length} labels, one for each step of X[{i}], got {len(row)}")
    kinds = {row.dtype.kind for row in rows}
    if len(kinds) > 1 and kinds & {*"USO"}:
        rows = [row.astype(object) for row in rows]
    return np.concatenate(rows)
