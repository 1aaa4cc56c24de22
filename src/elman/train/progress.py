"""How far a training is: a bar where rich is installed and stderr is a terminal, else about a dozen plain lines."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

__all__ = ["Reporter", "reporter"]


class Reporter(Protocol):
    """Told how training goes; epochs are counted from 1."""

    def updates(self, epoch: int, done: int, total: int) -> None:
        """So many updates of the epoch are done; told at its start too, since a resumed one may begin further on."""
        ...

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None: ...


@contextmanager
def reporter(enabled: bool, epochs: int) -> Generator[Reporter]:
    """The reporter that fits where stderr leads; `enabled` False: a silent one. `epochs`: the number of the last."""
    if not enabled:
        yield Silent()
        return
    told = _bar(epochs) if sys.stderr.isatty() else None
    told = told or Lines(epochs)
    try:
        yield told
    finally:
        told.close()


class Silent:
    def updates(self, epoch: int, done: int, total: int) -> None:
        pass

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None:
        pass


class Pace:
    """What a line says: the last whole epoch's figures, updates a second, and the time that is left."""

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
        """One line of less than 100 characters; `ended`: with the time it all took instead of what is left."""
        seconds = max(time.perf_counter() - self._began, 1e-9)
        speed = self._done / seconds
        ended = ended or not self._left
        spent = clock(seconds) if ended or not self._done else f"{clock(self._left / speed)} left"
        return f"epoch {epoch}/{self._epochs}{self._figures}  {short(speed)} updates/s  {spent}"


class Lines:
    """The first epoch, each tenth part of the epochs, and the last one, also where training ends early."""

    def __init__(self, epochs: int) -> None:
        self._pace = Pace(epochs)
        self._every = max(1, math.ceil(epochs / 10))
        self._unsaid = 0  # the last epoch, where no line was printed for it

    def updates(self, epoch: int, done: int, total: int) -> None:
        self._pace.updates(epoch, done, total)

    def epoch(self, epoch: int, loss: float, validation_loss: float) -> None:
        self._pace.epoch(loss, validation_loss)
        self._unsaid = epoch
        if epoch == 1 or epoch % self._every == 0:
            self._say(ended=False)

    def close(self) -> None:
        if self._unsaid:
            self._say(ended=True)

    def _say(self, ended: bool) -> None:
        print(self._pace.line(self._unsaid, ended), file=sys.stderr, flush=True)
        self._unsaid = 0


class Bar:
    """One line that moves within epochs too."""

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
    """None without rich."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
    except ImportError:
        return None
    # a short bar: the words beside it are what is read
    columns = BarColumn(bar_width=8), TextColumn("{task.description}")
    return Bar(epochs, Progress(*columns, console=Console(stderr=True)))


def short(speed: float) -> str:
    """At most five characters: 0.123, 12.3, 1234, 12k."""
    if speed < 1000:
        return f"{speed:.3g}" if speed >= 0.001 else "0"
    return f"{speed:.0f}" if speed < 9999.5 else f"{speed / 1000:.0f}k"


def clock(seconds: float) -> str:
    """12 s, 3:25 (minutes and seconds) or 1:03:25; tenths below ten seconds."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
