"""What networks learn: classes, several labels, numbers, or tags, and how they are turned into targets and back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_array

from elman.sequence.labels import Labels, check_count, read_labels

__all__ = ["Classes", "Indicators", "Numbers", "Tags", "Target", "UnseenLabelWarning", "is_indicator"]


class UnseenLabelWarning(UserWarning):
    """Labels to score against hold some that the fit did not meet, which no prediction can equal."""


@dataclass(frozen=True, eq=False)
class Classes:
    """One class for each sequence; a network has one output for each class, of which the softmax is taken."""

    labels: Labels

    loss: ClassVar[str] = "cross_entropy"
    by_step: ClassVar[bool] = False

    @classmethod
    def of(cls, values: np.ndarray) -> Classes:
        """Returns the classes of labels from `read`. ValueError where there is one alone."""
        labels = Labels.of(values)
        if len(labels) < 2:
            raise ValueError(f"y: expected at least two classes, got one class alone: {labels.listed()}")
        return cls(labels)

    @staticmethod
    def read(y: Any, lengths: np.ndarray) -> np.ndarray:
        """Returns the labels of n sequences, (n,)."""
        found = read_labels(y)
        check_count("y", len(found), len(lengths))
        return found

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Returns labels as whole numbers, int64 (n,). ValueError for one that is not among the classes."""
        return self.labels.encode(values)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the probability of each class, float64 (n, C)."""
        shifted = np.exp((outputs - outputs.max(axis=1, keepdims=True)).astype(np.float64))
        return shifted / shifted.sum(axis=1, keepdims=True)

    def chosen(self, probability: np.ndarray) -> np.ndarray:
        """Returns the most probable label of each row (n,)."""
        return self.labels.array[probability.argmax(axis=1)]

    def right(self, y: Any, lengths: np.ndarray, probability: np.ndarray) -> np.ndarray:
        """Returns whether the most probable label of each row is that of y, (n,); warns of labels that the fit did not
        meet."""
        found = self.read(y, lengths)
        places = self.labels.places(found)
        if (places < 0).any():
            unseen = Labels.of(found[places < 0])
            warnings.warn(
                f"y: {(places < 0).sum()} of {len(places)} labels are none that fit met, and count as wrong: "
                f"{unseen.listed()}; fit met {self.labels.listed()}",
                UnseenLabelWarning,
                stacklevel=3,
            )
        return probability.argmax(axis=1) == places

    def validate(self) -> None:
        """Raises ValueError for one class alone."""
        if len(self.labels) < 2:
            raise ValueError(f"labels: expected at least two, got {self.labels.listed()}")


@dataclass(frozen=True, eq=False)
class Tags(Classes):
    """One class for each step."""

    by_step = True

    @staticmethod
    def read(y: Any, lengths: np.ndarray) -> np.ndarray:
        """Returns the labels of all steps of n sequences, end to end (N,)."""
        try:
            count = len(y)
        except TypeError:
            raise TypeError(f"y: expected a list of n sequences of labels, got {type(y).__name__}") from None
        check_count("y", count, len(lengths))
        rows = [_row(i, row) for i, row in enumerate(y)]
        for i, (row, length) in enumerate(zip(rows, lengths.tolist(), strict=True)):
            if len(row) != length:
                raise ValueError(f"y[{i}]: expected {length} labels, one for each step of X[{i}], got {len(row)}")
        kinds = {row.dtype.kind for row in rows}
        if len(kinds) > 1 and kinds & {*"UO"}:
            rows = [row.astype(object) for row in rows]
        return np.concatenate(rows)


@dataclass(frozen=True, eq=False)
class Indicators:
    """Several labels for each sequence: y (n, K) of 0 and 1; each output is the log-odds of one label alone."""

    count: int

    loss: ClassVar[str] = "binary_cross_entropy"
    by_step: ClassVar[bool] = False

    @classmethod
    def of(cls, values: np.ndarray) -> Indicators:
        """Returns the labels of indicators (n, K) from `read`."""
        return cls(values.shape[1])

    @staticmethod
    def read(y: Any, lengths: np.ndarray) -> np.ndarray:
        """Returns the indicators of n sequences, (n, K)."""
        array = np.asarray(y)
        check_count("y", len(array), len(lengths))
        if not is_indicator(array):
            raise ValueError(f"y: expected 0 and 1 of shape (n, K), as in fit, got shape {array.shape}")
        return array

    @property
    def labels(self) -> Labels:
        return Labels(tuple(range(self.count)), "whole numbers")

    @property
    def outputs(self) -> int:
        return self.count

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Returns indicators as float32 (n, K)."""
        if values.shape[1] != self.count:
            raise ValueError(f"y: expected {self.count} labels for each sequence, as in fit, got {values.shape[1]}")
        return values.astype(np.float32)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the probability of each label, float64 (n, K)."""
        return 0.5 * (1.0 + np.tanh(0.5 * outputs.astype(np.float64)))

    def chosen(self, probability: np.ndarray) -> np.ndarray:
        """Returns 1 for each label that is likelier than not, 0 for others, int64 (n, K)."""
        return (probability > 0.5).astype(np.int64)

    def right(self, y: Any, lengths: np.ndarray, probability: np.ndarray) -> np.ndarray:
        """Returns whether all labels of each row are those of y, (n,)."""
        return (self.encode(self.read(y, lengths)) == self.chosen(probability)).all(axis=1)

    def validate(self) -> None:
        """Raises ValueError for a number of labels that no network has."""
        if not 1 <= self.count < 2**31:
            raise ValueError(f"count: expected at least 1, got {self.count}")


@dataclass(frozen=True, eq=False)
class Numbers:
    """One number, or several, for each sequence: value = output * scale + mean.

    single  whether y was (n,) instead of (n, O)
    """

    mean: Annotated[np.ndarray, "float64 (O,)"]
    scale: Annotated[np.ndarray, "float64 (O,)"]
    single: bool

    loss: ClassVar[str] = "mse"
    by_step: ClassVar[bool] = False

    @classmethod
    def of(cls, values: np.ndarray, standardize: bool = True) -> Numbers:
        """Returns mean and scale of numbers from `read`; 0 and 1 where they are not standardised, or are all the
        same."""
        columns = values.reshape(len(values), -1)
        mean, scale = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
        if standardize:
            with np.errstate(over="ignore", invalid="ignore"):
                mean, deviation = columns.mean(axis=0), columns.std(axis=0)
            if not np.isfinite(deviation).all():
                raise ValueError("y: expected numbers whose variance is finite, got larger ones")
            scale = np.where(deviation > 1e-12 * np.maximum(1e-300, np.abs(mean)), deviation, 1.0)
        return cls(mean, scale, values.ndim == 1)

    @staticmethod
    def read(y: Any, lengths: np.ndarray) -> np.ndarray:
        """Returns targets as float64, (n,) or (n, O)."""
        values = check_array(y, ensure_2d=False, dtype="float64", ensure_all_finite=False, input_name="y")
        check_count("y", len(values), len(lengths))
        if not np.isfinite(values).all():
            row, *column = np.argwhere(~np.isfinite(values))[0].tolist()
            value = values[row, *column]
            where = f"row {row}" + (f", column {column[0]}" if column else "")
            what = "NaN" if np.isnan(value) else "infinity"
            raise ValueError(f"Input y contains {what}: expected finite numbers, got {value} at {where}")
        return values

    @property
    def outputs(self) -> int:
        return len(self.mean)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Returns numbers as networks learn them, float32 (n, O)."""
        if (values.ndim == 1) != self.single or values.reshape(len(values), -1).shape[1] != self.outputs:
            expected = "(n,)" if self.single else f"(n, {self.outputs})"
            raise ValueError(f"y: expected shape {expected}, as in the first fit, got {values.shape}")
        return ((values.reshape(len(values), -1) - self.mean) / self.scale).astype(np.float32)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the numbers that outputs (n, O) stand for, (n,) or (n, O) as y was."""
        values = outputs * self.scale + self.mean
        return values[:, 0] if self.single else values

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        if not len(self.mean) or not np.isfinite(self.mean).all():
            raise ValueError("mean: expected finite numbers")
        if not ((self.scale > 0) & np.isfinite(self.scale)).all():
            raise ValueError("scale: expected finite numbers above 0")
        if self.single and len(self.mean) != 1:
            raise ValueError(f"single: expected one target, got {len(self.mean)}")


Target = Classes | Indicators | Numbers


def is_indicator(y: Any) -> bool:
    """Returns whether y are several labels for each row: 2-D, of 0 and 1 alone, with more than one column.

    ValueError for sequences of unequal length.
    """
    try:
        array = np.asarray(y)
    except ValueError:
        raise ValueError(
            "y: expected one label for each sequence, got sequences of unequal length; SequenceTagger learns one for "
            "each step"
        ) from None
    return array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "biuf" and bool(np.isin(array, (0, 1)).all())


def _row(i: int, row: Any) -> np.ndarray:
    if isinstance(row, str):
        raise TypeError(f"y[{i}]: expected a sequence of labels, one for each step, got the string {row!r}")
    return read_labels(row, f"y[{i}]")
