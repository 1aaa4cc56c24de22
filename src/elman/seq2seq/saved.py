"""The content of the file of a fitted EncoderDecoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from elman.core import checks
from elman.core.layers import INPUT
from elman.estimators.codec import Codec
from elman.estimators.training import check_trained
from elman.network import Network
from elman.pieces.symbols import Subwords, Symbols
from elman.pieces.tokens import Tokens
from elman.seq2seq.network import SOURCE
from elman.seq2seq.sources import Features

__all__ = ["CODEC", "Fitted"]


LONGEST = 2**20  # pieces of a target, since a model may write as many


@dataclass(frozen=True, eq=False)
class Fitted:
    """What `EncoderDecoder.fit` leaves.

    longest  pieces of the longest target that was learned from
    """

    source: Symbols | Subwords | Features
    target: Symbols | Subwords
    network: Network
    longest: int
    losses: Annotated[np.ndarray, "float64 (E,)"]
    validation_losses: Annotated[np.ndarray, "float64 (E,)"]

    def validate(self) -> None:
        """Raises ValueError where the network is none for these sources and targets."""
        layout = self.network.layout
        given = layout.inputs.get(SOURCE)
        if set(layout.inputs) != {SOURCE} or given is None or layout.time != INPUT or not layout.integer_input:
            raise ValueError(
                f"network: expected the inputs {INPUT} and {SOURCE}, and an output at each step of {INPUT}"
            )
        kinds = {"frames": "sequence", "vectors": "vector"}
        kind = kinds[self.source.kind] if isinstance(self.source, Features) else "integers"
        if given.kind != kind or given.size not in (self.source.size, self.source.size + (kind == "integers")):
            raise ValueError(f"network: expected {kind} of size {self.source.size} as {SOURCE}, got {given}")
        if self.network.output_size != self.target.size + 1:
            raise ValueError(f"network: expected outputs for {self.target.size} pieces and their end")
        checks.whole("longest", self.longest, low=0, high=LONGEST)
        check_trained(self.network, self.losses, self.validation_losses)


CODEC = Codec(
    Fitted,
    {
        "encoder decoder/1": Fitted,
        "symbols/1": Symbols,
        "subwords/1": Subwords,
        "tokens/1": Tokens,
        "features/1": Features,
    },
)
