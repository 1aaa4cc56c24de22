"""SIGTERM and SIGHUP end a command as Ctrl-C does: files that it was writing are removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Terminated", "terminable"]

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(BaseException):
    """Raised when another process asks this one to end. It is no Exception, so that no handler of errors catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def terminable() -> Generator[None]:
    """While it is open, raises Terminated when one of the signals arrives, and ignores those that follow.

    One that is ignored (nohup) or that a program has a handler of its own for is left alone.
    """
    ours: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        for each in ours:
            signal.signal(each, signal.SIG_IGN)
        raise Terminated(number)

    try:
        if threading.current_thread() is threading.main_thread():  # which alone receives signals
            for each in SIGNALS:
                if signal.getsignal(each) is signal.SIG_DFL:
                    ours.append(each)
                    signal.signal(each, end)
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)
