"""How the networks of an estimator are trained: one recipe for all estimators."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """How the networks of an ensemble are made and trained.

    members        networks in the ensemble, whose answers are combined
    hidden_size    units of each network's recurrent layer;  cell  its kind: "tanh", "relu", "gru" or "lstm"
    updates        of each network's weights, at most
    batch_size     windows, or sequences, of an update
    learning_rate, weight_decay   of AdamW (Loshchilov and Hutter 2019)
    cosine         whether the learning rate falls to 0 along half a cosine; else it stays as it is
    patience       updates without a better validation loss after which a training ends; None: it goes on to the end
    trial_updates  of the small networks that choose between configurations; 0: the first configuration is taken
    snapshots      numbers of updates after which the weights are kept too, growing
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
