"""What estimators of sequences share: how X is read, networks trained and asked, and what a file holds."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.exceptions import NotFittedError as SklearnNotFittedError

from elman.core.layers import Layout
from elman.estimators.base import Estimator, NotFittedError
from elman.estimators.ensemble import OnProgress
from elman.estimators.progress import shown
from elman.network import Network
from elman.sequence import model
from elman.sequence.columns import Columns, fit_columns
from elman.sequence.labels import Labels, read_labels
from elman.sequence.options import CONSTRAINTS
from elman.sequence.reading import SequenceReader
from elman.sequence.saved import CODEC, Fitted
from elman.sequence.steps import Steps, places
from elman.sequence.targets import Classes, Target
from elman.sequence.training import Data, Examples, Folders, recipe_for, split_rows, train_all, trainers
from elman.sequence.weights import sample_weights
from elman.train.training import Trainer

__all__ = ["SequenceEstimator"]


class _NotFitted(NotFittedError, SklearnNotFittedError):
    """A fitted estimator was needed; both libraries' error of this name."""


class SequenceEstimator(SequenceReader, Estimator):
    """The base of `SequenceClassifier`, `SequenceRegressor` and `SequenceTagger`.

    What scikit-learn asks of an estimator (its parameters, tags, metadata routing, how it is shown) is scikit-learn's
    own `BaseEstimator`; what elman adds (checked options, files) is `Estimator`.
    """

    _constraints = CONSTRAINTS
    _codec = CODEC
    _targets: ClassVar[tuple[type[Any], ...]]  # the kinds of targets that it learns
    networks_: tuple[Network, ...]
    target_: Any  # one of `_targets`
    columns_: Columns

    def _store(self, given: Mapping[str, Any]) -> None:
        """Stores the arguments of `__init__`, which calls this with its `locals()`, under their names."""
        for name in self._constraints:
            setattr(self, name, given[name])

    def check_fitted(self) -> None:
        """Raises NotFittedError where `fit` was not called, and nothing was loaded from a file."""
        if not self.__sklearn_is_fitted__():
            raise _NotFitted(f"{type(self).__name__}: expected fit to be called before, it was not")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "networks_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags

    # ------------------------------------------------------------------------- what subclasses decide

    def _kind_of(self, y: Any) -> type[Any]:
        """Returns the kind of targets that y are, one of `_targets`."""
        return self._targets[0]

    def _target_of(self, kind: type[Any], values: np.ndarray, options: Mapping[str, Any]) -> Target:
        """Returns what is learned, as values that `kind.read` made of y show it."""
        return kind.of(values)

    def _weights(self, weight: np.ndarray | None, target: Target, data: Data, options: Mapping[str, Any]) -> Any:
        """Returns the weights of all rows of the data's targets, (n,) or (N,); None: all equal. `weight` are those of
        the sequences."""
        return weight

    # ------------------------------------------------------------------------------------------ fit

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: str | os.PathLike[str] | None = None,
        on_progress: OnProgress | None = None,
    ) -> Self:
        """Trains on n sequences X with their targets y, and returns the estimator.

        sample_weight  (n,) weights of the sequences; those of weight 0 are left out
        checkpoint     a folder, to which each epoch is written;  resume  such a folder: the fit goes on from there, to
                       the same bits as if it had never stopped
        on_progress    is called with the share of the training that is done, from 0 to 1, by any thread; what it raises
                       ends the training, is raised here, and leaves the estimator as it was

        Raises ValueError or TypeError for data or options that cannot be used, and `elman.TrainingError` with the
        doctor's report where a training fails.
        """
        options = self.checked_options()
        go_on = options["warm_start"] and self.__sklearn_is_fitted__()
        before = dict(vars(self))
        try:
            data, target = self._data(X, y, sample_weight, options, self.target_ if go_on else None)
            train, held_out = data, None
            if options["early_stopping"]:
                rest, drawn = split_rows(target, data, options["validation_fraction"], options["seed"])
                train, held_out = data.take(rest, target.by_step), data.take(drawn, target.by_step)
            columns = self.columns_ if go_on else self._columns(train.steps, options)
            layout = model.layout_for(options, columns, target.outputs, target.by_step)
            recipe, epochs = recipe_for(options, len(train.steps.lengths))
            examples = Examples(
                train.arguments(columns, target.by_step),
                epochs,
                None if held_out is None else held_out.arguments(columns, target.by_step),
                None if held_out is None else options["patience"],
            )
            start = self._start(layout) if go_on else []
            folders = Folders(checkpoint, resume)
            with shown(options["progress"], on_progress) as told:
                results = train_all(layout, target, examples, recipe, options["seed"], start, folders, told)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        self.columns_, self.target_ = columns, target
        self.networks_ = tuple(Network.from_theta(layout, each.theta) for each in results)
        self.histories_ = tuple(each.history for each in results)
        self.n_iter_ = max(len(history) for history in self.histories_)
        self._trainers = None
        self._fitted_to(target)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, target: Target | None) -> Self:
        """Passes once over n sequences with the optimiser as the last call left it, and returns the estimator.

        target  what is learned, if this is known before the first y
        """
        options = self.checked_options()
        first = not self.__sklearn_is_fitted__()
        data, target = self._data(X, y, sample_weight, options, target if first else self.target_, reset=first)
        columns = self._columns(data.steps, options) if first else self.columns_
        layout = model.layout_for(options, columns, target.outputs, target.by_step)
        own: tuple[Trainer, ...] | None = getattr(self, "_trainers", None)
        if own is None:
            recipe, _ = recipe_for(options, len(data.steps.lengths), cosine=False)
            own = trainers(layout, target, recipe, options["seed"], [] if first else self._start(layout))
        given = data.arguments(columns, target.by_step)
        for trainer in own:
            trainer.fit(**given, epochs=1, progress=False)
        self.columns_, self.target_, self._trainers = columns, target, own
        self.networks_ = tuple(trainer.network for trainer in own)
        self.histories_ = tuple(trainer.history for trainer in own)
        self.n_iter_ = (0 if first else self.n_iter_) + 1
        self._fitted_to(target)
        return self

    def _columns(self, steps: Steps, options: Mapping[str, Any]) -> Columns:
        names = () if self.layout_ is None else self.layout_.names
        return fit_columns(steps, options["token_columns"], options["standardize"], options["min_count"], names)

    def _told(self, classes: Any, kind: type[Classes]) -> Target | None:
        """Returns what is learned, as `classes` of `partial_fit` say it; None in later calls, where they may be left
        out."""
        first = not self.__sklearn_is_fitted__()
        if classes is None and not first:
            return None
        if classes is None:
            raise ValueError("classes: expected all labels that y may have, in the first call of partial_fit, got None")
        target = kind(Labels.of(read_labels(classes, "classes")))
        target.validate()
        if not first and target.labels.labels != self.target_.labels.labels:
            raise ValueError(f"classes: expected those of the first call, {self.target_.labels.listed()}")
        return target

    def _data(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        options: Mapping[str, Any],
        target: Target | None,
        reset: bool | None = None,
    ) -> tuple[Data, Target]:
        """Returns checked data and what is learned from them: `target`, or what y shows."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        reset = target is None if reset is None else reset
        rows, y = self._of_table(X, y, reset)
        steps = self._read(rows, reset)
        weight = sample_weights(sample_weight, len(steps.lengths))
        kind = self._kind_of(y) if target is None else type(target)
        values = kind.read(y, steps.lengths)
        if weight is not None and not weight.all():
            kept = np.flatnonzero(weight)
            values = values[places(steps.lengths, kept) if self._by_step else kept]
            steps, weight = steps.take(kept), weight[kept]
        if target is None:
            target = self._target_of(kind, values, options)
        data = Data(steps, target.encode(values), None)
        return data._replace(weight=self._weights(weight, target, data, options)), target

    def _start(self, layout: Layout) -> list[np.ndarray]:
        """Returns the present weights, from which a training goes on. ValueError where options have changed them."""
        if self.networks_[0].layers != layout.layers:
            raise ValueError(
                f"warm_start: expected the options with which the networks were made, {[*self.networks_[0].layers]}, "
                f"got {[*layout.layers]}; set warm_start=False, or make a new estimator"
            )
        return [network.theta.copy() for network in self.networks_]

    def _fitted_to(self, target: Target) -> None:
        """Sets the public results that follow from the target."""

    def _outputs(self, X: Any) -> tuple[Steps, list[np.ndarray]]:
        """Returns the sequences of X, and the outputs of each network for them."""
        self.check_fitted()
        steps = self._read(self._of_table(X, None, False)[0], reset=False)
        return steps, model.outputs(self.networks_, self.columns_, self.columns_.encode(steps), self.target_.by_step)

    def _probabilities(self, X: Any) -> tuple[Steps, np.ndarray]:
        """Returns the sequences of X, and the probabilities of their classes: the mean of those of all networks."""
        steps, found = self._outputs(X)
        return steps, np.mean([self.target_.probabilities(each) for each in found], axis=0)

    # ---------------------------------------------------------------------------------------- files

    def _plain_options(self) -> dict[str, Any]:
        weights = getattr(self, "class_weight", None)
        if not isinstance(weights, Mapping):
            return super()._plain_options()
        pairs = [[label, float(weight)] for label, weight in weights.items()]  # labels of JSON's mappings are strings
        bare = copy.copy(self)
        setattr(bare, "class_weight", None)  # noqa: B010
        return bare._plain_options() | {"class_weight": pairs}

    @classmethod
    def _of_plain(cls, plain: Any) -> Self:
        if isinstance(plain, dict) and isinstance(plain.get("class_weight"), list):
            plain = {**plain, "class_weight": dict(map(tuple, plain["class_weight"]))}
        return super()._of_plain(plain)

    def _fitted(self) -> Fitted:
        names: Sequence[Any] | None = getattr(self, "feature_names_in_", None)
        return Fitted(
            self.columns_,
            self.target_,
            self.networks_,
            self.n_features_in_,
            None if names is None else tuple(map(str, names)),
            self._table,
            self.n_iter_,
            self.layout_,
        )

    def _restore(self, fitted: Fitted) -> None:
        if not isinstance(fitted.target, self._targets):
            raise ValueError(f"target: expected that of a {type(self).__name__}, got {type(fitted.target).__name__}")
        self.columns_, self.target_, self.networks_ = fitted.columns, fitted.target, fitted.networks
        self.n_features_in_, self._table, self.n_iter_ = fitted.features, fitted.table, fitted.epochs
        self.layout_ = fitted.layout
        if fitted.names is not None:
            self.feature_names_in_ = np.array(fitted.names, object)
        self._fitted_to(fitted.target)
