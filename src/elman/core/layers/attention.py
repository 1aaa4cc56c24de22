"""The attention layer: what each step reads of another sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from elman.core import checks
from elman.core.frozen import added, short_repr, store
from elman.core.layers.layer import PREVIOUS, Layer, Signal
from elman.core.layers.recurrent import MEMORY
from elman.core.meant import checks_names

__all__ = ["SCORES", "Attention"]

SCORES = ("general", "dot", "additive")


@checks_names
@dataclass(frozen=True)
class Attention(Layer):
    """Joins to each step of a sequence a weighted mean of all valid steps of another one, the memory: queries
    (B, T, Q) and memory (B, S, M) to (B, T, M + Q), the mean before the query.

    The weights are a softmax of scores, one for each step m_s of the memory and each query q_t. It reads two sequences,
    the query first; as a rule the memory is an encoder's output and the query a decoder's, each with lengths of its
    own:
    `Node(Attention(), reads=["decoder", "encoder"])`. Without a `Node` it reads the layer before it and what is called
    "memory".

    score  "general": m_s . (W q_t), Luong, Pham and Manning (2015); "dot": m_s . q_t, of the same paper, for queries as
           wide as the memory, without parameters; "additive": v . tanh(W q_t + U m_s + b), Bahdanau, Cho and Bengio
           (2015), the memory's part computed once a row
    size   hidden units of the additive score; None: as many as a query has numbers
    """

    score: Literal["general", "dot", "additive"] = added("general")
    size: int | None = added(None)

    kind: ClassVar[str] = "attention"
    __repr__ = short_repr

    def __post_init__(self) -> None:
        checks.choice("score", self.score, SCORES)
        if self.size is None:
            return
        if self.score != "additive":
            raise ValueError(
                f"size: expected None for score={self.score!r}, which has no hidden units, got {self.size!r}"
            )
        store(self, size=checks.count("size", self.size))

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
        if self.score == "dot" and query.size != memory.size:
            raise ValueError(f"expected a query of {self!r} as wide as its memory, {memory.size}, got {query.size}")
        return Signal(memory.size + query.size, query.time)

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        (memory,) = more
        if self.score == "dot":
            return {}
        if self.score == "general":
            return {"weight": (memory, size)}
        units = self.size or size
        return {"weight": (units, size), "weight_memory": (units, memory), "bias": (units,), "weight_score": (1, units)}
