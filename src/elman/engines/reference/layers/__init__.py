"""The layers, one file each, forward and backward side by side; `LAYERS` finds them by their kind.

forward   Given -> Done
backward  (Done, dout like its output, dfinal at its final states, truncate) -> Sent
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from . import adaptive_softmax, attention, concat, dense, dropout, embedding, last, pool, recurrent, shift, skip
from .record import Done, Given, Sent, Signal

__all__ = ["LAYERS", "Done", "Given", "Sent", "Signal"]

LAYERS: dict[str, ModuleType | Any] = {
    "adaptive_softmax": adaptive_softmax,
    "attention": attention,
    "concat": concat,
    "dense": dense,
    "dropout": dropout,
    "embedding": embedding,
    "last": last,
    "pool": pool,
    "recurrent": recurrent,
    "shift": shift,
    "skip": skip,
}
