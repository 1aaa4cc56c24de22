"""The columns of sequences as a fit met them: numbers with mean and standard deviation, or tokens with a vocabulary."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.sequence.steps import NUMBERS, Steps, check_numbers
from elman.sequence.vocabulary import Vocabulary

__all__ = ["Columns", "Encoded", "fit_columns"]


class Encoded(NamedTuple):
    """Sequences as a network reads them, the N steps of all of them end to end."""

    numbers: np.ndarray | None  # float32 (N, D); None: no column of numbers
    ids: tuple[np.ndarray, ...]  # int64 (N,) for each column of tokens
    lengths: np.ndarray  # int64 (n,)


@dataclass(frozen=True, eq=False)
class Columns:
    """The C columns of the sequences that a fit met.

    numeric       columns of numbers;  tokens  columns of tokens
    mean, scale   by column of numbers: (value - mean) / scale is what networks read
    vocabularies  by column of tokens
    """

    count: int
    numeric: tuple[int, ...]
    tokens: tuple[int, ...]
    mean: Annotated[np.ndarray, "float64 (D,)"]
    scale: Annotated[np.ndarray, "float64 (D,)"]
    vocabularies: tuple[Vocabulary, ...]

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        if sorted((*self.numeric, *self.tokens)) != list(range(self.count)) or not self.count:
            raise ValueError(f"count: expected each of {self.count} columns once, as numbers or tokens")
        if len(self.mean) != len(self.numeric) or len(self.vocabularies) != len(self.tokens):
            raise ValueError("mean: expected one for each column of numbers, and a vocabulary for each of tokens")
        if not np.isfinite(self.mean).all() or not ((self.scale > 0) & np.isfinite(self.scale)).all():
            raise ValueError("scale: expected finite means, and scales above 0")

    def encode(self, steps: Steps) -> Encoded:
        """Returns sequences of these columns as networks read them. ValueError or TypeError, with the place, for values
        that are no numbers, or no tokens, in columns that were."""
        numbers = None
        if self.numeric:
            numbers = _numbers(steps, self.numeric)
            with np.errstate(over="ignore"):
                scaled = ((numbers - self.mean) / self.scale).astype(np.float32)
            check_numbers(scaled, steps, self.numeric)
            numbers = scaled
        ids = [
            vocabulary.ids(_tokens(steps, column))
            for column, vocabulary in zip(self.tokens, self.vocabularies, strict=True)
        ]
        return Encoded(numbers, tuple(ids), steps.lengths)


def fit_columns(
    steps: Steps, token_columns: Sequence[int | str], standardize: bool, min_count: int, names: Sequence[str] = ()
) -> Columns:
    """Returns the columns of sequences.

    token_columns  those that hold tokens, also where they are numbers; by number, or by name among `names`
    standardize    whether mean and standard deviation of numbers are taken from the steps, by column
    min_count      tokens that occur less often are unknown ones
    """
    count = steps.values.shape[1]
    chosen = {_number_of(column, count, names) for column in token_columns}
    tokens = tuple(column for column in range(count) if column in chosen or not _holds_numbers(steps.values[:, column]))
    numeric = tuple(column for column in range(count) if column not in tokens)
    mean, scale = np.zeros(len(numeric)), np.ones(len(numeric))
    if numeric and standardize:
        numbers = _numbers(steps, numeric)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = numbers.mean(axis=0, dtype=np.float64)
            scale = numbers.std(axis=0, dtype=np.float64)
        if not np.isfinite(scale).all():
            raise ValueError("X: expected numbers whose variance is finite, got larger ones; divide them by 1e100, say")
        # a constant column has no scale of its own; rounding alone gives one of about 1e-16 of the mean
        scale = np.where(scale > 1e-12 * np.maximum(1.0, np.abs(mean)), scale, 1.0)
    vocabularies = tuple(Vocabulary.of(_tokens(steps, column).tolist(), min_count) for column in tokens)
    return Columns(count, numeric, tokens, mean, scale, vocabularies)


def _number_of(column: int | str, count: int, names: Sequence[str]) -> int:
    if isinstance(column, str) and not names:
        raise ValueError(f"token_columns: expected numbers of columns, since those of X have no names, got {column!r}")
    if isinstance(column, str):
        return names.index(checks.choice("token_columns", column, names))
    if column >= count:
        raise ValueError(f"token_columns: expected columns below {count}, which X has, got {column}")
    return column


def _holds_numbers(values: np.ndarray) -> bool:
    """Returns whether some value of a column is a number; the others are then found to be none."""
    return values.dtype.kind in NUMBERS or any(_is_number(value) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number | np.bool_)


def _numbers(steps: Steps, columns: Sequence[int]) -> np.ndarray:
    """Returns columns of numbers, (N, D)."""
    values = steps.values
    if values.dtype.kind not in NUMBERS:
        for column in columns:
            for step, value in enumerate(values[:, column]):
                if not _is_number(value):
                    raise TypeError(
                        f"X: expected numbers in column {column}, which holds some, got {checks.shown(value)} at "
                        f"{steps.place(step)}; if they are tokens too, name it in token_columns"
                    )
        values = values[:, list(columns)].astype(np.float64)
    elif len(columns) < values.shape[1]:
        values = values[:, list(columns)]
    check_numbers(values, steps, columns)
    return values


def _tokens(steps: Steps, column: int) -> np.ndarray:
    """Returns a column of tokens, (N,)."""
    values = steps.values[:, column]
    if values.dtype.kind in NUMBERS:
        check_numbers(values[:, None], steps, [column])
        return values
    for step, value in enumerate(values):
        if value is None or value != value or not isinstance(value, Hashable):
            raise ValueError(
                f"X: expected a token in column {column}, got {checks.shown(value)} at {steps.place(step)}"
            )
    return values
