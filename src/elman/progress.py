"""How far a training is: a bar where rich is installed and stderr is a terminal, else about a dozen plain lines."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Reporter", "reporter"]


class Reporter(Protocol):
    """Told how training goes; epochs are counted from 1."""

    def updates(self, epoch: int, done: int, total: int) -> None: ...

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None: ...


@contextmanager
def reporter(enabled: bool, epochs: int) -> Generator[Reporter]:
    """The reporter that fits where stderr leads; `enabled` False: a silent one."""
    if not enabled:
        yield Silent()
        return
    if sys.stderr.isatty():
        try:
            from rich.progress import Progress
        except ImportError:
            pass
        else:
            yield from _bar(Progress, epochs)
            return
    lines = Lines(epochs)
    try:
        yield lines
    finally:
        lines.close()


class Silent:
    def updates(self, epoch: int, done: int, total: int) -> None:
        pass

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None:
        pass


class Lines:
    """The first epoch, each tenth part of the epochs, and the last one, also where training ends early."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._every = max(1, math.ceil(epochs / 10))
        self._began = time.perf_counter()
        self._unsaid = ""

    def updates(self, epoch: int, done: int, total: int) -> None:
        pass

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None:
        seconds = time.perf_counter() - self._began
        self._unsaid = f"epoch {epoch}/{self._epochs}  {figures(loss, validation_loss)}  {seconds:.1f} s"
        if epoch == 1 or epoch % self._every == 0:
            self.close()

    def close(self) -> None:
        if self._unsaid:
            print(self._unsaid, file=sys.stderr, flush=True)
            self._unsaid = ""


class Bar:
    """One line that moves within epochs too."""

    def __init__(self, progress: object, task: object) -> None:
        self._progress = progress
        self._task = task

    def updates(self, epoch: int, done: int, total: int) -> None:
        self._progress.update(self._task, completed=epoch - 1 + done / total)  # type: ignore[attr-defined]

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None:
        words = f"epoch {epoch}  {figures(loss, validation_loss)}"
        self._progress.update(self._task, completed=epoch, description=words)  # type: ignore[attr-defined]


def _bar(kind: type, epochs: int) -> Iterator[Reporter]:
    from rich.console import Console

    with kind(*kind.get_default_columns(), console=Console(stderr=True)) as progress:
        yield Bar(progress, progress.add_task("training", total=epochs))


def figures(loss: float, validation_loss: float) -> str:
    validation = "" if math.isnan(validation_loss) else f"  validation {validation_loss:.6g}"
    return f"loss {loss:.6g}{validation}"
