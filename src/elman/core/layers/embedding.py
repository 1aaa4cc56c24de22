"""The embedding layer: whole numbers to rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elman.core import checks
from elman.core.frozen import added, short_repr, store
from elman.core.layers.layer import Layer, Signal
from elman.core.meant import checks_names

__all__ = ["Embedding", "check_tied"]


@checks_names
@dataclass(frozen=True)
class Embedding(Layer):
    """Integers in [0, num_embeddings) to rows of a table: (B, T) -> (B, T, embedding_dim); first layer, or reading an
    input of whole numbers.

    padding_idx  an id that stands for no token: its row begins as zeros and gets no gradient, so that training leaves
                 it as it is; you may write another row there. As in `torch.nn.Embedding`, weight decay still takes from
                 such a row, and a `Dense` tied to the table changes it by its own use
    tied         the name of an Embedding before it with a table of the same shape, "embedding" for one without a name:
                 its table is that one, one parameter for both uses, whose gradients are added. One vocabulary of a
                 source and a target needs one table. None: its table is its own
    sparse       in training, an update changes the rows alone that have a gradient, and what the optimiser remembers of
                 them, so that its cost does not grow with the table; docs/tokens.md says what each optimiser then does.
                 Tied ones are sparse both, or neither
    """

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = added(None)
    sparse: bool = added(False)
    tied: str | None = added(None)

    kind: ClassVar[str] = "embedding"
    __repr__ = short_repr
    integers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        store(self, num_embeddings=checks.count("num_embeddings", self.num_embeddings))
        store(self, embedding_dim=checks.count("embedding_dim", self.embedding_dim))
        if self.padding_idx is not None:
            last = self.num_embeddings - 1
            store(self, padding_idx=checks.whole("padding_idx", self.padding_idx, low=0, high=last))
        checks.flag("sparse", self.sparse)
        check_tied(self.tied)

    def output(self, *read: Signal) -> Signal:
        if not read[0].integers:
            raise ValueError(f"expected Embedding only as the first layer, or reading whole numbers, got {self!r}")
        return Signal(self.embedding_dim, read[0].time)

    def parameter_shapes(self, size: int, *more: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.num_embeddings, self.embedding_dim)}

    def shared(self) -> dict[str, str]:
        return {} if self.tied is None else {"weight": self.tied}


def check_tied(tied: object) -> None:
    """Raises TypeError for what cannot name the Embedding whose table a layer shares; None is its own."""
    if tied is not None and not isinstance(tied, str):
        raise TypeError(f"tied: expected the name of an Embedding, or None, got {checks.shown(tied)}")
