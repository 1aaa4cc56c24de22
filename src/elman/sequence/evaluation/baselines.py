"""Simple models that a network has to beat: they know no order, or no more than one step."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.sequence.evaluation.summary import Summary
from elman.sequence.tables.reading import Sequences

__all__ = ["class_baselines", "tag_baselines", "value_baselines"]


def class_baselines(train: Sequences, test: Sequences) -> dict[str, np.ndarray]:
    """Returns the classes (n,) that simple models predict for the test sequences, by the names of the models: the most
    frequent class, and logistic regression on summary statistics and a bag of tokens."""
    from sklearn.linear_model import LogisticRegression

    labels, counts = np.unique(train.y, return_counts=True)
    summary = Summary(train.columns)
    found = {"most frequent class": np.repeat(labels[counts.argmax() : counts.argmax() + 1], len(test.x))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that has not converged is a baseline too
        linear = LogisticRegression(max_iter=500).fit(summary.fit(train.x), train.y)
        found[f"logistic regression on {summary.named}"] = linear.predict(summary(test.x))
    return found


def value_baselines(train: Sequences, test: Sequences) -> dict[str, np.ndarray]:
    """Returns the values (n,) that simple models predict: the mean, and linear regression (ridge) on the same rows."""
    from sklearn.linear_model import Ridge

    summary = Summary(train.columns)
    linear = Ridge().fit(summary.fit(train.x), train.y)
    mean = np.full(len(test.x), float(np.mean(train.y)))
    return {"mean": mean, f"linear regression on {summary.named}": linear.predict(summary(test.x))}


def tag_baselines(train: Sequences, test: Sequences) -> dict[str, list[np.ndarray]]:
    """Returns the tags, n arrays (T,), that simple models predict: the most frequent tag; of text the most frequent tag
    of each token, that of all for a new one; of numbers logistic regression on each step alone."""
    every = np.concatenate(train.y)
    labels, counts = np.unique(every, return_counts=True)
    most = labels[counts.argmax()]
    found = {"most frequent tag": [np.full(len(each), most, labels.dtype) for each in test.x]}
    text = [k for k, column in enumerate(train.columns) if column.kind == "text"]
    if text:
        name = train.columns[text[0]].name
        found[f"most frequent tag of each {name}"] = _tags_of_tokens(train, test, text[0], most)
    else:
        found["logistic regression on each step alone"] = _tags_of_steps(train, test)
    return found


def _tags_of_tokens(train: Sequences, test: Sequences, column: int, most: Any) -> list[np.ndarray]:
    seen: dict[str, Counter[Any]] = defaultdict(Counter)
    for x, y in zip(train.x, train.y, strict=True):
        for token, tag in zip(x[:, column], y.tolist(), strict=True):
            seen[token][tag] += 1
    best = {token: tags.most_common(1)[0][0] for token, tags in seen.items()}
    other = most.item() if isinstance(most, np.generic) else most
    return [_array([best.get(token, other) for token in x[:, column]], train.y[0].dtype) for x in test.x]


def _tags_of_steps(train: Sequences, test: Sequences) -> list[np.ndarray]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(np.concatenate(train.x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        linear = LogisticRegression(max_iter=500).fit(
            scaler.transform(np.concatenate(train.x)), np.concatenate(train.y)
        )
    return [linear.predict(scaler.transform(x)) for x in test.x]


def _array(tags: Sequence[Any], dtype: np.dtype[Any]) -> np.ndarray:
    return np.array(tags, object if dtype.kind == "O" else None)
