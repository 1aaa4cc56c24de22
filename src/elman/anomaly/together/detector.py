"""`MultivariateDetector`: a detector for each of several variables, and one alarm for all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from elman.anomaly.detector import AnomalyDetector
from elman.anomaly.online.events import AlarmState
from elman.anomaly.options import CONSTRAINTS
from elman.anomaly.result import Anomalies
from elman.anomaly.together.result import JointAnomalies, joint_alarms
from elman.anomaly.together.saved import CODEC, FittedDetectors
from elman.core import checks
from elman.estimators.base import Estimator
from elman.estimators.ensemble import OnProgress, span
from elman.series import notes
from elman.series.columns import Columns
from elman.series.errors import DataError, shorten
from elman.series.panel import Panel
from elman.series.panel_sources import as_panel
from elman.series.series import Series, SeriesOptions
from elman.series.sources import opened

__all__ = ["MultivariateDetector"]


class MultivariateDetector(Estimator):
    """Scores the rows of several variables: each by an `AnomalyDetector` of its own, with the rate divided by their
    number, so that all together raise no more false alarms than the rate allows.

    options   those of `AnomalyDetector`, for every variable; `rate` is that of all together

    `fit` sets `detectors_` (by variable), `anomalies_` (the `JointAnomalies`) with its `scores_`, `labels_` and
    `alarms_`, and `notes_` (what a reader should know of each variable). The same rows give the same alarms in `fit`,
    `detect` and `score_one`.
    """

    _constraints = CONSTRAINTS

    rate: float
    freq: str | None
    missing: str
    duplicates: str | None
    regular: str | None

    def __init__(self, **options: Any) -> None:
        usual = self._defaults()
        for name in options:
            checks.choice("options", name, tuple(usual))
        for name, value in (usual | options).items():
            setattr(self, name, value)

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return AnomalyDetector._defaults()  # pyright: ignore[reportPrivateUsage]

    def fit(
        self,
        y: object,
        *,
        target: Sequence[str] | None = None,
        time: object = None,
        date_format: str | None = None,
        zone: str | None = None,
        skip_rows: int = 0,
        decimal: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> MultivariateDetector:
        """Fits a detector to each variable, scores the rows after those learned from, and returns the detector.

        y        the path of a file, a data frame, a `Panel`, or a mapping of names to arrays (n,), whose times `time`
                 holds
        target   the names of the variables; None: all of a mapping or panel, else all columns of numbers

        The other arguments are those of `AnomalyDetector.fit`. Raises `DataError` for data, and `ValueError` or
        `TypeError` for options, that cannot be used.
        """
        options = self.checked_options()
        columns = Columns(target, time, date_format=date_format, zone=zone)
        panel = self._read(opened(y, skip_rows, decimal), columns)
        given: dict[str, Any] = {**self.get_params(), "rate": options["rate"] / len(panel)}
        detectors: dict[str, AnomalyDetector] = {}
        for k, (name, series) in enumerate(panel.items()):
            part = span(on_progress, k / len(panel), (k + 1) / len(panel))
            try:
                detectors[name] = AnomalyDetector(**given).fit(series, on_progress=part)
            except DataError as error:
                raise DataError(f"variable {shorten(name)}: {error}") from None
        self._set(detectors)
        self.anomalies_ = self._joined({name: each.anomalies_ for name, each in detectors.items()})
        self.scores_, self.labels_ = self.anomalies_.scores, self.anomalies_.labels
        self.alarms_ = self.anomalies_.alarms
        self.notes_ = tuple(f"{name}: {text}" for name, each in detectors.items() for text in each.notes_)
        if not isinstance(y, Panel):
            notes.warn(self.notes_)
        return self

    def detect(
        self,
        y: object,
        *,
        time: object = None,
        date_format: str | None = None,
        zone: str | None = None,
    ) -> JointAnomalies:
        """Scores many rows that follow the last one seen, as `score_one` would one by one; returns the
        `JointAnomalies`.

        It takes the same data as `fit`, with the same variables by name. Raises `DataError` for data that cannot be
        used, and leaves the detector as it was.
        """
        self.check_fitted()
        columns = Columns([*self.detectors_], time, date_format=date_format, zone=zone)
        panel = self._read(y, columns)
        found = {name: each.detect(panel[name]) for name, each in self.detectors_.items()}
        return self._joined(found)

    def score_one(self, values: Mapping[str, float]) -> tuple[float, bool, str]:
        """Scores the next row, a value for each variable; returns the score, whether an alarm begins, and whose value
        is the most unusual. ValueError where a variable is missing or unknown, before any is scored."""
        self.check_fitted()
        if {*values} != {*self.detectors_} or not all(math.isfinite(each) for each in values.values()):
            raise ValueError(f"values: expected a finite number for each of {', '.join(self.detectors_)}, got {values}")
        scores = {name: each.score_one(values[name])[0] - self._penalty for name, each in self.detectors_.items()}
        variable = max(scores, key=scores.__getitem__)
        return scores[variable], self._alarm.begins(scores[variable] >= self._threshold), variable

    @property
    def rows_(self) -> int:
        """The number of rows seen so far, including those that the detectors were fitted to."""
        self.check_fitted()
        return next(iter(self.detectors_.values())).rows_

    def last_row(self) -> Panel:
        """Returns the last row seen, a series of one value for each variable, which the rows of `detect` follow."""
        self.check_fitted()
        return Panel({name: each.last_row() for name, each in self.detectors_.items()})

    # ------------------------------------------------------------------------------------------ files

    _file_kind, _codec = "joint anomaly detector", CODEC

    def _fitted(self) -> FittedDetectors:
        fitted = {name: each._fitted() for name, each in self.detectors_.items()}  # pyright: ignore[reportPrivateUsage]
        return FittedDetectors(fitted, self._alarm.quiet)

    def _restore(self, fitted: FittedDetectors) -> None:
        given: dict[str, Any] = {**self.get_params(), "rate": self.rate / len(fitted.detectors)}
        detectors = {name: AnomalyDetector(**given) for name in fitted.detectors}
        for name, each in detectors.items():
            each._restore(fitted.detectors[name])  # pyright: ignore[reportPrivateUsage]
        self._set(detectors)
        self._alarm.quiet = fitted.quiet

    # ---------------------------------------------------------------------------------------- helpers

    def _set(self, detectors: dict[str, AnomalyDetector]) -> None:
        """Sets the fitted detectors, and the alarm of all together, which has not begun."""
        self.detectors_ = detectors
        self._penalty, self._threshold = math.log10(len(detectors)), -math.log10(self.rate)
        self._alarm = AlarmState(max(each.rest_ for each in detectors.values()))

    def _read(self, y: object, columns: Columns) -> Panel:
        """Returns the variables in anything that `fit` takes, of the same rows."""
        target = columns.target
        if isinstance(target, str) or (target is not None and len({*target}) < max(len(target), 2)):
            raise ValueError(f"target: expected the names of two columns or more, each once, got {target!r}")
        if isinstance(y, Mapping) and target is not None:
            if missing := [name for name in target if name not in y]:
                raise DataError(f"target: no variable {missing[0]!r}; there are {', '.join(map(str, y))}")
            y = {name: y[name] for name in target}
        if isinstance(y, Mapping):
            columns = columns._replace(target=None)
        read = SeriesOptions(self.freq, self.missing, None, self.duplicates, self.regular)
        wide = target is None and not isinstance(y, Mapping)
        panel = as_panel(y, columns, read, wide=wide)
        return of_same_rows(panel)

    def _joined(self, found: Mapping[str, Anomalies]) -> JointAnomalies:
        """Returns the anomalies of all variables together, and moves the alarm on."""
        scores = np.array([each.scores for each in found.values()]) - self._penalty
        above = scores >= self._threshold
        learned = max(each.learned for each in found.values())
        above[:, :learned] = [each.labels[:learned] for each in found.values()]  # gross values alone
        labels = np.array([self._alarm.begins(bool(each.any())) for each in above.T])
        alarms = joint_alarms(found, scores, above, labels)
        series = next(iter(found.values())).series
        return JointAnomalies(series, found, self.rate, scores.max(axis=0), labels, alarms)


def of_same_rows(panel: Panel) -> Panel:
    """Returns a panel of two variables or more of the same rows, each named by its id. `DataError` where there are
    fewer, or where their rows are not the same."""
    if len(panel) < 2:
        raise DataError(f"expected two variables or more, to be scored together, got {', '.join(panel)}")
    first = panel.first
    for name, series in panel.items():
        if len(series) != len(first) or not _same(series.times, first.times):
            raise DataError(
                f"variable {shorten(name)}: expected the rows of {shorten(next(iter(panel)))},"
                f" {_extent(first)}, got {_extent(series)}"
            )
    return panel.replaced({name: replace(series, name=name) for name, series in panel.items()})


def _same(times: np.ndarray | None, others: np.ndarray | None) -> bool:
    return times is others or (times is not None and others is not None and np.array_equal(times, others))


def _extent(series: Series) -> str:
    return f"{len(series)} rows from {series.label(0)}"
