"""Kinds of files, and where the class that reads each is found.

The package's own `__init__` fills this table, since it alone may name every floor. Nothing heavy is imported here:
a class is imported when a file of its kind is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["READERS"]

READERS: dict[str, Callable[[], Any]] = {}  # kind -> returns the class, an `elman.core.io.Reader`
