"""The scores of a fitted model on held-out sequences, beside those of baselines; its errors and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from elman.sequence.evaluation.baselines import class_baselines, tag_baselines, value_baselines
from elman.sequence.evaluation.confusion import Confusion
from elman.sequence.evaluation.verdict import Compared
from elman.sequence.tables.reading import Sequences

__all__ = ["NETWORK", "Predictions", "Report", "class_scores", "predictions", "report", "tag_scores", "value_scores"]

NETWORK = "network"
Scores = dict[str, float]


class Predictions(NamedTuple):
    """What a model says of sequences.

    values         its classes or values (n,), or a list with the tags of each (T,); (n, K) where a model that was made
                   in Python predicts several
    classes        its classes in their order, as those of `probabilities`; None for values
    probabilities  of the classes: (n, C), or a list with (T, C) for each sequence
    """

    values: Any
    classes: list[Any] | None = None
    probabilities: Any = None

    @property
    def several(self) -> bool:
        """Whether there are several labels or values for each sequence, (n, K)."""
        return not isinstance(self.values, list) and self.values.ndim == 2


class Report(NamedTuple):
    """How good a model is on held-out sequences.

    scores      by the name of a model, "network" first, and the name of the measure
    found       what the network predicts
    confusion   of classes; None for values
    compared    the network beside the best baseline; None where there are none
    """

    scores: dict[str, Scores]
    found: Predictions
    confusion: Confusion | None
    compared: Compared | None


def predictions(model: Any, x: list[np.ndarray]) -> Predictions:
    """Returns what a fitted estimator of sequences predicts."""
    if not hasattr(model, "predict_proba"):
        return Predictions(np.asarray(model.predict(x), np.float64))
    probabilities = model.predict_proba(x)
    if isinstance(probabilities, list):
        values: Any = [model.classes_[each.argmax(axis=1)] for each in probabilities]
    else:
        values = model.predict(x)
    return Predictions(values, model.classes_.tolist(), probabilities)


def report(model: Any, train: Sequences | None, test: Sequences) -> Report:
    """Returns how good a fitted estimator is on the sequences of `test`, beside baselines that learn from those of
    `train`; None: without baselines."""
    found = predictions(model, test.x)
    if found.classes is None:
        return _of_values(found, train, test)
    return _of_tags(found, train, test) if isinstance(found.values, list) else _of_classes(found, train, test)


def class_scores(true: np.ndarray, predicted: np.ndarray) -> Scores:
    """Returns the share of right predictions, and the mean of the recalls of the classes."""
    confusion = Confusion.of(true, predicted)
    return {"accuracy": confusion.accuracy, "balanced accuracy": confusion.balanced_accuracy}


def tag_scores(true: list[np.ndarray], predicted: list[np.ndarray]) -> Scores:
    """As `class_scores`, of the steps, and the share of sequences whose steps are all right."""
    whole = np.mean([(a == b).all() for a, b in zip(true, predicted, strict=True)])
    return class_scores(np.concatenate(true), np.concatenate(predicted)) | {"whole sequences right": float(whole)}


def value_scores(true: np.ndarray, predicted: np.ndarray) -> Scores:
    """Returns the mean absolute error, the root of the mean squared error, and R2, the share of the variance that is
    explained."""
    errors, spread = true - predicted, true - true.mean()
    r2 = 1.0 - float(errors @ errors) / float(spread @ spread) if (spread != 0).any() else float("nan")
    return {"MAE": float(np.abs(errors).mean()), "RMSE": float(np.sqrt(np.mean(errors**2))), "R2": r2}


def _of_classes(found: Predictions, train: Sequences | None, test: Sequences) -> Report:
    models = {NETWORK: found.values} | ({} if train is None else class_baselines(train, test))
    scores = {name: class_scores(test.y, each) for name, each in models.items()}
    right = {name: np.asarray(each == test.y, np.float64) for name, each in models.items()}
    known = {label: k for k, label in enumerate(found.classes or ())}
    places = np.array([known.get(label, -1) for label in test.y.tolist()])
    own = found.probabilities[np.arange(len(places)), places]
    if (places >= 0).all():
        scores[NETWORK]["log loss"] = float(-np.log(np.maximum(own, 1e-15)).mean())
    return Report(scores, found, Confusion.of(test.y, found.values), _compared(scores, right, "accuracy", False))


def _of_tags(found: Predictions, train: Sequences | None, test: Sequences) -> Report:
    models = {NETWORK: found.values} | ({} if train is None else tag_baselines(train, test))
    scores = {name: tag_scores(test.y, each) for name, each in models.items()}
    right = {
        name: np.array([(a == b).mean() for a, b in zip(test.y, each, strict=True)]) for name, each in models.items()
    }
    confusion = Confusion.of(np.concatenate(test.y), np.concatenate(found.values))
    return Report(scores, found, confusion, _compared(scores, right, "accuracy", False))


def _of_values(found: Predictions, train: Sequences | None, test: Sequences) -> Report:
    models = {NETWORK: found.values} | ({} if train is None else value_baselines(train, test))
    scores = {name: value_scores(test.y, each) for name, each in models.items()}
    near = {name: -np.abs(test.y - each) for name, each in models.items()}
    return Report(scores, found, None, _compared(scores, near, "RMSE", True))


def _compared(
    scores: Mapping[str, Scores], good: Mapping[str, np.ndarray], measure: str, is_error: bool
) -> Compared | None:
    """Returns the network beside the baseline whose score is best; `good` says how well each sequence was predicted
    (n,)."""
    baselines = [name for name in scores if name != NETWORK]
    if not baselines:
        return None
    best = (min if is_error else max)(baselines, key=lambda name: scores[name][measure])
    better, worse = (int((sign * (good[NETWORK] - good[best]) > 0).sum()) for sign in (1, -1))
    return Compared(best, measure, scores[NETWORK][measure], scores[best][measure], is_error, better, worse)
