"""`SequenceClassifier`: one class, or several labels, for each sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin

from elman.estimators.base import Constraints
from elman.sequence.estimator import SequenceEstimator
from elman.sequence.options import CLASS_WEIGHT, CONSTRAINTS
from elman.sequence.targets import Classes, Indicators, Numbers, Target, is_indicator
from elman.sequence.training import Data
from elman.sequence.weights import class_weights, sample_weights

__all__ = ["SequenceClassifier"]


class SequenceClassifier(ClassifierMixin, SequenceEstimator):
    """Learns the class of each sequence with recurrent networks.

    X is 2-D (n, T): n sequences of one number a step, as everywhere in scikit-learn; 3-D (n, T, D); or a list of
    sequences (T,), (T, D) of unequal length, of numbers, tokens, or tuples of both.
    """

    _constraints: ClassVar[Constraints] = {**CONSTRAINTS, "class_weight": CLASS_WEIGHT}
    _targets = (Classes, Indicators)
    _file_kind = "sequence classifier"

    def __init__(
        self,
        *,
        hidden_size: int = 32,
        cell: str = "gru",
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "mean+max+last",
        dropout: float = 0.2,
        embedding_size: int = 32,
        min_count: int = 1,
        token_columns: Any = (),
        standardize: bool = True,
        epochs: int | None = None,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        weight_decay: float = 0.01,
        members: int = 5,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        warm_start: bool = False,
        id: str | None = None,
        time: str | None = None,
        progress: bool = False,
        seed: int = 0,
        class_weight: Any = None,
    ) -> None:
        self._store(locals())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _kind_of(self, y: Any) -> type[Any]:
        return Indicators if is_indicator(y) else Classes

    def _weights(self, weight: np.ndarray | None, target: Target, data: Data, options: Mapping[str, Any]) -> Any:
        if isinstance(target, Classes):
            return class_weights(options["class_weight"], target.labels, data.y, weight)
        if options["class_weight"] is not None:
            raise ValueError(f"class_weight: expected None for several labels, got {options['class_weight']!r}")
        return weight

    def _fitted_to(self, target: Target) -> None:
        assert not isinstance(target, Numbers)
        self.classes_ = target.labels.array

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Passes once over n sequences and returns the estimator; the first call needs `classes`, all labels there are.

        Means, standard deviations and vocabularies are those of the first call.
        """
        if classes is None and is_indicator(y):
            return self._partial_fit(X, y, sample_weight, None)
        return self._partial_fit(X, y, sample_weight, self._told(classes, Classes))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Returns the probability of each class, (n, C) in the order of `classes_`; of several labels, of each one."""
        return self._probabilities(X)[1]

    def predict(self, X: Any) -> np.ndarray:
        """Returns the most probable class of each sequence (n,); of several labels, those likelier than not (n, K)."""
        probability = self.predict_proba(X)
        return self.target_.chosen(probability)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Returns the logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Returns log-odds: of the second class of two (n,), of each class (n, C), or of each label (n, K)."""
        probability = self.predict_proba(X)
        tiny = np.finfo(np.float64).tiny
        odds = np.log(np.maximum(probability, tiny)) - np.log(np.maximum(1.0 - probability, tiny))
        return odds[:, 1] if isinstance(self.target_, Classes) and len(self.classes_) == 2 else odds

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Returns the share of sequences whose class, or all of whose labels, are right.

        A label that the fit did not meet counts as wrong, and an UnseenLabelWarning names it.
        """
        self.check_fitted()
        rows, y = self._of_table(X, y, reset=False)
        steps, probability = self._probabilities(rows)
        right = self.target_.right(y, steps.lengths, probability)
        return float(np.average(right, weights=sample_weights(sample_weight, len(right))))
