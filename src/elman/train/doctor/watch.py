"""A callback that examines the network while it is trained."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from elman.core import checks
from elman.train.doctor.examination import Examination
from elman.train.doctor.examine import examine

if TYPE_CHECKING:
    from elman.train.training import Trainer

__all__ = ["Watch"]


class Watch:
    """A callback that examines the network on (x, y) after every `every` epochs, with the Trainer's loss.

    Each finding causes one RuntimeWarning; `latest` is the last Examination. A few rows are enough.
    """

    def __init__(
        self, x: ArrayLike, y: ArrayLike | None = None, *, lengths: ArrayLike | None = None, every: int = 1
    ) -> None:
        self.x, self.y, self.lengths = x, y, lengths
        self.every = checks.whole("every", every, low=1)
        self.latest: Examination | None = None
        self._told: set[tuple[str, str, str | None]] = set()

    def __call__(self, trainer: Trainer) -> None:
        if trainer.epochs % self.every:
            return
        self.latest = examine(trainer.network, self.x, self.y, trainer.loss, lengths=self.lengths)
        for finding in self.latest.findings:
            if finding[:3] not in self._told:
                self._told.add(finding[:3])
                warnings.warn(f"epoch {trainer.epochs}: {finding}", RuntimeWarning, stacklevel=2)
