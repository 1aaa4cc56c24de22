"""The content of the file of a fitted MultivariateDetector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from elman.anomaly.saved import CODEC as OF_ONE
from elman.anomaly.saved import FittedDetector
from elman.core import checks
from elman.estimators.codec import Codec

__all__ = ["CODEC", "FittedDetectors"]


@dataclass(frozen=True, eq=False)
class FittedDetectors:
    """What `MultivariateDetector.fit` and the rows scored since then leave, except for the rows themselves.

    detectors  by variable
    quiet      of the alarm of all together (`AlarmState`)
    """

    detectors: Mapping[str, FittedDetector]
    quiet: int

    def validate(self) -> None:
        """Raises ValueError where the parts contradict one another."""
        if len(self.detectors) < 2:
            raise ValueError(f"detectors: expected those of two variables or more, got {len(self.detectors)}")
        if len({each.monitor.row for each in self.detectors.values()}) > 1:
            raise ValueError("detectors: expected as many rows that each has seen")
        checks.whole("quiet", self.quiet, 0, max(each.model.span for each in self.detectors.values()))


CODEC = Codec(FittedDetectors, {**OF_ONE.classes, "detectors/1": FittedDetectors}, OF_ONE.newer)
