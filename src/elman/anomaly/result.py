"""The result of a detector: scores and alarms, as a table, a CSV or Parquet file, or a picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from elman import plots
from elman.anomaly.words.explain import KINDS
from elman.core.staging import replacing
from elman.series.series import Series
from elman.series.tables.files import needs_polars, write_rows
from elman.series.tables.frames import polars_times

if TYPE_CHECKING:
    import polars

__all__ = ["CAUSES", "Alarm", "Anomalies", "Cell", "Tabular", "find_alarms", "write_csv", "write_parquet"]

CAUSES = ("value", "level", "spread", "stuck")

Cell = str | float | None


@dataclass(frozen=True)
class Alarm:
    """One event: it begins with a row that reaches the threshold, and is over once a day of rows did not.

    first, last   its first row, which is flagged, and the last one that reached the threshold
    peak          the row of its highest score;  score  that score
    cause, scale  what raised the score of the peak: a single "value"; the "level" or the "spread" of `scale` rows; or
                  a value that was "stuck", which is the same in `scale` rows
    kind          what it looks like at its peak, one of `explain.KINDS`: "spike", "level shift down", "flat line", ...
    """

    first: int
    last: int
    peak: int
    score: float
    cause: str
    scale: int
    kind: str = ""


class Tabular:
    """A result with a table, a row for each row of its `series`."""

    series: Series

    def __len__(self) -> int:
        raise NotImplementedError

    def columns(self) -> dict[str, Sequence[Cell]]:
        """Returns the table by columns, one entry for each row."""
        raise NotImplementedError

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes the table to a CSV file, one line for each row, and returns the path.

        The file appears whole or not at all; `OSError` where it cannot be written.
        """
        return _write_csv(path, [(None, self)])

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Writes the table to a Parquet file, with times as dates, and returns the path.

        Raises `ModuleNotFoundError` without polars.
        """
        return _write_parquet(path, [(None, self)])


@dataclass(frozen=True, eq=False)
class Anomalies(Tabular):
    """The scores, anomalies and alarms that a detector finds in a series.

    series    the rows
    learned   how many of the first rows the detector was fitted to; of these only gross values are anomalies
    rate      the false alarm rate that was asked for, in alarms a row
    scores    (n,) -log10 of how many alarms a row such errors give in a series that does not change
    expected  (n,) the forecast of each row from the rows before
    bounds    (n, 2) a value below the first or above the second is an anomaly on its own
    labels    (n,) bool: whether an alarm begins with a row
    alarms    what began there
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

    def columns(self) -> dict[str, Sequence[Cell]]:
        """Returns the table by columns, one entry for each row.

        The columns are the time, the target, `expected`, `lower`, `upper`, `score`, `anomaly` (1 where an alarm begins,
        else 0), `alarm`, its number counted from 1, or 0 outside of alarms, and `kind`, what it looks like.
        """
        numbers = np.zeros(len(self), int)
        kinds = [""] * len(self)
        for k, alarm in enumerate(self.alarms, 1):
            numbers[alarm.first : alarm.last + 1] = k
            kinds[alarm.first] = alarm.kind
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
            "kind": kinds,
        }

    def explain(self, alarm: Alarm) -> str:
        """Returns a sentence about an alarm: which value, what was expected, and what it looks like."""
        row, name, kind = alarm.peak, self.series.name, alarm.kind or alarm.cause
        value, expected = float(self.series.values[row]), float(self.expected[row])
        low, high = self.bounds[row].tolist()
        found = f"{self.series.label(row)}: {kind}; {name} is {value:.6g}, expected {expected:.6g}"
        if alarm.cause == "value":
            return f"{found} ({low:.6g} to {high:.6g})"
        if alarm.cause == "stuck":
            return f"{found}, the same in {alarm.scale} rows"
        return f"{found}; it shows in {alarm.scale} rows together"

    @overload
    def plot(self, path: str | os.PathLike[str]) -> Path: ...
    @overload
    def plot(self, path: None = None, *, ax: Any = None) -> Any: ...
    def plot(self, path: str | os.PathLike[str] | None = None, *, ax: Any = None) -> Any:
        """Draws the series, its band of usual values and its alarms; needs matplotlib.

        path   a PNG, SVG or PDF file, which shows the scores too, and whose path is returned; None: the picture is
               drawn on axes, which are returned
        ax     axes of matplotlib; None: those of a new figure
        """
        return plots.file_or_axes(self, path, ax, plots.anomalies_plot, plots.draw_anomalies)

    def chart(self) -> plots.AnomaliesChart:
        """Returns the table that the picture is drawn from."""
        alarms = [(alarm.first, alarm.last) for alarm in self.alarms]
        return plots.AnomaliesChart(
            self.series.line(), self.learned, self.rate, self.scores, self.bounds, self.labels, alarms
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON: target, counts, and each alarm with the labels of its rows."""
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
                    "lower": float(self.bounds[alarm.peak, 0]),
                    "upper": float(self.bounds[alarm.peak, 1]),
                    "kind": alarm.kind,
                    "explanation": self.explain(alarm),
                    "cause": alarm.cause,
                    "scale": alarm.scale,
                }
                for alarm in self.alarms
            ],
        }

    def __repr__(self) -> str:
        learned = f", the first {self.learned} learned from" if self.learned else ""
        return f"Anomalies({len(self)} rows{learned}, {len(self.alarms)} alarms)"


def find_alarms(
    labels: np.ndarray, scores: np.ndarray, causes: np.ndarray, threshold: float, rest: int
) -> tuple[Alarm, ...]:
    """Returns the alarms that begin at the labels (n,) of rows with scores (n,) and causes (n, 3): cause, scale, kind.

    An alarm lasts to the last row that reaches the threshold before `rest` rows in a row do not, or the next begins.
    """
    begins = np.flatnonzero(labels)
    found: list[Alarm] = []
    for first, after in zip(begins.tolist(), [*begins.tolist(), len(labels)][1:], strict=True):
        rows = first + np.flatnonzero(scores[first:after] >= threshold)
        run = np.concatenate([[first], rows[rows > first]])
        run = run[: int(np.argmax(np.append(np.diff(run) > rest, True))) + 1]
        peak = int(run[np.argmax(scores[run])])
        cause, scale, kind = causes[peak].tolist()
        found.append(Alarm(first, int(run[-1]), peak, float(scores[peak]), CAUSES[cause], scale, KINDS[kind]))
    return tuple(found)


def write_csv(tables: Mapping[str, Anomalies], path: str | os.PathLike[str]) -> Path:
    """Writes the tables of many series below one another to a CSV file, their ids in a first column `series`.

    Returns the path. Of one series alone, `Anomalies.write_csv` writes the table without ids.
    """
    return _write_csv(path, tables.items())


def write_parquet(tables: Mapping[str, Anomalies], path: str | os.PathLike[str]) -> Path:
    """Writes the same table as `write_csv` to a Parquet file; returns the path.

    Raises `ModuleNotFoundError` without polars.
    """
    return _write_parquet(path, tables.items())


def _write_csv(path: str | os.PathLike[str], tables: Iterable[tuple[str | None, Tabular]]) -> Path:
    """Writes tables with the ids of their series; None writes no column of ids."""
    rows: list[list[str]] = []
    for id, found in tables:
        columns = found.columns()
        header, ids = ([], []) if id is None else (["series"], [id])
        if not rows:
            rows.append([*header, *columns])
        rows += [[*ids, *map(_text, row)] for row in zip(*columns.values(), strict=True)]
    return write_rows(path, rows)


def _write_parquet(path: str | os.PathLike[str], tables: Iterable[tuple[str | None, Tabular]]) -> Path:
    """Writes tables with the ids of their series; None writes no column of ids."""
    needs_polars()
    import polars

    table = polars.concat([_frame(id, found) for id, found in tables])
    with replacing(path) as hidden:
        table.write_parquet(hidden)
    return Path(path)


def _frame(id: str | None, found: Tabular) -> polars.DataFrame:
    """Returns the table of one series as a data frame, with its times as dates, or its rows counted from 1."""
    import polars

    series, columns = found.series, found.columns()
    time = series.time_name or "row"
    parts = [] if id is None else [polars.Series("series", [id] * len(found))]
    times = np.arange(1, len(found) + 1) if series.times is None else series.times
    parts.append(polars_times(time, times, series.style))
    for name, cells in columns.items():
        if name != time:
            parts.append(polars.Series(name, cells, dtype=polars.Float64 if name == "score" else None))
    return polars.DataFrame(parts)


def _text(cell: Cell) -> str:
    """Returns a cell of the table as it stands in a CSV file."""
    return "" if cell is None else f"{cell:.8g}" if isinstance(cell, float) else str(cell)
