"""Scores and alarms as people take them away: as a table, a CSV or Parquet file, a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman import plots
from elman.core.staging import replacing
from elman.series.files import needs_polars, write_rows
from elman.series.lines import line
from elman.series.series import Series

__all__ = ["CAUSES", "Alarm", "Anomalies", "alarms_of", "frame", "write_csv", "write_parquet"]

CAUSES = ("value", "level", "spread", "stuck")


@dataclass(frozen=True)
class Alarm:
    """A run of anomalies; runs less than a day apart are one.

    first, last   its first and last row
    peak          the row of its highest score;  score  that score
    cause, scale  what raised it there: a single "value", or of `scale` rows the "level" or the "spread", or that the
                  value was "stuck" for so long
    """

    first: int
    last: int
    peak: int
    score: float
    cause: str
    scale: int


@dataclass(frozen=True, eq=False)
class Anomalies:
    """What a detector says of a series.

    series    the rows
    learned   how many of them, the first, were learned from: their scores are NaN, and none is an anomaly
    rate      false alarms a row that were asked for
    scores    (n,) -log10 of how many alarms a row such errors give where nothing changes
    expected  (n,) what was forecast from the rows before
    bounds    (n, 2) a value beyond them is an anomaly for its own sake
    labels    (n,) bool: whether a row is an anomaly
    alarms    runs of them
    """

    series: Series
    learned: int
    rate: float
    scores: np.ndarray
    expected: np.ndarray
    bounds: np.ndarray
    labels: np.ndarray
    alarms: tuple[Alarm, ...]

    def __len__(self) -> int:
        return len(self.scores)

    def columns(self) -> dict[str, list[Any]]:
        """The table by columns: time, target, `expected`, `lower`, `upper`, `score` (None where it was learned from),
        `anomaly` 0 or 1, `alarm`, its number from 1 on, 0 outside."""
        numbers = np.zeros(len(self), int)
        for k, alarm in enumerate(self.alarms, 1):
            numbers[alarm.first : alarm.last + 1] = k
        series = self.series
        return {
            series.time_name or "row": series.labels,
            series.name: series.values.tolist(),
            "expected": self.expected.tolist(),
            "lower": self.bounds[:, 0].tolist(),
            "upper": self.bounds[:, 1].tolist(),
            "score": [None if np.isnan(score) else score for score in self.scores.tolist()],
            "anomaly": self.labels.astype(int).tolist(),
            "alarm": numbers.tolist(),
        }

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes the table, a line a row; the file appears whole or not at all. `OSError` where it cannot."""
        return write_csv({"": self}, path)

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """The same as a Parquet file, its times as such; `ModuleNotFoundError` without polars."""
        return write_parquet({"": self}, path)

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draws series, expected band, score and alarms into a PNG (or SVG, PDF) file; needs matplotlib."""
        return plots.anomalies_plot(self, path)

    def chart(self) -> plots.AnomaliesChart:
        """Returns what a picture shows, as a plain table."""
        alarms = [(alarm.first, alarm.last) for alarm in self.alarms]
        return plots.AnomaliesChart(
            line(self.series), self.learned, self.rate, self.scores, self.bounds, self.labels, alarms
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: target, rows, and each alarm with its rows' labels."""
        label = self.series.label
        return {
            "target": self.series.name,
            "rows": len(self),
            "learned": self.learned,
            "rate": self.rate,
            "anomalies": int(self.labels.sum()),
            "alarms": [
                {
                    "first": label(alarm.first),
                    "last": label(alarm.last),
                    "peak": label(alarm.peak),
                    "value": float(self.series.values[alarm.peak]),
                    "expected": float(self.expected[alarm.peak]),
                    "score": alarm.score,
                    "cause": alarm.cause,
                    "scale": alarm.scale,
                }
                for alarm in self.alarms
            ],
        }

    def __repr__(self) -> str:
        return f"Anomalies({len(self)} rows, {int(self.labels.sum())} anomalies in {len(self.alarms)} alarms)"


def alarms_of(labels: np.ndarray, scores: np.ndarray, causes: np.ndarray, apart: int) -> tuple[Alarm, ...]:
    """Runs of labels (n,), those less than `apart` rows from each other joined; causes (n, 2): cause and scale."""
    rows = np.flatnonzero(labels)
    if not len(rows):
        return ()
    found: list[Alarm] = []
    for run in np.split(rows, np.flatnonzero(np.diff(rows) >= max(apart, 2)) + 1):
        first, last = int(run[0]), int(run[-1])
        peak = int(run[np.argmax(scores[run])])
        cause, scale = causes[peak].tolist()
        found.append(Alarm(first, last, peak, float(scores[peak]), CAUSES[cause], scale))
    return tuple(found)


def write_csv(each: Mapping[str, Anomalies], path: str | os.PathLike[str]) -> Path:
    """The tables of several series in long form, the id in a first column `series`; of one, whose id is "", without."""
    rows: list[list[Any]] = []
    for name, found in each.items():
        columns, ids = found.columns(), [name] if name else []
        if not rows:
            rows.append([*["series"][: len(ids)], *columns])
        rows += [[*ids, *map(_cell, row)] for row in zip(*columns.values(), strict=True)]
    return write_rows(path, rows)


def write_parquet(each: Mapping[str, Anomalies], path: str | os.PathLike[str]) -> Path:
    """As `write_csv`; `ModuleNotFoundError` without polars."""
    needs_polars()
    import polars

    table = polars.concat([frame(polars, name, found) for name, found in each.items()])
    with replacing(path) as hidden:
        table.write_parquet(hidden)
    return Path(path)


def frame(polars: Any, name: str, found: Anomalies) -> Any:
    """One series' table as a polars frame."""
    columns: dict[str, Any] = found.columns()
    series = found.series
    columns[series.time_name or "row"] = np.arange(1, len(found) + 1) if series.times is None else series.times
    columns["score"] = polars.Series(columns["score"], dtype=polars.Float64)
    ids = {"series": [name] * len(found)} if name else {}
    return polars.DataFrame({**ids, **columns})


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.8g}" if isinstance(value, float) else str(value)
