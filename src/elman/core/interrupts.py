"""Delays Ctrl-C until a piece of work is complete."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["held"]


@contextmanager
def held() -> Generator[None]:
    """Delays a KeyboardInterrupt until the body has ended; a second Ctrl-C is raised at once.

    Nothing changes outside of the main thread, which alone receives signals, and where the program has set a handler of
    its own.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt
