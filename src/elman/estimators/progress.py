"""Shows on stderr how far a fit is, with the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

from elman.estimators.ensemble import OnProgress
from elman.train.progress import clock

__all__ = ["shown"]

LINES = 10  # where stderr is no terminal


@contextmanager
def shown(enabled: bool, on_progress: OnProgress | None = None) -> Generator[OnProgress | None]:
    """Yields a callback for the share of the work that is done, which shows it and hands it on to `on_progress`.

    A terminal has one line, which is written anew; anything else gets about ten lines.
    """
    if not enabled:
        yield on_progress
        return
    began, lock, terminal = time.perf_counter(), Lock(), sys.stderr.isatty()
    told = 0.0

    def show(share: float) -> None:
        nonlocal told
        with lock:
            seconds = time.perf_counter() - began
            if share >= 1.0 or share - told >= (0.01 if terminal else 1.0 / LINES):
                told = share
                left = f"{clock(seconds / share - seconds)} left" if share < 1.0 else clock(seconds)
                end = "\n" if share >= 1.0 or not terminal else ""
                print(f"{chr(13) * terminal}training {share:4.0%}  {left:<12}", end=end, file=sys.stderr, flush=True)
        if on_progress is not None:
            on_progress(share)

    yield show
