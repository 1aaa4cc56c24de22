"""Several variables of the same rows: one alarm for all of them, which says whose it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from elman.anomaly.detector import AnomalyDetector
from elman.anomaly.online.events import AlarmState

__all__ = ["JointAlarm", "MultivariateDetector"]


@dataclass(frozen=True)
class JointAlarm:
    """One event in several variables.

    first, last  its first row, which is flagged, and the last one in which any variable reached the threshold
    peak, score  the row of its highest score, and that score
    variable     whose value that is
    variables    all that reached the threshold, the highest first
    explanation  which value, what was expected, and what it looks like
    """

    first: int
    last: int
    peak: int
    score: float
    variable: str
    variables: tuple[str, ...]
    explanation: str


class MultivariateDetector:
    """Scores the rows of several variables: each by an `AnomalyDetector` of its own, with the rate divided by their
    number, so that all together raise no more false alarms than the rate allows.

    options   those of `AnomalyDetector`, for every variable

    `fit` sets `detectors_` (by variable), `scores_` (n,), the highest score of each row, corrected for their number,
    `labels_` (n,), whether an alarm begins, and `alarms_`. There are no files of it: save the detectors.
    """

    def __init__(self, *, rate: float = 3e-5, **options: Any) -> None:
        self.rate, self.options = rate, options

    def fit(self, y: object, *, target: Sequence[str], **read: Any) -> MultivariateDetector:
        """Fits a detector to each of the columns `target`, and returns the detector.

        y      the path of a file, a data frame, or a mapping of names to arrays (n,), whose times `time` holds
        read   what else `AnomalyDetector.fit` takes, such as `time`
        """
        names = [*target]
        if isinstance(target, str) or len(names) < 2 or len({*names}) < len(names):
            raise ValueError(f"target: expected the names of two columns or more, each once, got {target!r}")
        self._penalty, rate = math.log10(len(names)), self.rate / len(names)
        self.detectors_ = {name: _fitted(y, name, AnomalyDetector(rate=rate, **self.options), read) for name in names}
        found = [each.anomalies_ for each in self.detectors_.values()]
        learned = max(each.learned for each in found)
        scores = np.array([each.scores for each in found]) - self._penalty
        gross = np.array([each.labels for each in found])[:, :learned].any(axis=0)
        scores[:, :learned][:, ~gross] = np.minimum(scores[:, :learned][:, ~gross], 0.0)
        self._alarm = AlarmState(max(each.rest_ for each in self.detectors_.values()))
        self._threshold = -math.log10(self.rate)
        self.scores_ = scores.max(axis=0)
        above = self.scores_ >= self._threshold
        self.labels_ = np.array([self._alarm.begins(each) for each in above.tolist()])
        self.alarms_ = self._alarms(scores, above)
        return self

    def score_one(self, values: Mapping[str, float]) -> tuple[float, bool, str]:
        """Scores the next row, a value for each variable; returns the score, whether an alarm begins, and whose value
        is the most unusual. ValueError where a variable is missing or unknown, before any is scored."""
        if {*values} != {*self.detectors_} or not all(math.isfinite(each) for each in values.values()):
            raise ValueError(f"values: expected a finite number for each of {', '.join(self.detectors_)}, got {values}")
        scores = {name: each.score_one(values[name])[0] - self._penalty for name, each in self.detectors_.items()}
        variable = max(scores, key=scores.__getitem__)
        return scores[variable], self._alarm.begins(scores[variable] >= self._threshold), variable

    def _alarms(self, scores: np.ndarray, above: np.ndarray) -> tuple[JointAlarm, ...]:
        """Returns the alarms in scores (variables, n), of which any is `above` (n,) the threshold."""
        names, begins = [*self.detectors_], np.flatnonzero(self.labels_).tolist()
        found: list[JointAlarm] = []
        for first, after in zip(begins, [*begins, len(above)][1:], strict=True):
            rows = first + np.flatnonzero(above[first:after])
            highest = scores[:, rows].max(axis=1)
            order = np.argsort(-highest, kind="stable").tolist()
            best = order[0]
            peak = int(rows[scores[best, rows].argmax()])
            table = self.detectors_[names[best]].anomalies_
            own = [alarm for alarm in table.alarms if alarm.first <= peak <= alarm.last]
            said = table.explain(own[-1]) if own else f"{table.series.label(peak)}: {names[best]}"
            variables = tuple(names[k] for k in order if highest[k] >= self._threshold)
            score = float(scores[best, peak])
            found.append(JointAlarm(first, int(rows[-1]), peak, score, names[best], variables, said))
        return tuple(found)


def _fitted(y: object, name: str, detector: AnomalyDetector, read: dict[str, Any]) -> AnomalyDetector:
    """Returns the detector, fitted to one variable of a mapping, a file or a data frame."""
    if isinstance(y, Mapping):
        return detector.fit(cast("Mapping[str, object]", y)[name], **read)
    return detector.fit(y, target=name, **read)
