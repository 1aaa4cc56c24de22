"""The content of the file of a fitted SpeechModel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from elman.core.layers import Dense
from elman.estimators.codec import Codec
from elman.estimators.training import check_trained
from elman.network import Network
from elman.speech.features import Features
from elman.speech.frames import Frames
from elman.speech.labels import Alphabet
from elman.speech.score import SpeechScore

__all__ = ["CODEC", "Fitted"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What `SpeechModel.fit` leaves.

    validation, baselines  scores on the sounds held out; None and none where there are none
    """

    alphabet: Alphabet
    features: Features
    network: Network
    losses: Annotated[np.ndarray, "float64 (E,)"]
    validation_losses: Annotated[np.ndarray, "float64 (E,)"]
    validation: SpeechScore | None
    baselines: Mapping[str, SpeechScore]

    def validate(self) -> None:
        """Raises ValueError where the network is none for the features and the alphabet."""
        network, size = self.network, self.features.frames.size
        if network.layout.inputs or network.layout.last or not isinstance(network.layers[-1], Dense):
            raise ValueError("network: expected recurrent layers and an output at every step")
        if network.layout.integer_input or network.input_size != size or network.output_size != self.alphabet.outputs:
            raise ValueError(f"network: expected inputs of {size} numbers and outputs for {self.alphabet.outputs}")
        check_trained(network, self.losses, self.validation_losses)


CODEC = Codec(
    Fitted,
    {
        "speech/1": Fitted,
        "alphabet/1": Alphabet,
        "features/1": Features,
        "frames/1": Frames,
        "speech score/1": SpeechScore,
    },
)
