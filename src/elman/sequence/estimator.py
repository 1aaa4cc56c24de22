"""What estimators of sequences share: how X is read, networks trained and asked, and what a file holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError as SklearnNotFittedError
from sklearn.utils.validation import validate_data

from elman.core import checks
from elman.estimators.base import Estimator, NotFittedError
from elman.estimators.ensemble import OnProgress
from elman.estimators.recipe import Recipe
from elman.network import Network
from elman.sequence import model
from elman.sequence.columns import Columns, fit_columns
from elman.sequence.model import Examples, Targets
from elman.sequence.options import CONSTRAINTS
from elman.sequence.saved import Common
from elman.sequence.steps import Steps, is_tokens, padded, read_steps

__all__ = ["SequenceEstimator"]

LEAST_UPDATES = 600  # of a fit whose `epochs` is None
LEAST_EPOCHS = 20


class _NotFitted(NotFittedError, SklearnNotFittedError):
    """A fitted estimator was needed; both libraries' error of this name."""


class SequenceEstimator(BaseEstimator, Estimator):
    """The base of `SequenceClassifier`, `SequenceRegressor` and `SequenceTagger`.

    What scikit-learn asks of an estimator (its parameters, tags, metadata routing, how it is shown) is scikit-learn's
    own `BaseEstimator`; what elman adds (checked options, files) is `Estimator`.
    """

    _constraints = CONSTRAINTS
    _by_step: ClassVar[bool] = False  # whether there is one target for each step

    def _store(self, given: Mapping[str, Any]) -> None:
        """Stores the arguments of `__init__`, which calls this with its `locals()`, under their names."""
        for name in self._constraints:
            setattr(self, name, given[name])

    def check_fitted(self) -> None:
        """Raises NotFittedError where `fit` was not called, and nothing was loaded from a file."""
        if not self.__sklearn_is_fitted__():
            raise _NotFitted(f"{type(self).__name__}: expected fit to be called before, it was not")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "columns_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags

    # -------------------------------------------------------------------------------------------- X

    def _read(self, x: Any, reset: bool) -> Steps:
        """Returns the sequences of X, compared with those that were fitted to unless `reset`."""
        if x is None:
            raise ValueError("X: expected sequences, got None")
        two_axes = not isinstance(x, list | tuple) and np.ndim(x) != 3
        if two_axes and not is_tokens(x):
            x = validate_data(self, x, reset=reset, ensure_all_finite=False)
        steps = read_steps(x)
        self._check_like_fitted(steps, reset)
        return steps

    def _check_like_fitted(self, steps: Steps, reset: bool) -> None:
        columns, name = steps.values.shape[1], type(self).__name__
        width = int(steps.lengths[0]) if steps.table else columns
        if reset:
            self.n_features_in_, self._table = width, steps.table
        elif steps.table != self._table and not (steps.table and self.n_features_in_ == 1):
            raise ValueError(
                f"X: expected {'2-D numbers (n, T)' if self._table else 'sequences'} as in fit, got "
                f"{'2-D numbers (n, T)' if steps.table else 'sequences'}; in 2-D numbers each row is a whole sequence "
                "of one number a step. Give both fit and predict the same form: 3-D (n, T, D) or a list"
            )
        elif steps.table == self._table and width != self.n_features_in_:
            raise ValueError(
                f"X has {width} features, but {name} is expecting {self.n_features_in_} features as input"
                + (" (2-D X: as many steps as in fit)" if steps.table else "")
            )

    # ------------------------------------------------------------------------------------------ fit

    def _train(
        self, steps: Steps, targets: Targets, options: Mapping[str, Any], on_progress: OnProgress | None
    ) -> None:
        """Trains the networks on checked sequences and targets, and sets what `fit` leaves."""
        columns = fit_columns(steps, options["token_columns"], options["standardize"], options["min_count"])
        encoded = columns.encode(steps)
        x, lengths = model.inputs_of(encoded)
        y = padded(targets.y, encoded.lengths) if targets.by_step else targets.y
        weight = targets.weight
        if weight is not None and targets.by_step:
            weight = padded(weight, encoded.lengths)
        n = len(encoded.lengths)
        batches = math.ceil(n / options["batch_size"])
        epochs = options["epochs"] or max(LEAST_EPOCHS, math.ceil(LEAST_UPDATES / batches))
        examples = Examples(x, lengths, y, weight, epochs)
        recipe = Recipe(
            options["members"],
            options["hidden_size"],
            epochs * batches,
            options["batch_size"],
            options["learning_rate"],
            options["weight_decay"],
            options["cell"],
            cosine=True,
        )
        layout = model.layout_for(options, columns, targets.outputs, targets.by_step)
        results = model.train_networks(layout, examples, targets, recipe, options["seed"], None, on_progress)
        self.columns_: Columns = columns
        self.networks_: tuple[Network, ...] = tuple(Network.from_theta(layout, each.theta) for each in results)
        self.histories_ = tuple(each.history for each in results)
        self.n_iter_ = max(len(history) for history in self.histories_)

    def _outputs(self, x: Any) -> tuple[Steps, list[np.ndarray]]:
        """Returns the sequences of X, and the outputs of each network for them."""
        self.check_fitted()
        steps = self._read(x, reset=False)
        return steps, model.outputs(self.networks_, self.columns_.encode(steps), self._by_step)

    def _weights(self, sample_weight: Any, n: int) -> np.ndarray | None:
        """Returns checked weights of the sequences, float32 (n,)."""
        if sample_weight is None:
            return None
        weight = np.asarray(sample_weight)
        if weight.dtype.kind not in "biuf":
            raise TypeError(f"sample_weight: expected real numbers, got {checks.shown(sample_weight)}")
        if weight.ndim == 0:
            weight = np.full(n, weight)
        if weight.ndim != 1:
            raise ValueError(f"sample_weight: expected shape ({n},), got {weight.shape}; Sample weights must be 1D")
        if len(weight) != n:
            raise ValueError(f"sample_weight: expected shape ({n},), one for each sequence, got {weight.shape}")
        bad = ~(np.isfinite(weight) & (weight >= 0))
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(f"sample_weight: expected finite numbers of at least 0, got {weight[i]} at row {i}")
        if not weight.any():
            raise ValueError("sample_weight: expected at least one weight above 0, got zeros alone")
        return weight.astype(np.float64)

    # ---------------------------------------------------------------------------------------- files

    def _common(self) -> Common:
        """Returns what all estimators of sequences leave, for a file."""
        names = getattr(self, "feature_names_in_", None)
        return Common(
            self.columns_,
            self.networks_,
            self.n_features_in_,
            None if names is None else tuple(map(str, names)),
            self._table,
            self.n_iter_,
        )

    def _restore_common(self, common: Common) -> None:
        """Sets what `_common` returned."""
        self.columns_, self.networks_ = common.columns, common.networks
        self.n_features_in_, self._table, self.n_iter_ = common.features, common.table, common.epochs
        if common.names is not None:
            self.feature_names_in_ = np.array(common.names, object)
