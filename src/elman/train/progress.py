"""Shows how far a training is: a bar where rich is installed and stderr is a terminal, else about a dozen lines."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

__all__ = ["Reporter", "reporter"]

LONG = 20.0  # seconds without a line, after which one is printed within an epoch


class Reporter(Protocol):
    """Shows how training goes; epochs are counted from 1."""

    def updates(self, epoch: int, done: int, total: int) -> None:
        """Called at the start of an epoch and after every block of updates: `done` of `total` updates are done."""
        ...

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None:
        """Called at the end of an epoch."""
        ...


@contextmanager
def reporter(enabled: bool, epochs: int) -> Generator[Reporter]:
    """Yields the reporter for stderr, a silent one unless `enabled`; `epochs` is the number of the last epoch."""
    if not enabled:
        yield Silent()
        return
    bar = _bar(epochs) if sys.stderr.isatty() else None
    shown = bar or Lines(epochs)
    try:
        yield shown
    finally:
        shown.close()


class Silent:
    """Shows nothing."""

    def updates(self, epoch: int, done: int, total: int) -> None:
        pass

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None:
        pass


class Pace:
    """Makes the text of a line: the last epoch's losses, updates a second, and the time that is left."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._began = time.perf_counter()
        self._start: int | None = None  # updates that were done before, and cost this call no time
        self._done = self._left = 0  # updates
        self._figures = ""

    def updates(self, epoch: int, done: int, total: int) -> None:
        at = (epoch - 1) * total + done
        self._start = at if self._start is None else self._start
        self._done, self._left = at - self._start, self._epochs * total - at

    def epoch(self, loss: float, validation_loss: float) -> None:
        validation = "" if math.isnan(validation_loss) else f"  validation {validation_loss:.5g}"
        self._figures = f"  loss {loss:.5g}{validation}"

    def line(self, epoch: int, ended: bool = False) -> str:
        """Returns a line of less than 100 characters; `ended`: with the time taken in place of the time left."""
        seconds = max(time.perf_counter() - self._began, 1e-9)
        speed = self._done / seconds
        ended = ended or not self._left
        spent = clock(seconds) if ended or not self._done else f"{clock(self._left / speed)} left"
        return f"epoch {epoch}/{self._epochs}{self._figures}  {short(speed)} updates/s  {spent}"


class Lines:
    """Prints a line for the first epoch, each tenth part of the epochs, and the last, also where training ends
    early; and after 20 seconds without one."""

    def __init__(self, epochs: int) -> None:
        self._pace = Pace(epochs)
        self._every = max(1, math.ceil(epochs / 10))
        self._unprinted = 0  # the last epoch, where no line was printed for it
        self._due = time.perf_counter() + LONG

    def updates(self, epoch: int, done: int, total: int) -> None:
        self._pace.updates(epoch, done, total)
        if time.perf_counter() > self._due and done < total:
            print(self._pace.line(epoch), file=sys.stderr, flush=True)
            self._due = time.perf_counter() + LONG

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None:
        self._pace.epoch(loss, validation_loss)
        self._unprinted = epoch
        if epoch == 1 or epoch % self._every == 0:
            self._print(ended=False)

    def close(self) -> None:
        if self._unprinted:
            self._print(ended=True)

    def _print(self, ended: bool) -> None:
        print(self._pace.line(self._unprinted, ended), file=sys.stderr, flush=True)
        self._due = time.perf_counter() + LONG
        self._unprinted = 0


class Bar:
    """A bar in one line, which also moves within epochs."""

    def __init__(self, epochs: int, progress: Any) -> None:
        self._pace = Pace(epochs)
        self._epoch = 0
        self._progress = progress
        self._task = progress.add_task("training", total=epochs)
        progress.start()

    def updates(self, epoch: int, done: int, total: int) -> None:
        self._pace.updates(epoch, done, total)
        self._epoch = epoch
        self._show(epoch - 1 + done / total)

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None:
        self._pace.epoch(loss, validation_loss)
        self._show(epoch)

    def close(self) -> None:
        if self._epoch:
            self._progress.update(self._task, description=self._pace.line(self._epoch, ended=True))
        self._progress.stop()

    def _show(self, completed: float) -> None:
        self._progress.update(self._task, completed=completed, description=self._pace.line(self._epoch))


def _bar(epochs: int) -> Bar | None:
    """Returns a bar; None where rich is missing."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
    except ImportError:
        return None
    # a short bar leaves room for the text
    columns = BarColumn(bar_width=8), TextColumn("{task.description}")
    return Bar(epochs, Progress(*columns, console=Console(stderr=True)))


def short(speed: float) -> str:
    """Returns a speed in at most five characters: 0.123, 12.3, 1234, 12k."""
    if speed < 1000:
        return f"{speed:.3g}" if speed >= 0.001 else "0"
    return f"{speed:.0f}" if speed < 9999.5 else f"{speed / 1000:.0f}k"


def clock(seconds: float) -> str:
    """Returns a time as 12 s, 3:25 (minutes and seconds) or 1:03:25; with tenths below ten seconds."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
