"""Many series, each with a detector of its own."""

from __future__ import annotations

from elman.anomaly.detector import AnomalyDetector
from elman.estimators.ensemble import OnProgress, span
from elman.series.panel import Panel

__all__ = ["fit_each"]


def fit_each(
    panel: Panel, detector: AnomalyDetector, *, skip_bad: bool = False, on_progress: OnProgress | None = None
) -> tuple[dict[str, AnomalyDetector], dict[str, str]]:
    """Fits a detector with the options of `detector` to each series of a panel.

    on_progress   is called with the share of the work that is done, from 0 to 1

    Returns the fitted detectors by id, and the error messages by id of the series that no detector could be fitted to.
    Raises `DataError` for the first such series without `skip_bad`, or if no detector could be fitted to any series.
    """

    places = {id: place for place, id in enumerate(panel)}

    def fitted(id: str) -> AnomalyDetector:
        part = span(on_progress, places[id] / len(panel), (places[id] + 1) / len(panel))
        return AnomalyDetector(**detector.get_params()).fit(panel[id], on_progress=part)

    return panel.map(fitted, skip_bad, "used")
