"""Compares analytic gradients of a function of arrays with its central differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from elman.network.gradcheck.report import ArrayCheck

__all__ = ["Analytic", "compare"]

STEP = 1e-5  # of the central differences
FINE = 1e-7  # of a second try, where a kink may lie between the two sides


class Analytic(NamedTuple):
    """An array and the gradient to be checked, of one shape."""

    name: str
    array: np.ndarray
    gradient: np.ndarray


def compare(
    value: Callable[[], float],
    arrays: Sequence[Analytic],
    tolerance: float,
    entries: int,
    rng: np.random.Generator,
) -> tuple[float, list[ArrayCheck]]:
    """Compares each gradient with central differences of `value`, which reads the arrays anew at each call.

    Of each array at most `entries` entries are checked, drawn from rng. Returns the floor (see `GradReport`) and what
    was found of each array.
    """
    middle = value()
    chosen = [list(_entries(each.array, entries, rng)) for each in arrays]
    numeric = [
        np.array([_central(value, each.array, entry) for entry in picked])
        for each, picked in zip(arrays, chosen, strict=True)
    ]
    largest = max((float(np.abs(values).max(initial=0.0)) for values in numeric), default=0.0)
    # rounding of the loss moves a central difference by about `noise`
    noise = 4 * np.finfo(float).eps * max(abs(middle), 1e-3)
    floor = max(1e-3 * largest, noise / STEP / tolerance)
    found = [
        _compared(value, middle, each, picked, values, tolerance, floor, noise)
        for each, picked, values in zip(arrays, chosen, numeric, strict=True)
    ]
    return floor, found


def _compared(
    value: Callable[[], float],
    middle: float,
    each: Analytic,
    picked: list[tuple[int, ...]],
    values: np.ndarray,
    tolerance: float,
    floor: float,
    noise: float,
) -> ArrayCheck:
    """Compares the picked entries of one gradient with differences `values`; takes a finer step where they differ."""
    analytic = np.array([each.gradient[entry] for entry in picked])
    errors = _errors(analytic, values, floor)
    kinks = 0
    for i in np.flatnonzero(~(errors <= tolerance)):
        allowed = tolerance * max(abs(analytic[i]), floor) + noise / FINE
        fine, low, high = _sides(value, each.array, picked[i], middle)
        if abs(values[i] - fine) > 2 * allowed and abs(analytic[i] - fine) <= allowed:
            # the kink lay within the wider step; the finer one resolves the difference to `allowed`
            values[i], errors[i] = fine, min(float(_errors(analytic[i], fine, floor)), tolerance)
        elif (
            high - low > 1e-3 * max(abs(low), abs(high)) + 4 * noise / FINE
            and low - allowed <= analytic[i] <= high + allowed
        ):
            kinks += 1
            errors[i] = 0.0
    worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    return ArrayCheck(
        each.name,
        each.array.shape,
        len(picked),
        float(errors[worst]),
        picked[worst],
        float(analytic[worst]),
        float(values[worst]),
        kinks,
        bool((errors <= tolerance).all()),
    )


def _errors(analytic: np.ndarray, numeric: np.ndarray | float, floor: float) -> np.ndarray:
    """Returns relative differences; entries below the floor are taken as large as it."""
    return np.abs(analytic - numeric) / np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), floor)


def _entries(array: np.ndarray, most: int, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Yields all entries of the array, or `most` of them, drawn."""
    flat = np.arange(array.size) if array.size <= most else np.sort(rng.choice(array.size, most, replace=False))
    for index in flat:
        yield tuple(int(i) for i in np.unravel_index(index, array.shape))


def _central(value: Callable[[], float], array: np.ndarray, entry: tuple[int, ...]) -> float:
    """Returns the central difference of `value` by one entry of the array, which is put back."""
    before = array[entry]
    array[entry] = before + STEP
    above = value()
    array[entry] = before - STEP
    below = value()
    array[entry] = before
    return (above - below) / (2 * STEP)


def _sides(
    value: Callable[[], float], array: np.ndarray, entry: tuple[int, ...], middle: float
) -> tuple[float, float, float]:
    """Returns the central difference with the fine step, and the smaller and larger of the one-sided ones."""
    before = array[entry]
    array[entry] = before + FINE
    above = (value() - middle) / FINE
    array[entry] = before - FINE
    below = (middle - value()) / FINE
    array[entry] = before
    return (above + below) / 2, min(above, below), max(above, below)
