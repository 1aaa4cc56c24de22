"""Checks of arguments. Every message names the argument, what was expected and what came."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Sequence
from typing import Any, TypeVar

from elman.core.meant import meant

__all__ = [
    "MOST",
    "above_zero",
    "choice",
    "count",
    "flag",
    "having",
    "number",
    "path",
    "shown",
    "whole",
    "with_article",
]

T = TypeVar("T")
NO_NUMBERS = (bool, str, bytes)  # though float() takes them

# Of anything that is counted (units, rows, steps): far above any use, so that no product of two passes 64 bits
MOST = 2**31 - 1


def shown(value: Any) -> str:
    """The value as an error message shows it: short, never pages of numbers."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        text = f"array of shape {tuple(value.shape)} and {value.dtype}"
    else:
        try:
            text = repr(value)
        except (RecursionError, ValueError):  # nested by the hundred, or a whole number of thousands of digits
            text = f"{type(value).__name__} too deep or too long to show"
    return text if len(text) <= 80 else text[:77] + "..."


def whole(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """`value` as an int within [low, high]; booleans and fractions are refused."""
    try:
        if isinstance(value, bool):
            raise TypeError
        result, error = operator.index(value), ValueError
    except TypeError:
        result, error = None, TypeError
    if result is None or (low is not None and result < low) or (high is not None and result > high):
        raise error(f"{name}: expected a whole number{_range(low, high)}, got {shown(value)}")
    return result


def count(name: str, value: Any) -> int:
    """`value` as an int of at least 1 and at most MOST."""
    return whole(name, whole(name, value, low=1), high=MOST)


def number(
    name: str, value: Any, low: float | None = None, high: float | None = None, *, open_low: bool = False
) -> float:
    """`value` as a finite float within [low, high], or (low, high] with `open_low`."""
    try:
        if isinstance(value, NO_NUMBERS):
            raise TypeError
        result, error = float(value), ValueError
    except OverflowError:  # a whole number beyond the largest float
        result, error = math.inf, ValueError
    except (TypeError, ValueError):
        result, error = math.nan, TypeError
    fits = math.isfinite(result) and (high is None or result <= high)
    if not fits or (low is not None and (result < low or (open_low and result == low))):
        raise error(f"{name}: expected a finite number{_range(low, high, open_low)}, got {shown(value)}")
    return result


def above_zero(name: str, value: Any) -> float | None:
    """Returns an option that is None or a number above 0."""
    return None if value is None else number(name, value, low=0.0, open_low=True)


def having(name: str, value: T, method: str, expected: str) -> T:
    """Returns an option that is None or an object with such a method, which makes it what is expected."""
    if value is not None and not hasattr(value, method):
        raise TypeError(f"{name}: expected {expected}, got {shown(value)}")
    return value


def path(name: str, value: Any) -> str:
    """`value` as the text of a path to a file or folder."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name}: expected a path, got {shown(value)}")
    text = os.fspath(value)
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected a path of text, got {shown(value)}")
    return text


def flag(name: str, value: Any) -> bool:
    """`value`, which must be True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: expected True or False, got {shown(value)}")
    return value


def choice(name: str, value: Any, options: Sequence[T]) -> T:
    """`value`, which must be one of `options`."""
    try:
        if value in options:
            return value
    except (TypeError, ValueError):
        pass
    listed = ", ".join(repr(option) for option in options)
    error = ValueError if type(value) in {type(option) for option in options} else TypeError
    raise error(f"{name}: expected one of {listed}, got {shown(value)}{meant(value, options)}")


def with_article(name: str) -> str:
    """Returns "a" or "an" and the name of a kind of object; a class's name is taken apart: "an anomaly detector"."""
    inside = "".join(f" {letter}" if i and letter.isupper() else letter for i, letter in enumerate(name))
    words = inside.lower() if " " in inside else name.lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _range(low: float | None, high: float | None, open_low: bool = False) -> str:
    if low is not None and high is not None:
        return f" in {'(' if open_low else '['}{low}, {high}]"
    if low is not None:
        return f" above {low}" if open_low else f" of at least {low}"
    return f" of at most {high}" if high is not None else ""
