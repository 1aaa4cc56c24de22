"""The layer that joins the features of several sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman.core.layers.layer import INPUT, PREVIOUS, Layer, Signal

__all__ = ["MOST_SOURCES", "Concat"]

MOST_SOURCES = 32  # of one layer, in the compiled core too


@dataclass(frozen=True)
class Concat(Layer):
    """Joins the features of 2 to 32 sources, in their order: (B, T, F1), (B, T, F2), ... -> (B, T, F1 + F2 + ...).

    The sources are sequences of the same steps or vectors; beside a sequence, a vector is repeated at every step. As a
    rule a `Node` names them: `Node(elman.Concat(), "joined", ["word", "suffix", "x"])`; without one they are the layer
    before it and x. No parameters.
    """

    kind: ClassVar[str] = "concat"

    def sources(self) -> tuple[str, ...]:
        return (PREVIOUS, INPUT)

    def counts(self) -> range:
        return range(2, MOST_SOURCES + 1)

    def output(self, *read: Signal) -> Signal:
        for signal in read:
            if signal.integers:
                raise ValueError(f"expected {self!r} to read numbers, as an Embedding makes of {signal}")
        times = {signal.time: signal for signal in read if signal.time is not None}
        if len(times) > 1:
            first, second, *_ = times.values()
            raise ValueError(
                f"expected {self!r} to read sequences of the same steps, got {first} and {second}; an input has those "
                "of another by Input(..., time=NAME)"
            )
        return Signal(sum(signal.size for signal in read), next(iter(times), None))
