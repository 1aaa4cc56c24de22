"""The embedding layer: whole numbers to rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman.core import checks
from elman.core.layers.frozen import short_repr, store
from elman.core.layers.layer import Layer, Signal
from elman.core.meant import checks_names

__all__ = ["Embedding"]


@checks_names
@dataclass(frozen=True)
class Embedding(Layer):
    """Integers in [0, num_embeddings) to rows of a table: (B, T) -> (B, T, embedding_dim); first layer, or reading an
    input of whole numbers.

    sparse  in training, an update changes the rows alone that have a gradient, and what the optimiser remembers of
            them, so that its cost does not grow with the table; docs/tokens.md says what that means for each optimiser
    """

    num_embeddings: int
    embedding_dim: int
    sparse: bool = False

    __repr__ = short_repr
    kind: ClassVar[str] = "embedding"
    integers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        store(self, num_embeddings=checks.count("num_embeddings", self.num_embeddings))
        store(self, embedding_dim=checks.count("embedding_dim", self.embedding_dim))
        checks.flag("sparse", self.sparse)

    def output(self, *read: Signal) -> Signal:
        if not read[0].integers:
            raise ValueError(f"expected Embedding only as the first layer, or reading whole numbers, got {self!r}")
        return Signal(self.embedding_dim, read[0].time)

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.num_embeddings, self.embedding_dim)}
