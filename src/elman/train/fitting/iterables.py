"""Trains on data that come as an iterable of batches, such as a generator: an epoch is one pass over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from elman.core import checks
from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.requests import Batch, Records
from elman.train.checkpoint import CheckpointWriter
from elman.train.data import named_batch, row_weights
from elman.train.fitting.advice import warn_of_scale
from elman.train.fitting.epochs import end_epoch, refuse_explosion
from elman.train.history import Epoch
from elman.train.progress import Reporter
from elman.train.state import Position, TrainingState

__all__ = ["BatchRunner", "Batches", "FitBatches", "as_batches"]


@runtime_checkable
class EpochBatches(Protocol):
    """Batches in an order of their own for each epoch, as `elman.ArrowBatches` has."""

    def epoch(self, number: int) -> Iterator[Any]: ...
    def __len__(self) -> int: ...
    @property
    def described(self) -> Mapping[str, Any]: ...


Batches = Iterable[Any] | Callable[[], Iterable[Any]] | EpochBatches  # of (x, y), or of mappings


class FitBatches(NamedTuple):
    """The data of one call of `Trainer.fit`, where they come batch by batch."""

    batches: Callable[[int], Iterator[Batch]]  # the pass of an epoch, counted from 1
    size: Callable[[Batch], float]  # the sum of the weights of a batch's steps, what it counts in an epoch's mean
    held_out: Batch | None
    length: int | None  # batches of a pass, where that is known
    described: Mapping[str, Any]  # what is known of the batches, for the fingerprint
    note: str = ""


def as_batches(
    layout: Layout,
    loss: Loss,
    x: Any,
    epochs: int,
    validation: Any,
    refused: Mapping[str, Any],
    checked: Callable[..., Batch],
) -> FitBatches:
    """Returns the data of a fit from an iterable of batches; arguments as for `Trainer.fit`.

    refused  options that say nothing about such data, by name; each must be None
    checked  makes a Batch of x, y and the other arguments of `Network.loss`
    """
    ordered = x if isinstance(x, EpochBatches) else None
    plain = isinstance(x, Iterable) and not isinstance(x, Mapping | str) and not hasattr(x, "dtype")
    if not (ordered is not None or callable(x) or plain):
        raise TypeError(f"y: expected targets, or an iterable of batches (x, y) as x, got None with {checks.shown(x)}")
    for name, value in refused.items():
        if value is not None:
            raise ValueError(f"{name}: expected none where x is an iterable of batches, got {checks.shown(value)}")
    if isinstance(x, Iterator) and epochs > 1:
        raise ValueError(
            f"x: expected data for {epochs} epochs, got a generator, which is empty after one; hand over the function "
            "that makes it, or a list"
        )
    held_out = None
    if validation is not None:
        if not isinstance(validation, Mapping | tuple | list):
            raise TypeError(
                "validation: expected (x, y) or a mapping where x is an iterable of batches, got "
                f"{checks.shown(validation)}"
            )
        held_out = _checked("validation", validation, checked)

    def batches(number: int) -> Iterator[Batch]:
        items = ordered.epoch(number) if ordered is not None else x() if callable(x) else x
        if not isinstance(items, Iterable) or hasattr(items, "dtype"):
            raise TypeError(f"x: expected a function that returns an iterable of batches, got {checks.shown(items)}")
        for i, item in enumerate(items):
            yield _checked(f"x: batch {i}", item, checked)

    def size(batch: Batch) -> float:
        return float(row_weights(layout, loss, batch).sum())

    length = len(x) if isinstance(x, Sized) else None
    return FitBatches(batches, size, held_out, length, {} if ordered is None else ordered.described)


def _checked(name: str, item: Any, checked: Callable[..., Batch]) -> Batch:
    """Returns one item, (x, y) or a mapping, as a batch; errors begin with `name`."""
    given: dict[str, Any]
    if isinstance(item, Mapping):
        given = dict(named_batch(name, item))
    elif isinstance(item, tuple | list) and len(item) == 2:
        given = dict(zip(("x", "y"), item, strict=True))
    else:
        raise TypeError(f"{name}: expected (x, y) or a mapping of x, y and more, got {checks.shown(item)}")
    try:
        return checked(**given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


@dataclass
class BatchRunner:
    """Runs the epochs of one call of `Trainer.fit` on batches, one epoch at a time; fields as for `EpochRunner`.

    Where a fit goes on within an epoch, the batches that were done are passed over: the iterable must give them again.
    """

    data: FitBatches
    state: Callable[[], TrainingState]
    run: Callable[[Batch, Records, int], np.ndarray]
    position: Position
    writer: CheckpointWriter | None
    report: Reporter

    def epoch(self) -> Epoch:
        """Runs one epoch from the position on; see `EpochRunner.epoch`."""
        began = time.perf_counter() - self.position.seconds
        state, position = self.state(), self.position
        number, done = state.epochs + 1, position.done
        losses = state.history.update_loss[len(state.history.update_loss) - done :].tolist()
        sizes: list[float] = []
        batch = None
        for batch in self.data.batches(number):
            sizes.append(self.data.size(batch))
            if len(sizes) <= done:
                continue
            if state.updates == 0:
                warn_of_scale(state.network, state.loss, batch)
            n = len(batch.x)
            records = Records(np.arange(n, dtype=np.int64), np.array([0, n], np.int64), state.rates(1))
            losses += self.run(batch, records, number).tolist()
            state = self.state()
            self.report.updates(number, len(sizes), self.data.length or len(sizes) + 1)
            if self.writer is not None:
                position.done, position.seconds = len(sizes), time.perf_counter() - began
                self.writer.in_epoch(state, position)
        if batch is None or len(sizes) < done:
            raise ValueError(f"x: expected at least {done or 1} batches in epoch {number}, got {len(sizes)}")
        self.data = self.data._replace(length=len(sizes))
        refuse_explosion(state, batch, np.array(losses), np.arange(len(batch.x)), None)
        mean = float(np.dot(losses, sizes) / (sum(sizes) or 1.0))
        return end_epoch(state, position, self.report, self.data.held_out, mean, began)
