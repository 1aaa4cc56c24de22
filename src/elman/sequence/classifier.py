"""`SequenceClassifier`: one class for each sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from elman.estimators.ensemble import OnProgress
from elman.sequence.estimator import SequenceEstimator
from elman.sequence.labels import check_count, classes_of, encode, read_labels
from elman.sequence.model import Targets, softmax
from elman.sequence.options import CONSTRAINTS
from elman.sequence.saved import CLASSIFIER, FittedClassifier, Labels

__all__ = ["SequenceClassifier"]


class SequenceClassifier(ClassifierMixin, SequenceEstimator):
    """Learns the class of each sequence with recurrent networks.

    X is 2-D (n, T): n sequences of one number a step, as everywhere in scikit-learn; 3-D (n, T, D); or a list of
    sequences (T,), (T, D) of unequal length, of numbers, tokens, or tuples of both.
    """

    _constraints = {**CONSTRAINTS}

    def __init__(
        self,
        *,
        hidden_size: int = 32,
        cell: str = "gru",
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: str = "last",
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
    ) -> SequenceClassifier:
        """Learns the classes y (n,) of n sequences and returns the estimator."""
        options = self.checked_options()
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        steps = self._read(X, reset=True)
        labels = read_labels(y)
        n = len(steps.lengths)
        check_count("y", len(labels), n)
        weight = self._weights(sample_weight, n)
        if weight is not None and not weight.all():
            kept = np.flatnonzero(weight)
            steps, labels, weight = steps.take(kept), labels[kept], weight[kept]
        classes = classes_of(labels)
        if len(classes) < 2:
            raise ValueError(f"y: expected at least two classes, got one class alone: {classes.tolist()[0]!r}")
        targets = Targets(encode(labels, classes), "cross_entropy", len(classes), weight=weight)
        self._train(steps, targets, options, on_progress)
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Returns the probability of each class, (n, C), in the order of `classes_`."""
        _, found = self._outputs(X)
        return np.mean([softmax(each) for each in found], axis=0)

    def predict(self, X: Any) -> np.ndarray:
        """Returns the most probable class of each sequence, (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    _file_kind, _codec = "sequence classifier", CLASSIFIER

    def _fitted(self) -> FittedClassifier:
        return FittedClassifier(self._common(), Labels.of(self.classes_), False)

    def _restore(self, fitted: FittedClassifier) -> None:
        self._restore_common(fitted.common)
        self.classes_ = fitted.classes.array()
