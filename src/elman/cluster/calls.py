"""One call of a task's function, wherever it runs, and what must be the same there."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Any

from elman.cluster.updates.worker import facts
from elman.cluster.values import encoded

__all__ = ["Unlike", "call", "signature"]

Called = tuple[float, bytes | None, str | None]  # seconds; the result as bytes, or the traceback of an error


class Unlike(ValueError):
    """A worker would compute other bits than this process: its version, engine or instruction set is another."""


def signature() -> str:
    """Returns what decides the bits of a result beside the task: version, engine, instruction set and build."""
    return ", ".join(f"{name} {value}" for name, value in facts().items())


def call(function: Callable[[Any], Any], arguments: list[Any], expected: str) -> list[Called]:
    """Calls a function with each of some arguments, and returns what came of each.

    Unlike where the `signature` is not the expected one.
    """
    if signature() != expected:
        raise Unlike(f"a worker has {signature()}; expected {expected}. Set ELMAN_ISA to a set that all of them have")
    return [_called(function, each) for each in arguments]


def _called(function: Callable[[Any], Any], argument: Any) -> Called:
    began = time.perf_counter()
    try:
        result, error = encoded(function(argument)), None
    except Exception as raised:
        inner = raised.__traceback__ and raised.__traceback__.tb_next  # without this function
        text = "".join(traceback.format_exception(type(raised), raised, inner))
        result, error = None, text.encode(errors="backslashreplace").decode()  # names of files may be no Unicode
    return time.perf_counter() - began, result, error
