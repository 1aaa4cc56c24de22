"""The result of a detector of several variables: scores and alarms of all together, and the table of each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman import plots
from elman.anomaly.result import Anomalies, Cell, Tabular
from elman.series.series import Series

__all__ = ["JointAlarm", "JointAnomalies", "joint_alarms"]


@dataclass(frozen=True)
class JointAlarm:
    """One event in several variables.

    first, last  its first row, which is flagged, and the last one in which any variable reached the threshold
    peak, score  the row of its highest score, and that score
    variable     whose value that is
    variables    all that reached the threshold, the highest first
    kind         what it looks like at its peak, one of `explain.KINDS`
    explanation  which value, what was expected, and what it looks like
    """

    first: int
    last: int
    peak: int
    score: float
    variable: str
    variables: tuple[str, ...]
    kind: str
    explanation: str


@dataclass(frozen=True, eq=False)
class JointAnomalies(Tabular):
    """The scores, anomalies and alarms of several variables.

    series   the first variable, whose times are those of all
    tables   by variable, the `Anomalies` of its own detector, whose rate is `rate` over their number
    rate     the false alarm rate that was asked for, in alarms a row, for all together
    scores   (n,) the highest score of each row, corrected for the number of variables
    labels   (n,) bool: whether an alarm begins with a row
    alarms   what began there
    """

    series: Series
    tables: Mapping[str, Anomalies]
    rate: float
    scores: np.ndarray
    labels: np.ndarray
    alarms: tuple[JointAlarm, ...]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def learned(self) -> int:
        """How many of the first rows the detectors were fitted to, at most."""
        return max(each.learned for each in self.tables.values())

    def columns(self) -> dict[str, Sequence[Cell]]:
        """Returns the table by columns, one entry for each row.

        The columns are the time, `score`, `anomaly` (1 where an alarm begins, else 0), `alarm`, its number counted from
        1, or 0 outside of alarms, `variable` and `kind`, whose it is and what it looks like; then of each variable its
        value, and its own `expected`, `lower`, `upper` and `score`, each behind its name.
        """
        numbers = np.zeros(len(self), int)
        variables, kinds = [""] * len(self), [""] * len(self)
        for k, alarm in enumerate(self.alarms, 1):
            numbers[alarm.first : alarm.last + 1] = k
            variables[alarm.first], kinds[alarm.first] = alarm.variable, alarm.kind
        found: dict[str, Sequence[Cell]] = {
            self.series.time_name or "row": self.series.labels,
            "score": self.scores.tolist(),
            "anomaly": self.labels.astype(int).tolist(),
            "alarm": numbers.tolist(),
            "variable": variables,
            "kind": kinds,
        }
        for name, table in self.tables.items():
            own = table.columns()
            found[f"{name} value" if name in found else name] = table.series.values.tolist()
            found |= {f"{name} {column}": own[column] for column in ("expected", "lower", "upper", "score")}
        return found

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draws each variable with the band of its usual values and the alarms in which it takes part; returns the
        path, a PNG, SVG or PDF file. Needs matplotlib."""
        return plots.anomalies_plots({name: _Part(self, name) for name in self.tables}, path)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON: variables, counts, and each alarm with the labels of its rows."""
        label = self.series.label
        return {
            "targets": [*self.tables],
            "rows": len(self),
            "learned": self.learned,
            "rate": self.rate,
            "anomalies": int(self.labels.sum()),
            "alarms": [
                {
                    "first": label(alarm.first),
                    "last": label(alarm.last),
                    "peak": label(alarm.peak),
                    "score": alarm.score,
                    "variable": alarm.variable,
                    "variables": [*alarm.variables],
                    "value": float(self.tables[alarm.variable].series.values[alarm.peak]),
                    "expected": float(self.tables[alarm.variable].expected[alarm.peak]),
                    "kind": alarm.kind,
                    "explanation": alarm.explanation,
                }
                for alarm in self.alarms
            ],
        }

    def __repr__(self) -> str:
        return f"JointAnomalies({', '.join(self.tables)}: {len(self)} rows, {len(self.alarms)} alarms)"


class _Part:
    """One variable in a picture: its own band and scores, and the alarms of all in which it takes part."""

    def __init__(self, found: JointAnomalies, name: str) -> None:
        self.found, self.name = found, name

    def chart(self) -> plots.AnomaliesChart:
        """Returns the table that the picture is drawn from."""
        alarms = [alarm for alarm in self.found.alarms if self.name in alarm.variables]
        labels = np.zeros(len(self.found), bool)
        labels[[alarm.first for alarm in alarms]] = True
        chart = self.found.tables[self.name].chart()
        return chart._replace(alarms=[(alarm.first, alarm.last) for alarm in alarms], labels=labels)


def joint_alarms(
    tables: Mapping[str, Anomalies], scores: np.ndarray, above: np.ndarray, labels: np.ndarray
) -> tuple[JointAlarm, ...]:
    """Returns the alarms that begin at the labels (n,).

    scores   (variables, n) of each, corrected for their number
    above    (variables, n) bool: whether each has reached the threshold
    """
    names, begins = [*tables], np.flatnonzero(labels).tolist()
    found: list[JointAlarm] = []
    for first, after in zip(begins, [*begins, len(labels)][1:], strict=True):
        rows = first + np.flatnonzero(above[:, first:after].any(axis=0))
        highest = np.where(above[:, rows], scores[:, rows], -np.inf).max(axis=1)
        order = np.argsort(-highest, kind="stable").tolist()
        best = order[0]
        peak = int(rows[np.where(above[best, rows], scores[best, rows], -np.inf).argmax()])
        table = tables[names[best]]
        own = [alarm for alarm in table.alarms if alarm.first <= peak <= alarm.last]
        said = table.explain(own[-1]) if own else f"{table.series.label(peak)}: {names[best]}"
        variables = tuple(names[k] for k in order if np.isfinite(highest[k]))
        kind = own[-1].kind if own else ""
        score = float(scores[best, peak])
        found.append(JointAlarm(first, int(rows[-1]), peak, score, names[best], variables, kind, said))
    return tuple(found)
