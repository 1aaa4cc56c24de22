"""`SequenceTagger`: one label for each step of each sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from elman.estimators.base import Constraints
from elman.sequence.estimator import SequenceEstimator
from elman.sequence.options import CLASS_WEIGHT, CONSTRAINTS
from elman.sequence.steps import split
from elman.sequence.targets import Tags, Target
from elman.sequence.training import Data
from elman.sequence.weights import class_weights, sample_weights

__all__ = ["SequenceTagger"]


class SequenceTagger(SequenceEstimator):
    """Learns a label for each step of each sequence with recurrent networks: tags of words, states of a signal.

    X is 2-D (n, T): n sequences of one number a step, as everywhere in scikit-learn; 3-D (n, T, D); or a list of
    sequences (T,), (T, D) of unequal length, of numbers, tokens, or tuples of both. y has one label for each step: a
    list of sequences (T,), or (n, T).
    """

    _constraints: ClassVar[Constraints] = {
        **{name: checks for name, checks in CONSTRAINTS.items() if name != "pooling"},
        "class_weight": CLASS_WEIGHT,
    }
    _targets = (Tags,)
    _by_step = True
    _file_kind = "sequence tagger"

    def __init__(
        self,
        *,
        hidden_size: int = 32,
        cell: str = "gru",
        num_layers: int = 1,
        bidirectional: bool = True,
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

    def _weights(self, weight: np.ndarray | None, target: Target, data: Data, options: Mapping[str, Any]) -> Any:
        assert isinstance(target, Tags)
        by_step = None if weight is None else np.repeat(weight, data.steps.lengths)
        return class_weights(options["class_weight"], target.labels, data.y, by_step)

    def _fitted_to(self, target: Target) -> None:
        assert isinstance(target, Tags)
        self.classes_ = target.labels.array

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Passes once over n sequences and returns the estimator; the first call needs `classes`, all labels there are.

        Means, standard deviations and vocabularies are those of the first call.
        """
        return self._partial_fit(X, y, sample_weight, self._told(classes, Tags))

    def predict_proba(self, X: Any) -> list[np.ndarray]:
        """Returns the probability of each class at each step: n arrays (T, C), in the order of `classes_`."""
        steps, probability = self._probabilities(X)
        return split(probability, steps.lengths)

    def predict(self, X: Any) -> list[np.ndarray]:
        """Returns the most probable label of each step: n arrays (T,)."""
        steps, probability = self._probabilities(X)
        return split(self.target_.chosen(probability), steps.lengths)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Returns the share of steps whose label is right; `sample_weight` weighs sequences.

        A label that the fit did not meet counts as wrong, and an UnseenLabelWarning names it.
        """
        self.check_fitted()
        rows, y = self._of_table(X, y, reset=False)
        steps, probability = self._probabilities(rows)
        right = self.target_.right(y, steps.lengths, probability)
        weight = sample_weights(sample_weight, len(steps.lengths))
        return float(np.average(right, weights=None if weight is None else np.repeat(weight, steps.lengths)))
