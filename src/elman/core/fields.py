"""Checks the fields of a file's description before anything is made of them.

A check takes a field's name and its value as JSON gave it, and returns the value; it raises a ValueError or TypeError
that names the field, what was expected and what came. `record` checks a mapping whose names are all known beforehand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from elman.core import checks

__all__ = [
    "LARGEST_COUNT",
    "Check",
    "anything",
    "flag",
    "items",
    "mapping",
    "number",
    "one_of",
    "optional",
    "parsed",
    "record",
    "scalar",
    "text",
    "whole",
    "words",
]

Check = Callable[[str, Any], Any]
LARGEST_COUNT = 2**40  # of rows, units, steps: far above any use, and products of two of them are still plain numbers
LARGEST_WHOLE = 2**64  # a seed is below it
SHOWN = 12  # names that one message lists


def parsed(text: str) -> Any:
    """Returns what a JSON text says; raises ValueError or RecursionError for other text, a name that stands twice in
    one object, and numbers that are not finite."""
    return json.loads(text, object_pairs_hook=_once, parse_int=_whole, parse_float=_finite, parse_constant=_finite)


def record(name: str, value: Any, known: Mapping[str, Check]) -> dict[str, Any]:
    """Returns the checked values of a mapping that has exactly the known names."""
    if not isinstance(value, dict):
        raise TypeError(f"{name}: expected the fields {words(known)}, got {checks.shown(value)}")
    if value.keys() != known.keys():
        unlike = [key for key in known if key not in value] or [key for key in value if key not in known]
        problem = "lacks" if unlike[0] in known else "does not know"
        raise ValueError(f"{name}: expected the fields {words(known)}, and {problem} {words(unlike)}")
    return {key: check(f"{name}.{key}", value[key]) for key, check in known.items()}


def whole(low: int = 0, high: int = LARGEST_COUNT) -> Check:
    """Returns a check for a whole number within [low, high]."""
    return lambda name, value: checks.whole(name, value, low, high)


def number(low: float | None = None, high: float | None = None, *, open_low: bool = False) -> Check:
    """Returns a check for a finite number within [low, high], or (low, high] with `open_low`."""
    return lambda name, value: checks.number(name, value, low, high, open_low=open_low)


def anything(name: str, value: Any) -> Any:
    """Accepts any value, which is checked elsewhere."""
    return value


def flag(name: str, value: Any) -> bool:
    """Accepts True or False."""
    return checks.flag(name, value)


def text(name: str, value: Any) -> str:
    """Accepts a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a string, got {checks.shown(value)}")
    return value


def one_of(*options: str) -> Check:
    """Returns a check for one of these strings."""
    return lambda name, value: checks.choice(name, value, options)


def optional(check: Check) -> Check:
    """Returns a check for None or what `check` accepts."""
    return lambda name, value: None if value is None else check(name, value)


def items(check: Check, least: int = 0) -> Check:
    """Returns a check for a list of at least `least` values that `check` accepts, which makes it a tuple."""

    def checked(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) < least:
            raise TypeError(f"{name}: expected a list of at least {least} values, got {checks.shown(value)}")
        return tuple(check(f"{name}[{i}]", each) for i, each in enumerate(value))

    return checked


def mapping(check: Check) -> Check:
    """Returns a check for a mapping from any names to values that `check` accepts."""

    def checked(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise TypeError(f"{name}: expected a mapping, got {checks.shown(value)}")
        return {key: check(f"{name}.{key}", each) for key, each in value.items()}

    return checked


def scalar(name: str, value: Any) -> bool | int | float | str | None:
    """Accepts None, a flag, a number or a string."""
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(f"{name}: expected a number, a string, a flag or null, got {checks.shown(value)}")
    return value


def words(names: Mapping[str, Any] | Sequence[str]) -> str:
    """Returns the first names, listed for a message."""
    listed = [name if len(name) <= 40 else f"{name[:37]}..." for name in [*names][:SHOWN]]
    return ", ".join(listed) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "") if listed else "none"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns a JSON object as a dict; raises ValueError where a name stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("expected each name once")
    return found


def _whole(text: str) -> int:
    """Returns a JSON integer, without reading millions of digits."""
    value = int(text) if len(text) <= 20 else LARGEST_WHOLE
    if abs(value) >= LARGEST_WHOLE:
        raise ValueError(f"expected whole numbers below 2**64, got {checks.shown(text)}")
    return value


def _finite(text: str) -> float:
    """Returns a JSON number; raises ValueError where it is not finite."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"expected finite numbers, got {checks.shown(text)}")
    return value
