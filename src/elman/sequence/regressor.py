"""`SequenceRegressor`: one number, or several, for each sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from elman.sequence.estimator import SequenceEstimator
from elman.sequence.targets import Numbers, Target

__all__ = ["SequenceRegressor"]


class SequenceRegressor(RegressorMixin, SequenceEstimator):
    """Learns numbers of each sequence, one or several, with recurrent networks.

    X is 2-D (n, T): n sequences of one number a step, as everywhere in scikit-learn; 3-D (n, T, D); or a list of
    sequences (T,), (T, D) of unequal length, of numbers, tokens, or tuples of both. y is (n,) or (n, O).
    """

    _targets = (Numbers,)
    _file_kind = "sequence regressor"

    def __init__(
        self,
        *,
        hidden_size: int = 32,
        cell: str = "gru",
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "mean+max+last",
        dropout: float = 0.0,
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
    ) -> None:
        self._store(locals())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _target_of(self, kind: type[Any], values: np.ndarray, options: Mapping[str, Any]) -> Target:
        return Numbers.of(values, options["standardize"])

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Passes once over n sequences and returns the estimator; means, standard deviations and vocabularies are those
        of the first call."""
        return self._partial_fit(X, y, sample_weight, None)

    def predict(self, X: Any) -> np.ndarray:
        """Returns the numbers of each sequence, (n,) or (n, O) as y was: the means of those of all networks."""
        _, found = self._outputs(X)
        return self.target_.decode(np.asarray(np.mean(found, axis=0, dtype=np.float64)))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Returns the coefficient of determination, R^2, of the predictions; of several targets, the mean of theirs."""
        self.check_fitted()
        return super().score(*self._of_table(X, y, reset=False), sample_weight)
