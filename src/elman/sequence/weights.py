"""Weights of sequences and of classes, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.core import checks
from elman.sequence.labels import Labels

__all__ = ["class_weights", "sample_weights"]


def sample_weights(given: Any, n: int) -> np.ndarray | None:
    """Returns the weights of n sequences, float64 (n,); None where all are equal, since only their ratios count."""
    if given is None:
        return None
    weight = np.asarray(given)
    if weight.dtype.kind not in "biuf":
        raise TypeError(f"sample_weight: expected real numbers, got {checks.shown(given)}")
    if weight.shape not in ((n,), ()):
        raise ValueError(f"sample_weight: expected shape ({n},), one for each sequence, got shape {weight.shape}")
    bad = ~(np.isfinite(weight) & (weight >= 0))
    if bad.any():
        i = int(bad.argmax())
        raise ValueError(f"sample_weight: expected finite numbers of at least 0, got {weight.flat[i]} at row {i}")
    if not weight.any():
        raise ValueError("sample_weight: expected at least one weight above 0, got zeros alone")
    return None if (weight == weight.flat[0]).all() else weight.astype(np.float64)


def class_weights(given: Any, labels: Labels, codes: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
    """Returns the weight of each row by its class, times its own, float64 (n,).

    given   "balanced": n / (C * rows of the class), as scikit-learn has it, rows counted by their weights; a mapping of
            labels to weights, others having 1; None: all 1
    codes   each row's place among the labels;  weight  (n,) or None
    """
    if given is None:
        return weight
    count = len(labels)
    if isinstance(given, Mapping):
        by_class = np.ones(count)
        for label, value in given.items():
            if label not in labels.labels:
                raise ValueError(f"class_weight: expected weights of the labels {labels.listed()}, got {label!r}")
            by_class[labels.labels.index(label)] = checks.number(f"class_weight[{label!r}]", value, low=0.0)
    else:
        totals = np.bincount(codes, weight, count)
        met = totals > 0  # partial_fit may be told of classes that are yet to come
        by_class = np.ones(count)
        by_class[met] = totals.sum() / (met.sum() * totals[met])
    rows = by_class[codes]
    return rows if weight is None else rows * weight
