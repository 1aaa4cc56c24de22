"""`SequenceRegressor`: one number, or several, for each sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array

from elman.estimators.ensemble import OnProgress
from elman.sequence.estimator import SequenceEstimator
from elman.sequence.labels import check_count
from elman.sequence.model import Targets
from elman.sequence.options import CONSTRAINTS
from elman.sequence.saved import REGRESSOR, FittedRegressor

__all__ = ["SequenceRegressor"]


class SequenceRegressor(RegressorMixin, SequenceEstimator):
    """Learns numbers of each sequence, one or several, with recurrent networks.

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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, on_progress: OnProgress | None = None
    ) -> SequenceRegressor:
        """Learns the numbers y, (n,) or (n, O), of n sequences and returns the estimator."""
        options = self.checked_options()
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        steps = self._read(X, reset=True)
        values = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        n = len(steps.lengths)
        check_count("y", len(values), n)
        weight = self._weights(sample_weight, n)
        single = values.ndim == 1
        columns = values.reshape(n, -1)
        mean, scale = columns.mean(axis=0), columns.std(axis=0)
        if not options["standardize"]:
            mean, scale = np.zeros_like(mean), np.ones_like(scale)
        scale = np.where(scale > 1e-12 * np.maximum(1.0, np.abs(mean)), scale, 1.0)
        targets = Targets(((columns - mean) / scale).astype(np.float32), "mse", len(mean), weight=weight)
        self._train(steps, targets, options, on_progress)
        self._target_mean, self._target_scale, self._single = mean, scale, single
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Returns the numbers of each sequence, (n,) or (n, O) as y was."""
        _, found = self._outputs(X)
        values = np.mean(found, axis=0, dtype=np.float64) * self._target_scale + self._target_mean
        return values[:, 0] if self._single else values

    _file_kind, _codec = "sequence regressor", REGRESSOR

    def _fitted(self) -> FittedRegressor:
        return FittedRegressor(self._common(), self._target_mean, self._target_scale, self._single)

    def _restore(self, fitted: FittedRegressor) -> None:
        self._restore_common(fitted.common)
        self._target_mean, self._target_scale, self._single = fitted.mean, fitted.scale, fitted.single
