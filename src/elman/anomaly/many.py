"""Many series, each with a detector of its own."""

from __future__ import annotations

from elman.anomaly.detector import AnomalyDetector
from elman.series.panel import Panel

__all__ = ["fit_each"]


def fit_each(
    panel: Panel, detector: AnomalyDetector, *, skip_bad: bool = False
) -> tuple[dict[str, AnomalyDetector], dict[str, str]]:
    """Fits a detector with the options of `detector` to each series of a panel.

    Returns the fitted detectors by id, and the error messages by id of the series that no detector could be fitted to.
    Raises `DataError` for the first such series without `skip_bad`, or if no detector could be fitted to any series.
    """

    def fitted(id: str) -> AnomalyDetector:
        return AnomalyDetector(**detector.get_params()).fit(panel[id])

    return panel.map(fitted, skip_bad, "used")
