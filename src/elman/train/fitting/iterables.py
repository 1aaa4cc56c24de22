"""Trains on data that come as an iterable of batches, such as a generator: an epoch is one pass over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from elman.core import checks
from elman.core.layers import Layout
from elman.core.losses import Loss
from elman.core.requests import Batch
from elman.train.data import named_batch, row_weights
from elman.train.plan import EpochPlan
from elman.train.stored import GroupedBatches

__all__ = ["Batches", "FitBatches", "as_batches"]


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

    pieces: Callable[[int], Iterator[tuple[Batch, EpochPlan]]]  # of an epoch, counted from 1, and the updates on each
    held_out: Batch | None
    length: int | None  # updates of a pass, where that is known
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

    def items(number: int) -> Iterator[tuple[Any, np.ndarray | None]]:
        """Yields what there is of an epoch, with the rows at which its updates begin; None: it is one update."""
        if isinstance(ordered, GroupedBatches):
            yield from ordered.pieces(number)
            return
        found = ordered.epoch(number) if ordered is not None else x() if callable(x) else x
        if not isinstance(found, Iterable) or hasattr(found, "dtype"):
            raise TypeError(f"x: expected a function that returns an iterable of batches, got {checks.shown(found)}")
        for item in found:
            yield item, None

    def pieces(number: int) -> Iterator[tuple[Batch, EpochPlan]]:
        passed = 0
        for item, cut in items(number):
            batch = _checked(f"x: batch {passed}", item, checked)
            rows, weights = np.arange(len(batch.x)), row_weights(layout, loss, batch)
            starts = np.array([0, len(rows)]) if cut is None else cut
            passed += len(starts) - 1
            yield batch, EpochPlan(rows, starts, np.add.reduceat(weights, starts[:-1]), passing=True)

    length = len(x) if isinstance(x, Sized) else None
    return FitBatches(pieces, held_out, length, {} if ordered is None else ordered.described)


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
