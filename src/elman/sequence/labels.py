"""Labels of any kind: reading them, the classes they form, and classes as whole numbers."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import type_of_target

from elman.core import checks

__all__ = ["check_count", "classes_of", "encode", "read_labels"]


def read_labels(y: Any, name: str = "y") -> np.ndarray:
    """Returns labels as an array (n,), as NumPy holds them; those that are no strings, numbers or flags as objects.

    Raises ValueError for missing labels, with their place, and for real numbers that are no whole ones: they are no
    classes.
    """
    array = y if isinstance(y, np.ndarray) else _as_array(y)
    if array.ndim == 2 and array.shape[1] == 1:
        warnings.warn(
            f"{name}: a column-vector was passed when a 1d array was expected; use y.ravel()",
            DataConversionWarning,
            stacklevel=3,
        )
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name}: expected one label for each sequence, shape (n,), got shape {array.shape}")
    if array.dtype.kind == "f":
        _check_finite(name, array)
        if type_of_target(array).startswith("continuous"):
            first = array[array != np.floor(array)][0]
            raise ValueError(
                f"Unknown label type: continuous. {name}: expected classes, got the real number {first}; a "
                "SequenceRegressor learns real numbers"
            )
    elif array.dtype.kind == "O":
        for i, value in enumerate(array):
            if value is None or value != value or not isinstance(value, Hashable):
                raise ValueError(f"{name}: expected a label, got {checks.shown(value)} at row {i}")
    elif array.dtype.kind not in "biuUS":
        raise TypeError(f"{name}: expected labels, got {array.dtype}")
    return array


def _as_array(y: Any) -> np.ndarray:
    """Returns labels as an array, without making strings of the numbers beside strings."""
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    array = np.asarray(y)
    if array.dtype.kind in "US" and isinstance(y, list | tuple) and not all(isinstance(each, str) for each in y):
        return np.array(y, dtype=object)
    return array


def _check_finite(name: str, array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        i = int((~np.isfinite(array)).argmax())
        shown = "NaN" if np.isnan(array[i]) else "inf"
        raise ValueError(f"{name}: expected finite numbers, got {shown} at row {i}")


def classes_of(labels: np.ndarray) -> np.ndarray:
    """Returns the different labels in rising order; those of several types by type first."""
    if labels.dtype != object:
        return np.unique(labels)
    different = {*labels.tolist()}
    try:
        ordered = sorted(different)
    except TypeError:
        ordered = sorted(different, key=lambda label: (type(label).__name__, str(label)))
    classes = np.empty(len(ordered), object)
    classes[:] = ordered
    return classes


def encode(labels: np.ndarray, classes: np.ndarray, unseen: str = "error", name: str = "y") -> np.ndarray:
    """Returns each label's place among the classes, int64 (n,). An unseen label is an error, which names it; with
    `unseen="-1"` it is -1."""
    places = {label: k for k, label in enumerate(classes.tolist())}
    found = np.fromiter((places.get(label, -1) for label in labels.tolist()), np.int64, len(labels))
    if unseen == "error" and (found < 0).any():
        i = int((found < 0).argmax())
        raise ValueError(
            f"{name}: expected the labels {_listed(classes)}, got {checks.shown(labels.tolist()[i])} at row {i}"
        )
    return found


def check_count(name: str, count: int, n: int, what: str = "one for each sequence") -> None:
    """Raises ValueError unless there are n of something."""
    if count != n:
        raise ValueError(
            f"{name}: expected {n}, {what}, got {count} (Found input variables with inconsistent numbers of samples: "
            f"[{n}, {count}])"
        )


def _listed(classes: Iterable[Any]) -> str:
    names = [checks.shown(label) for label in np.asarray(classes).tolist()]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
