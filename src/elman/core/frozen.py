"""What the frozen descriptions of cells and layers share: their repr, and fields stored as plain Python values."""

from __future__ import annotations

from dataclasses import MISSING, field, fields
from typing import Any

from elman.core import checks

__all__ = ["added", "below_one", "share", "short_repr", "store"]

ALWAYS_SHOWN = ("cell", "activation")  # in a repr, also where they are the defaults


def short_repr(self: Any) -> str:
    """Returns the repr of a description: its class, and the fields that differ from their defaults."""
    parts: list[str] = []
    for each in fields(self):
        value = getattr(self, each.name)
        if each.default is MISSING or each.name in ALWAYS_SHOWN:
            parts.append(repr(value))
        elif value != each.default:
            parts.append(f"{each.name}={value!r}")
    return f"{type(self).__name__}({', '.join(parts)})"


def added(default: Any) -> Any:
    """Returns a dataclass field that a later version added; files leave it out where it is the default, and so are the
    same, byte for byte, as they were before."""
    return field(default=default, metadata={"added": True})


def store(self: Any, **values: Any) -> None:
    """Sets fields of a frozen dataclass while it is made, for example to plain numbers in place of NumPy's."""
    for name, value in values.items():
        object.__setattr__(self, name, value)


def below_one(name: str, value: object) -> float:
    """Returns `value`, a number in [0, 1); raises TypeError or ValueError for anything else."""
    number = checks.number(name, value, low=0.0, high=1.0)
    if number == 1.0:
        raise ValueError(f"{name}: expected a number in [0, 1), got {value!r}")
    return number


def share(name: str, value: object) -> float:
    """Returns `value`, a number in (0, 1]; raises TypeError or ValueError for anything else."""
    return checks.number(name, value, low=0.0, high=1.0, open_low=True)
