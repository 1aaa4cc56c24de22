"""Losses, by name or as a configured object: what each means, what its targets are, and what it is divided by.

The mathematics is in `engines/reference/losses/` and `native/losses/`. Every term of a loss is multiplied by its step's
`sample_weight` (1 where none is given).
"""

from __future__ import annotations

from elman.core import checks
from elman.core.losses.classes import BinaryCrossEntropy, CrossEntropy
from elman.core.losses.ctc import CTC
from elman.core.losses.custom import Custom
from elman.core.losses.densities import Gaussian, StudentT
from elman.core.losses.loss import Loss
from elman.core.losses.pointwise import MAE, MSE, HalfSSE, Huber
from elman.core.losses.quantiles import Pinball

__all__ = [
    "CTC",
    "LOSSES",
    "MAE",
    "MSE",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Custom",
    "Gaussian",
    "HalfSSE",
    "Huber",
    "Loss",
    "Pinball",
    "StudentT",
    "as_loss",
    "outputs_per_target",
]

# The registry: every loss with a name, with its defaults, in the order of native/program.h.
LOSSES: dict[str, Loss] = {
    loss.kind: loss
    for loss in (
        HalfSSE(),
        MSE(),
        MAE(),
        Huber(),
        CrossEntropy(),
        BinaryCrossEntropy(),
        Pinball(),
        Gaussian(),
        StudentT(),
        CTC(),
    )
}


def as_loss(loss: str | Loss) -> Loss:
    """Returns the loss that a name stands for, with its defaults; a loss is returned as it is."""
    if isinstance(loss, Loss):
        return loss
    return LOSSES[checks.choice("loss", loss, tuple(LOSSES))]


def outputs_per_target(loss: Loss) -> int:
    """Returns how many of the network's outputs speak of one target: Q quantiles, a location and a scale, or one."""
    return loss.outputs_per_target
