"""Finds the first value out of bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from elman.train.doctor.replay import Seen

__all__ = ["Place", "first_beyond"]


class Place(NamedTuple):
    """A value, and where it was computed."""

    way: str  # "forward" or "backward"
    layer: str  # as parameters name it: "l0", "l1_reverse", "head", "dense0", "embedding", "skip"; "loss"
    kind: str  # "simple", "lstm", "gru", "dense", "embedding", "skip", "loss"
    # forward "pre-activation" (before layer normalisation), "gate", "activation", "state h", "state c", "output";
    # backward "dL/dy", "dL/dx", "dL/dh", "dL/da" (at a pre-activation, summed over rows)
    quantity: str
    gate: str | None  # i, f, g, o; r, z, n; None where there is none
    step: int | None  # None behind Last
    row: int  # in the data that the caller gave
    unit: int  # within the gate, state or output
    value: float

    def __str__(self) -> str:
        layer = "the loss" if self.layer == "loss" else f"layer {self.layer} ({self.kind})"
        gate = f"gate {self.gate} of " if self.gate else ""
        step = "" if self.step is None else f"step {self.step} of "
        return f"{gate}{layer}, {step}row {self.row}"


def first_beyond(seen: Iterator[Seen], limit: float, way: str, data_rows: np.ndarray) -> Place | None:
    """Returns the first value that is not finite or larger than `limit`; at one step, that of the lowest row."""
    for one in seen:
        bad = ~(np.abs(one.values) <= limit)
        if bad.any():
            rows = data_rows[one.rows]
            k = int(np.where(bad.any(axis=1), rows, rows.max() + 1).argmin())
            unit = int(bad[k].argmax())
            where = (one.layer, one.kind, one.quantity, one.gate, one.step, int(rows[k]), unit)
            return Place(way, *where, float(one.values[k, unit]))
    return None
