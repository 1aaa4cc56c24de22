"""Callbacks that record a training after every epoch: `Trainer.fit(callback=[JSONLog("log.jsonl"), ...])`.

A callback is any function of the Trainer; training ends where it returns something true. A method `finish(trainer)`, if
it has one, is called when `fit` ends, however it ends. For early stopping see `fit`'s `patience`, which also puts the
best weights back.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import json
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman import plots
from elman.core import checks

if TYPE_CHECKING:
    from elman.train.training import Trainer

__all__ = ["JSONLog", "LearningCurve", "TensorBoard"]

TAIL = 1 << 16  # bytes read of a log's end; no line is longer


class JSONLog:
    """Writes one line of JSON for each epoch: its number and the fields of `elman.train.history.Epoch`.

    A number that is not finite, such as a validation loss without validation data, is null. Each line is written in one
    call, so that it is complete even where the program is killed a moment later. Lines are appended to an existing log,
    whose incomplete last line is cut off; where a training was resumed before its last logged epoch, the last line of
    an epoch counts.

    Raises OSError where the file cannot be written (a line that does not fit on the disk is removed), and ValueError
    for a file whose last line is none of such a log.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        descriptor = self._open()
        try:
            self._mend(descriptor)
        finally:
            os.close(descriptor)

    def __call__(self, trainer: Trainer) -> None:
        figures = {"epoch": trainer.epochs, **trainer.history.epochs[-1]._asdict()}
        plain = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        line = (json.dumps(plain) + "\n").encode()
        descriptor = self._open()
        try:
            size = os.fstat(descriptor).st_size
            try:
                if os.write(descriptor, line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            except BaseException:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)

    def _mend(self, descriptor: int) -> None:
        """Cuts off an incomplete last line; raises ValueError where the file is no such log."""
        size = os.fstat(descriptor).st_size
        start = max(size - TAIL, 0)
        os.lseek(descriptor, start, os.SEEK_SET)
        tail = os.read(descriptor, TAIL)
        *whole, half = tail.split(b"\n")
        begins = b'{"epoch": '
        ours = half.startswith(begins) or begins.startswith(half)
        if not ours or (whole and not whole[-1].startswith(begins)):
            raise ValueError(f"path: expected a log of JSON lines or a new file, got {checks.shown(str(self.path))}")
        if half:
            os.ftruncate(descriptor, size - len(half))


class TensorBoard:
    """Writes scalars for TensorBoard with tensorboardX: every finite figure of an epoch, at the epoch's number.

    A thread of tensorboardX writes to the disk every two seconds and when training ends; every `fit` has a file of its
    own. Where a training goes on in the same folder, TensorBoard hides what was logged before for these epochs. Raises
    ModuleNotFoundError without tensorboardX.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        if importlib.util.find_spec("tensorboardX") is None:
            needed = "TensorBoard needs tensorboardX; type: pip install 'elman[tensorboard]'"
            raise ModuleNotFoundError(needed, name="tensorboardX")
        self.folder = Path(folder)
        self._writer: Any = None

    def __call__(self, trainer: Trainer) -> None:
        if self._writer is None:
            self._writer = importlib.import_module("tensorboardX").SummaryWriter(
                str(self.folder),
                purge_step=trainer.epochs,
                flush_secs=2,
                filename_suffix=f".{time.time_ns()}",  # its own names differ by the second, and would be written over
            )
        for name, value in trainer.history.epochs[-1]._asdict().items():
            if math.isfinite(value):
                self._writer.add_scalar(name, value, trainer.epochs)

    def finish(self, trainer: Trainer) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class LearningCurve:
    """Draws the losses so far with `elman.plots.learning_curve`, as PNG, SVG or PDF by the path's ending.

    The picture is drawn after the first epoch, then at the end of an epoch when `seconds` have passed since the last
    drawing, and when the training ends. Raises ModuleNotFoundError without matplotlib, OSError where the file cannot be
    written.
    """

    def __init__(self, path: str | os.PathLike[str], *, seconds: float = 10.0) -> None:
        self.path = Path(path)
        self.seconds = checks.number("seconds", seconds, low=0.0)
        plots.needs_matplotlib()
        self._drawn = -math.inf  # the time of the last drawing

    def __call__(self, trainer: Trainer) -> None:
        if time.monotonic() - self._drawn >= self.seconds:
            self._draw(trainer)

    def finish(self, trainer: Trainer) -> None:
        if trainer.epochs:
            self._draw(trainer)

    def _draw(self, trainer: Trainer) -> None:
        plots.learning_curve(trainer.history, self.path)
        self._drawn = time.monotonic()
