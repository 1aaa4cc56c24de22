"""The content of the file of a fitted LanguageModel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from elman.core.layers import AdaptiveSoftmax, Dense, Embedding
from elman.estimators.codec import Codec
from elman.estimators.training import check_trained
from elman.network import Network
from elman.pieces.tokens import Tokens
from elman.pieces.vocabulary import Bytes, Characters

__all__ = ["CODEC", "Fitted"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What `LanguageModel.fit` leaves."""

    vocabulary: Characters | Bytes | Tokens
    network: Network
    losses: Annotated[np.ndarray, "float64 (E,)"]
    validation_losses: Annotated[np.ndarray, "float64 (E,)"]

    def validate(self) -> None:
        """Raises ValueError where the network is none for the vocabulary."""
        first, last, size = self.network.layers[0], self.network.layers[-1], self.vocabulary.size
        if (
            not isinstance(first, Embedding)
            or not isinstance(last, Dense | AdaptiveSoftmax)
            or self.network.layout.whole
        ):
            raise ValueError("network: expected an embedding, recurrent layers of one direction and a softmax")
        if first.num_embeddings != size or self.network.output_size != size or self.network.layout.inputs:
            raise ValueError(f"network: expected inputs and outputs for {size} pieces")
        check_trained(self.network, self.losses, self.validation_losses)


CODEC = Codec(Fitted, {"language/1": Fitted, "characters/1": Characters, "bytes/1": Bytes, "tokens/1": Tokens})
