"""The attention layer: what each step reads of another sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman.core.layers.layer import PREVIOUS, Layer, Signal
from elman.core.layers.recurrent import MEMORY

__all__ = ["Attention"]


@dataclass(frozen=True)
class Attention(Layer):
    """Joins to each step of a sequence a weighted mean of all valid steps of another one, the memory: queries
    (B, T, Q) and memory (B, S, M) to (B, T, M + Q), the mean before the query.

    The weights are a softmax of m_s . (W q_t): Luong, Pham and Manning's "general" form (2015). It reads two sequences,
    the query first; as a rule the memory is an encoder's output and the query a decoder's, each with lengths of its
    own:
    `Node(Attention(), reads=["decoder", "encoder"])`. Without a `Node` it reads the layer before it and what is called
    "memory".
    """

    kind: ClassVar[str] = "attention"

    @property
    def whole(self) -> bool:
        return True

    def sources(self) -> tuple[str, ...]:
        return (PREVIOUS, MEMORY)

    def output(self, *read: Signal) -> Signal:
        query, memory = read
        if query.time is None:
            raise ValueError(f"expected a sequence of numbers as the query of {self!r}, got {query}")
        if memory.time is None or memory.integers:
            raise ValueError(f"expected a sequence of numbers as the memory of {self!r}, got {memory}")
        return Signal(memory.size + query.size, query.time)

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (*more, size)}
