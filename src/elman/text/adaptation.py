"""Dynamic evaluation: a model that learns from the text it is scored on, after it has foreseen it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from elman.core.layers import Dropout, Layout, Recurrent
from elman.core.optim import Adam
from elman.network import Network
from elman.train.training import Trainer

__all__ = ["adapted"]


def adapted(network: Network, ids: np.ndarray, window: int, learning_rate: float) -> float:
    """Returns the nats of pieces (N,), the first not scored, and leaves the network adapted to them.

    Each window is scored with the weights that learned from the windows before it alone, and then learned from by one
    update (Mikolov et al. 2010; Krause et al. 2018, here with Adam): an epoch of truncated backpropagation through
    time without dropout, whose losses before each update are the score.
    """
    plain = _without_dropout(network)
    trainer = Trainer(plain, loss="cross_entropy", optimizer=Adam(learning_rate), clip_norm=1.0, batch_size=1)
    x, y = ids[None, :-1], ids[None, 1:]
    trainer.fit(x, y, epochs=1, window=window, shuffle=False, progress=False)
    network.theta = plain.theta
    begins = np.arange(0, x.shape[1], window)
    return float(trainer.history.update_loss @ np.minimum(window, x.shape[1] - begins))


def _without_dropout(network: Network) -> Network:
    """Returns a copy of the network that foresees in training as it does in prediction."""
    layers: list[Any] = [layer for layer in network.layers if not isinstance(layer, Dropout)]
    layers = [replace(each, recurrent_dropout=0.0) if isinstance(each, Recurrent) else each for each in layers]
    return Network.from_theta(Layout(layers, network.input_size), network.weights.copy())
