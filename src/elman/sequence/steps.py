"""Reads sequences in whatever form they come, as the steps of all of them end to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from elman.core import checks

__all__ = ["Steps", "check_numbers", "is_tokens", "padded", "places", "read_steps", "split"]

NUMBERS = "biuf"  # NumPy's letters for the kinds of dtypes that are real numbers


class Steps(NamedTuple):
    """n sequences of C columns, the N steps of all of them end to end."""

    values: np.ndarray  # (N, C): real numbers, or objects where some column may hold tokens
    lengths: np.ndarray  # int64 (n,), N = their sum
    table: bool = False  # whether X was 2-D numbers: a row is a sequence, and all have the same number of steps

    def take(self, rows: np.ndarray) -> Steps:
        """Returns these sequences, in this order."""
        return Steps(self.values[places(self.lengths, rows)], self.lengths[rows], self.table)

    def place(self, step: int) -> str:
        """Returns, in words, where one of the N steps is."""
        row = int(np.searchsorted(np.cumsum(self.lengths), step, side="right"))
        return f"row {row}, step {step - int(self.lengths[:row].sum())}"


def read_steps(x: Any) -> Steps:
    """Returns the sequences of X.

    x   2-D numbers (n, T): n sequences of one number a step, or of one token where it holds strings; 3-D (n, T, C);
        or a list of sequences (T,), (T, C) of numbers, tokens, or tuples of both

    Raises ValueError or TypeError for anything else, and names the sequence.
    """
    if isinstance(x, list | tuple):
        x = cast("Sequence[Any]", x)
        if not len(x):
            raise ValueError("X: expected at least one sequence, got an empty list")
        if not _is_table(x):
            return _of_list(x)
        x = np.asarray(x)
    array = np.asarray(x)
    if array.ndim not in (2, 3):
        raise ValueError(
            f"X: expected (n, T), (n, T, D) or a list of sequences (T,) or (T, D), got shape {array.shape}; one "
            "sequence alone is [sequence]"
        )
    if not array.size:
        raise ValueError(f"X: expected at least one sequence and one step, got shape {array.shape}")
    array = _plain(array)
    n, steps = array.shape[:2]
    return Steps(
        array.reshape(n * steps, -1), np.full(n, steps, np.int64), array.ndim == 2 and array.dtype.kind in NUMBERS
    )


def is_tokens(x: Any) -> bool:
    """Returns whether an array or list of 2 axes holds strings somewhere."""
    array = np.asarray(x)
    return array.dtype.kind in "US" or (array.dtype == object and any(isinstance(each, str) for each in array.flat))


def _is_table(x: Sequence[Any]) -> bool:
    """Returns whether a list is 2-D numbers as scikit-learn takes them: rows of Python's own numbers, equally long."""
    if not all(isinstance(row, list | tuple) for row in x) or len({len(row) for row in x}) != 1:
        return False
    return all(isinstance(each, int | float | np.number | np.bool_) for row in x for each in row)


def _of_list(x: Sequence[Any]) -> Steps:
    arrays = [_sequence(i, item) for i, item in enumerate(x)]
    first = arrays[0]
    for i, array in enumerate(arrays):
        if array.ndim != first.ndim or array.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"X[{i}]: expected shape ({', '.join(['T', *map(str, first.shape[1:])])}{',' * (first.ndim == 1)}), as "
                f"X[0] has, got {array.shape}"
            )
    lengths = np.array([len(array) for array in arrays], np.int64)
    kinds = {array.dtype.kind in NUMBERS for array in arrays}
    if kinds == {True, False}:
        arrays = [array.astype(object) for array in arrays]
    return Steps(np.concatenate(arrays).reshape(int(lengths.sum()), -1), lengths)


def _sequence(i: int, item: Any) -> np.ndarray:
    """Returns one item of X as an array of 1 or 2 axes, of numbers or objects."""
    if isinstance(item, str | bytes):
        raise TypeError(
            f"X[{i}]: expected a sequence of tokens, got the string {checks.shown(item)}; X = [text.split() for "
            "text in X] gives its words, [list(text) for text in X] its characters"
        )
    try:
        array = np.asarray(item)
        if array.dtype.kind not in NUMBERS and not isinstance(item, np.ndarray):
            array = np.array(item, dtype=object)  # strings alone would make strings of the numbers beside them
    except ValueError:
        raise ValueError(f"X[{i}]: expected steps with the same number of columns, got {checks.shown(item)}") from None
    if array.ndim not in (1, 2):
        raise ValueError(f"X[{i}]: expected shape (T,) or (T, D), got {array.shape}")
    if not array.size:
        raise ValueError(f"X[{i}]: expected at least one step, got shape {array.shape}")
    return _plain(array)


def _plain(array: np.ndarray) -> np.ndarray:
    """Returns numbers as they are, strings and objects as objects, and objects that are all numbers as numbers."""
    kind = array.dtype.kind
    if kind in NUMBERS:
        return array
    if kind == "c":
        raise ValueError("X: Complex data not supported; expected real numbers or tokens")
    if kind in "US":
        return array.astype(object)
    if kind != "O":
        raise TypeError(f"X: expected real numbers or tokens, got {array.dtype}")
    if all(isinstance(each, int | float | np.number | np.bool_) for each in array.flat):
        return array.astype(np.float64)
    return array


def check_numbers(values: np.ndarray, steps: Steps, columns: Sequence[int] | None = None) -> None:
    """Raises ValueError for NaN or infinity among numbers (N, D), with its place; `columns` are theirs in X."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    step, column = np.argwhere(~np.isfinite(values))[0].tolist()
    value = values[step, column]
    shown = "NaN" if np.isnan(value) else "inf" if value > 0 else "-inf"
    where = steps.place(step)
    if not steps.table:
        where += f", column {column if columns is None else columns[column]}"
    raise ValueError(f"X: expected finite numbers, got {shown} at {where}")


def places(lengths: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Returns where the steps of some sequences lie among those of all, one sequence after the other."""
    starts, own = np.cumsum(lengths) - lengths, lengths[rows]
    return np.repeat(starts[rows] - (np.cumsum(own) - own), own) + np.arange(own.sum())


def padded(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns steps end to end (N, ...) as an array (n, T, ...), padded with 0 behind each sequence's end."""
    longest = int(lengths.max())
    if (lengths == longest).all():
        return values.reshape(len(lengths), longest, *values.shape[1:])
    rows = np.zeros((len(lengths), longest, *values.shape[1:]), values.dtype)
    rows[np.arange(longest) < lengths[:, None]] = values
    return rows


def split(values: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """Returns the steps of each sequence, of steps end to end (N, ...)."""
    return np.split(values, np.cumsum(lengths)[:-1])
