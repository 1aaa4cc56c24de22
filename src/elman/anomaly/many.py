"""Many series, each with a detector of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from elman.anomaly.detector import AnomalyDetector
from elman.anomaly.options import MISSING
from elman.anomaly.result import Anomalies
from elman.core import checks
from elman.series.columns import Columns, open_table, series_of
from elman.series.panel import as_panel, each_or_told
from elman.series.series import Rules, Series

__all__ = ["fit_each", "read_each", "results"]


def read_each(
    y: Any,
    *,
    target: str | None = None,
    time: Any = None,
    id: str | None = None,
    freq: str | None = None,
    missing: str = "error",
    skip_bad: bool = False,
) -> tuple[dict[str, Series], dict[str, str]]:
    """The series in `y` by id, one alone as "", and those that could not be read, with why.

    y    what `AnomalyDetector.fit` takes; or a mapping from ids to such, a list of arrays or Series, a data frame or
         file in long form, whose column `id` says whose row it is (`unique_id`, `ds`, `y` are found by themselves)

    `DataError` for the first bad series without `skip_bad`.
    """
    if isinstance(y, str | os.PathLike):
        y = open_table(os.fspath(y))
    names, rules = Columns(target, time, id), Rules(freq, checks.choice("missing", missing, MISSING))
    panel = as_panel(y, names, rules, skip_bad=skip_bad)
    return ({"": series_of(y, names, rules)}, {}) if panel is None else (dict(panel), panel.skipped)


def fit_each(
    series: Mapping[str, Series], detector: AnomalyDetector, *, skip_bad: bool = False
) -> tuple[dict[str, AnomalyDetector], dict[str, str]]:
    """A detector with the options of `detector` fitted to each series, and the series that none could be fitted to,
    with why. `DataError` for the first of these without `skip_bad`, or where all are."""

    def fitted(name: str) -> AnomalyDetector:
        return AnomalyDetector(**detector.get_params()).fit(series[name])

    return each_or_told(series, fitted, skip_bad, "used")


def results(detectors: Mapping[str, AnomalyDetector]) -> dict[str, Anomalies]:
    """What each says of its series."""
    return {name: detector.anomalies_ for name, detector in detectors.items()}
