"""Which executor trainings use that are given none."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["computing", "current"]

_CURRENT: ContextVar[Any] = ContextVar("executor", default=None)


@contextmanager
def computing(executor: Any) -> Generator[None]:
    """Has the networks of all estimators that are fitted in the body trained by an executor (see `Ledger`), such as a
    Dask client. Results do not depend on it, bit for bit. None changes nothing."""
    token = _CURRENT.set(_CURRENT.get() if executor is None else executor)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current() -> Any:
    """Returns the executor of the innermost `computing`; None without one."""
    return _CURRENT.get()
