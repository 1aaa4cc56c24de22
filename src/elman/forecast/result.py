"""`Forecast` and `Forecasts`: values and intervals with their dates, as tables, files and plots."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from elman import plots
from elman.core.staging import replacing
from elman.forecast.evaluation.actual import actual_errors, actual_values
from elman.forecast.evaluation.backtest import NETWORK, Backtest
from elman.series.errors import counted
from elman.series.series import Series
from elman.series.tables.files import needs_polars, write_rows
from elman.series.tables.frames import FrameType, polars_times, table_type

__all__ = ["Forecast", "Forecasts", "to_frame"]


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast of the h rows that follow a history.

    history    series from which the forecast was made
    values     (h,) forecasts
    intervals  level in percent -> lower and upper bounds (h, 2)
    model      whose forecast it is: "combination", "network" or the name of a baseline
    backtest   backtest of the series; None: there is none
    recursive_steps   number of last rows past the trained horizon, which are forecast from the earlier forecasts
    season     number of rows in the season of the model; 1: none
    actual     (h,) what came in these rows, NaN where it is not known (`with_actual`); None: nothing is known
    frame      type of the data frame that the history came in; None: it came in none
    """

    history: Series
    values: np.ndarray
    intervals: Mapping[float, np.ndarray]
    model: str = NETWORK
    backtest: Backtest | None = None
    recursive_steps: int = 0
    season: int = 1
    actual: np.ndarray | None = None
    frame: FrameType | None = None

    def __repr__(self) -> str:
        labels = self.labels
        span = f"{labels[0]} to {labels[-1]}" if len(self) > 1 else labels[0]
        levels = " and ".join(f"{level:g}" for level in self.intervals)
        intervals = f", intervals of {levels} %" if levels else ""
        return f"Forecast({self.history.name!r}, {counted(len(self), 'row')}, {span}, by {self.model}{intervals})"

    @property
    def rolled(self) -> int:
        """Returns `recursive_steps`, whose earlier name this is."""
        warnings.warn("Forecast: rolled is called recursive_steps now", FutureWarning, stacklevel=2)
        return self.recursive_steps

    def __len__(self) -> int:
        return len(self.values)

    @property
    def times(self) -> np.ndarray:
        """Returns the times of the rows, datetime64[us] (h,), or row numbers if the history has no times.

        They are UTC where the history is in a time zone (`history.style.zone`); `labels` are in the zone."""
        return self.history.ahead(len(self))

    @property
    def labels(self) -> list[str]:
        """Returns the times of the rows as text, in the style of the input."""
        return self.history.labels_ahead(len(self))

    def bounds(self) -> dict[str, np.ndarray]:
        """Returns the bounds (h,) by name: `lower_80`, `upper_80`, and so on."""
        sides = ("lower", "upper")
        return {f"{side}_{level:g}": b[:, k] for level, b in self.intervals.items() for k, side in enumerate(sides)}

    def columns(self) -> list[str]:
        """Returns the names of the table's columns: time, target, `lower_80`, `upper_80`, and so on, and `actual` where
        the truth is known."""
        return [self.history.time_name or "row", *self.numbers()]

    def numbers(self) -> dict[str, np.ndarray]:
        """Returns the numbers of the table by column, (h,) each: the forecast, the bounds, and what came."""
        name = "actual" if self.history.name != "actual" else "truth"
        actual = {} if self.actual is None else {name: self.actual}
        return {self.history.name: self.values, **self.bounds(), **actual}

    def rows(self) -> list[tuple[str, list[float]]]:
        """Returns the rows of the table: the label, then the numbers in the order of `columns`."""
        body = np.column_stack(list(self.numbers().values()))
        return list(zip(self.labels, body.tolist(), strict=True))

    def with_actual(self, truth: Series | np.ndarray | Sequence[float]) -> Forecast:
        """Returns the forecast with what came in its rows: a `Series` that has some of them, or numbers (m,), m >= 1,
        of the first m rows. It is then a column of the table and a line of the plot, and `errors` compares the two."""
        return replace(self, actual=actual_values(truth, self.history, self.times))

    def errors(self) -> dict[str, float]:
        """Returns the errors of the forecast in the rows whose truth is known: `rows`, their number, `mase`, `smape`
        (percent), `rmse` and `rmsse`, and `covered_80` and so on, the percentage that lies in the intervals.

        ValueError without `with_actual`.
        """
        if self.actual is None:
            raise ValueError("actual: expected what came in these rows (with_actual), got None")
        return actual_errors(self.actual, self.values, self.intervals, self.history, self.season)

    def to_frame(self, kind: str | None = None) -> Any:
        """Returns the table as a data frame: times, the forecast, `lower_80`, `upper_80`, and so on.

        kind   "pandas" or "polars"; None: the library of the frame that the history came in, with the times in the
               index where they were there; else pandas, or polars without it
        """
        return to_frame(self, table_type(kind, self.frame), Forecast.numbers, "")

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes the table into a CSV file and returns its path. An error (`OSError`) leaves no incomplete file."""
        return write_rows(path, [self.columns(), *_cells(self)])

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Writes the table into a Parquet file and returns its path. ModuleNotFoundError without polars."""
        return _write_parquet(path, [(None, self)])

    @overload
    def plot(self, path: str | os.PathLike[str]) -> Path: ...
    @overload
    def plot(self, path: None = None, *, ax: Any = None) -> Any: ...
    def plot(self, path: str | os.PathLike[str] | None = None, *, ax: Any = None) -> Any:
        """Plots history, forecast and intervals, and the truth where it is known; needs matplotlib.

        path   a PNG, SVG or PDF file, whose path is returned; None: the plot is drawn on axes, which are returned
        ax     axes of matplotlib; None: those of a new figure
        """
        return plots.file_or_axes(self, path, ax, plots.forecast_plot, plots.draw_forecast)

    def chart(self) -> plots.ForecastChart:
        """Returns the data of a plot."""
        history = self.history
        unit = history.calendar.unit_name if history.calendar is not None else None
        return plots.ForecastChart(
            history.line(),
            history.clocks(self.times),
            self.values,
            self.intervals,
            self.model,
            unit or "row",
            self._subtitle(),
            self.actual,
        )

    def _subtitle(self) -> str:
        """Returns the subtitle of a plot: which rows are forecast, and the mean errors in the backtest."""
        backtest, labels = self.backtest, self.labels
        span = f"{labels[0]} to {labels[-1]}" if len(labels) > 1 else labels[0]
        if self.actual is not None:
            found = self.errors()
            return f"{span}.  MASE {found['mase']:.2f} in {counted(int(found['rows']), 'row')} whose truth is known"
        if backtest is None:
            return span
        best = backtest.best_baseline
        windows = "1 window" if len(backtest) == 1 else f"{len(backtest)} windows"
        ours, theirs = backtest.mean(backtest.model), backtest.mean(best)
        return f"{span}.  Backtest, {windows}: mean MASE {ours:.2f} ({backtest.model}), {theirs:.2f} ({best})"

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON: `target`, `model`, and one entry of `forecast` for each row."""
        names = self.columns()
        rows = [dict(zip(names, [label, *numbers], strict=True)) for label, numbers in self.rows()]
        header = {"target": self.history.name, "model": self.model, "horizon": len(self)}
        errors = {} if self.actual is None else {"errors": self.errors()}
        return {**header, "recursive_steps": self.recursive_steps, **errors, "forecast": rows}


class Forecasts(Mapping[str, Forecast]):
    """The forecasts of many series, a mapping from ids to `Forecast`s.

    each      the forecasts by id
    skipped   why each other series could not be forecast, by its id
    id        name of the column of ids in a data frame
    """

    def __init__(
        self, each: Mapping[str, Forecast], skipped: Mapping[str, str] | None = None, id: str = "unique_id"
    ) -> None:
        self._each = dict(each)
        self.skipped = dict(skipped or {})
        self._id = id

    def __getitem__(self, series: str) -> Forecast:
        return self._each[series]

    def __iter__(self) -> Iterator[str]:
        return iter(self._each)

    def __len__(self) -> int:
        return len(self._each)

    def __repr__(self) -> str:
        return f"Forecasts({len(self)} series, {len(next(iter(self.values()), ()))} rows each)"

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes a CSV file with one line for each series and row, and returns its path."""
        heads = next((forecast.columns() for forecast in self.values()), [])
        return write_rows(path, [["series", *heads], *([name, *row] for name, f in self.items() for row in _cells(f))])

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Writes the table of `write_csv` into a Parquet file and returns its path; needs polars."""
        return _write_parquet(path, list(self.items()))

    def plot(self, path: str | os.PathLike[str], *, most: int = 12) -> Path:
        """Plots the first `most` series in small panels into a PNG, SVG or PDF file and returns its path.

        ModuleNotFoundError without matplotlib.
        """
        return plots.forecasts_plot(self, path, most=most)

    def to_frame(self, kind: str | None = None) -> Any:
        """Returns the tables of all series below one another as a data frame, with a column of ids; `kind` as in
        `Forecast.to_frame`."""
        frame = next((each.frame for each in self.values()), None)
        return to_frame(self, table_type(kind, frame), Forecast.numbers, self._id)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON: those of every forecast, by the id of the series."""
        return {name: forecast.to_dict() for name, forecast in self.items()}


def to_frame(
    result: Forecast | Forecasts, frame: FrameType, columns: Callable[[Forecast], Mapping[str, np.ndarray]], id: str
) -> Any:
    """Returns a data frame of one forecast or of many, with the times and the columns that `columns` returns.

    frame   the data frame library
    id      name of the column of ids, which is added for many series
    """
    forecasts = list(result.values()) if isinstance(result, Forecasts) else [result]
    time = forecasts[0].history.time_name
    tables = [
        ({} if time is None else {time: frame.times(each.times, each.history.style, time)}) | dict(columns(each))
        for each in forecasts
    ]
    table = {name: np.concatenate([part[name] for part in tables]) for name in tables[0]}
    if isinstance(result, Forecasts):
        table = {id: np.repeat(list(result), [len(each) for each in forecasts])} | table
    return frame.answer(table, time)


def _cells(forecast: Forecast) -> list[list[str]]:
    """Returns the rows of a forecast's table as text."""
    return [
        [label, *("" if number != number else f"{number:.8g}" for number in numbers)]
        for label, numbers in forecast.rows()
    ]


def _write_parquet(path: str | os.PathLike[str], forecasts: Sequence[tuple[str | None, Forecast]]) -> Path:
    """Writes forecasts with the ids of their series, or without a column of ids where the id is None."""
    needs_polars()
    import polars

    parts: list[polars.DataFrame] = []
    for id, forecast in forecasts:
        time = forecast.columns()[0]
        columns = {} if id is None else {"series": [id] * len(forecast)}
        columns |= {time: polars_times(time, forecast.times, forecast.history.style), **forecast.numbers()}
        parts.append(polars.DataFrame(columns))
    with replacing(path) as hidden:
        polars.concat(parts).write_parquet(hidden)
    return Path(path)
