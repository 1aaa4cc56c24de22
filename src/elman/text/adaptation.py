"""Dynamic evaluation: a model that learns from the text it is scored on, after it has foreseen it."""

from __future__ import annotations

import numpy as np

from elman.core.optim import Adam
from elman.network import Network
from elman.train.training import Trainer

__all__ = ["adapted"]


def adapted(network: Network, ids: np.ndarray, window: int, learning_rate: float) -> float:
    """Returns the nats of pieces (N,), the first not scored, and leaves the network adapted to them.

    Each window is scored with the weights that learned from the windows before it alone, and then learned from by one
    update (Mikolov et al. 2010; Krause et al. 2018, here with Adam): an epoch of truncated backpropagation through
    time, whose losses before each update are the score.
    """
    trainer = Trainer(network, loss="cross_entropy", optimizer=Adam(learning_rate), clip_norm=1.0, batch_size=1, seed=0)
    x, y = ids[None, :-1], ids[None, 1:]
    trainer.fit(x, y, epochs=1, window=window, shuffle=False, progress=False)
    begins = np.arange(0, x.shape[1], window)
    return float(trainer.history.update_loss @ np.minimum(window, x.shape[1] - begins))
