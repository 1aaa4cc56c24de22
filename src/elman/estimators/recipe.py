"""`Recipe`: the hyperparameters with which an estimator makes and trains its networks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of an ensemble: the size of its networks, and how they are trained.

    members        number of networks in the ensemble, whose outputs are combined
    hidden_size    number of units of each network's recurrent layer
    updates        largest number of weight updates of each network
    batch_size     number of windows or sequences in one update
    learning_rate, weight_decay   of the optimizer, AdamW (Loshchilov and Hutter 2019)
    cell           cell of the recurrent layer: "tanh", "relu", "gru" or "lstm"
    cosine         whether the learning rate is annealed to 0 along a half cosine; otherwise it is constant
    patience       number of updates without a better validation loss after which training stops early; None: no early
                   stopping
    trial_updates  number of updates of the small networks that are trained to choose between configurations (trials);
                   0: no trials, the first configuration is used
    snapshots      increasing numbers of updates after which a copy of the weights is kept
    """

    members: int
    hidden_size: int
    updates: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    cell: str = "gru"
    cosine: bool = False
    patience: int | None = None
    trial_updates: int = 0
    snapshots: tuple[int, ...] = ()
