"""Decides whether the losses of an epoch exploded; docs/doctor.md has the rule.

This is decided at the end of an epoch, because where a block of updates ends must not change a result.
"""

from __future__ import annotations

import numpy as np

from elman.core.init import initial
from elman.core.losses import LOSSES
from elman.core.requests import Batch
from elman.train.state import TrainingState

__all__ = ["has_exploded"]

EXPLODED = 1e4  # times the losses at the start, a level at which no healthy training stays
JUDGED = 100  # the fewest updates over which losses are compared
LEAST = 1.0  # the smallest loss at the start that is compared with: steps are no smaller where data are tiny


def has_exploded(state: TrainingState, batch: Batch, losses: np.ndarray) -> bool:
    """Returns whether the losses (U,) of the epoch that has just ended are far above those of an untrained network."""
    network, all_losses = state.network, state.history.update_loss
    recent = all_losses[-max(JUDGED, len(losses)) :]
    if state.loss.kind not in LOSSES or len(recent) < JUDGED:
        return False
    middle = min(float(np.median(losses)), float(np.median(recent)))
    if middle <= EXPLODED * max(all_losses[0], LEAST):
        return False
    untrained = state.loss_of(batch, initial(network.layout, None, network.dtype, state.seed))
    return middle > EXPLODED * untrained
