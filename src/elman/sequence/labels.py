"""Labels of any kind: reading them, the classes that they form, and classes as whole numbers."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
from sklearn.exceptions import DataConversionWarning

from elman.core import checks
from elman.sequence.vocabulary import Token

__all__ = ["Labels", "check_count", "read_labels"]

KINDS = {"U": "strings", "b": "flags", "i": "whole numbers", "u": "whole numbers", "f": "numbers", "O": "objects"}
TYPES: dict[str, Any] = {"strings": str, "flags": bool, "whole numbers": int, "numbers": float, "objects": object}
SHOWN = 12  # labels that a message lists


@dataclass(frozen=True, eq=False)
class Labels:
    """The different labels that a fit met, in rising order, those of several types by type first."""

    labels: tuple[Token, ...]
    kind: Literal["strings", "whole numbers", "numbers", "flags", "objects"]

    @classmethod
    def of(cls, found: np.ndarray) -> Labels:
        """Returns the different labels among those of an array from `read_labels`."""
        if found.dtype != object:
            return cls(tuple(np.unique(found).tolist()), KINDS[found.dtype.kind])  # type: ignore[arg-type]
        different: set[Any] = {*found.tolist()}
        try:
            ordered = sorted(different)
        except TypeError:
            ordered = sorted(different, key=lambda label: (type(label).__name__, str(label)))
        return cls(tuple(ordered), "objects")

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def array(self) -> np.ndarray:
        """The labels as an array (C,) of their kind."""
        if self.kind != "objects":
            return np.array(self.labels, np.int64 if self.kind == "whole numbers" else TYPES[self.kind])
        array = np.empty(len(self.labels), object)
        array[:] = self.labels
        return array

    def encode(self, found: np.ndarray, name: str = "y") -> np.ndarray:
        """Returns each label's place, int64 (n,). ValueError for one that the fit did not meet, which is named."""
        places = self.places(found)
        if (places < 0).any():
            i = int((places < 0).argmax())
            raise ValueError(f"{name}: expected the labels {self.listed()}, got {found.tolist()[i]!r} at row {i}")
        return places

    def places(self, found: np.ndarray) -> np.ndarray:
        """Returns each label's place, int64 (n,), -1 for one that the fit did not meet."""
        known = {label: k for k, label in enumerate(self.labels)}
        return np.fromiter((known.get(label, -1) for label in found.tolist()), np.int64, len(found))

    def listed(self) -> str:
        """Returns the first labels as a message shows them."""
        more = f" and {len(self) - SHOWN} more" if len(self) > SHOWN else ""
        return ", ".join(repr(label) for label in self.labels[:SHOWN]) + more

    def validate(self) -> None:
        """Raises ValueError where the labels are not those of an array of this kind, each once."""
        if not all(type(label) is TYPES[self.kind] for label in self.labels) and self.kind != "objects":
            raise ValueError(f"labels: expected {self.kind}, got {checks.shown(self.labels)}")
        if len({*self.labels}) != len(self.labels):
            raise ValueError(f"labels: expected each once, got {checks.shown(self.labels)}")
        if self.kind == "whole numbers" and not all(-(2**63) <= cast("int", label) < 2**63 for label in self.labels):
            raise ValueError(f"labels: expected whole numbers of 64 bits, got {checks.shown(self.labels)}")


def read_labels(y: Any, name: str = "y") -> np.ndarray:
    """Returns labels as an array (n,): strings, flags, numbers as NumPy holds them, anything else as objects.

    Raises ValueError for missing labels, with their place, and for real numbers that are no whole ones: they are no
    classes.
    """
    array = _as_array(y)
    if array.ndim == 2 and array.shape[1] == 1:
        warnings.warn(
            f"A column-vector {name} was passed when a 1d array was expected. Please change the shape of {name} to "
            "(n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=2,
        )
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name}: expected one label for each sequence, shape (n,), got shape {array.shape}")
    kind = array.dtype.kind
    if kind == "f":
        if not np.isfinite(array).all():
            i = int((~np.isfinite(array)).argmax())
            what = "NaN" if np.isnan(array[i]) else "infinity"
            raise ValueError(f"Input {name} contains {what}: expected a label, got {array[i]} at row {i}")
        if (array != np.floor(array)).any():
            i = int((array != np.floor(array)).argmax())
            raise ValueError(
                f"Unknown label type: continuous. {name}: expected classes, got the real number {array[i]} at row {i}; "
                "SequenceRegressor learns real numbers"
            )
    elif kind == "O":
        for i, value in enumerate(array):
            if value is None or not isinstance(value, Hashable) or value != value:
                raise ValueError(f"{name}: expected a label, got {checks.shown(value)} at row {i}")
    elif kind == "S":
        array = array.astype(object)
    elif kind not in "biuU":
        raise TypeError(f"{name}: expected labels, got an array of {array.dtype}")
    return array


def check_count(name: str, count: int, n: int, what: str = "one for each sequence") -> None:
    """Raises ValueError unless there are n of something."""
    if count != n:
        raise ValueError(f"{name}: expected {n}, {what}, got {count}: inconsistent numbers of samples")


def _as_array(y: Any) -> np.ndarray:
    """Returns labels as an array, without making strings of numbers that stand among strings."""
    array = np.asarray(y)
    if array.dtype.kind not in "US" or isinstance(y, np.ndarray) or not isinstance(y, list | tuple):
        return array
    listed = cast("Sequence[Any]", y)
    return array if all(isinstance(each, str) for each in listed) else np.array(listed, dtype=object)
