"""Forecasts as people take them away: values and intervals with their dates, as a table, a CSV file, a picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman import plots
from elman.core.staging import replacing
from elman.forecast.backtest import NETWORK, Backtest
from elman.series.files import needs_polars, write_rows
from elman.series.frames import Kind
from elman.series.lines import line
from elman.series.series import Series

__all__ = ["Forecast", "Forecasts", "in_kind"]


@dataclass(frozen=True, eq=False)
class Forecast:
    """What follows a history.

    history    the series it was made from
    values     (h,)
    intervals  level in percent -> (h, 2), lower and upper bound
    model      whose forecast it is: "network" or a baseline's name
    backtest   how the models did on the last windows, or None
    rolled     how many of the last rows lie past the trained horizon, forecast from forecasts
    """

    history: Series
    values: np.ndarray
    intervals: Mapping[float, np.ndarray]
    model: str = NETWORK
    backtest: Backtest | None = None
    rolled: int = 0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def times(self) -> np.ndarray:
        """datetime64[us] (h,), or row numbers where the history has no times."""
        return self.history.ahead(len(self))

    @property
    def labels(self) -> list[str]:
        """The rows' times in the style of the input."""
        return self.history.labels_ahead(len(self))

    def bounds(self) -> dict[str, np.ndarray]:
        """The bounds (h,) by name: `lower_80`, `upper_80`, ..."""
        sides = ("lower", "upper")
        return {f"{side}_{level:g}": b[:, k] for level, b in self.intervals.items() for k, side in enumerate(sides)}

    def columns(self) -> list[str]:
        """The names of the table's columns: time, the target, `lower_80`, `upper_80`, ..."""
        return [self.history.time_name or "row", self.history.name, *self.bounds()]

    def rows(self) -> list[tuple[str, list[float]]]:
        """The table's rows: the label, then the value and the bounds in the order of `columns`."""
        body = np.column_stack([self.values, *self.bounds().values()])
        return list(zip(self.labels, body.tolist(), strict=True))

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes the table, one line a row; the file appears whole or not at all. `OSError` where it cannot."""
        return write_rows(path, [self.columns(), *_cells(self)])

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """As `write_csv`, a Parquet file with dates as such. ModuleNotFoundError without polars."""
        return _write_parquet(path, {"": self})

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draws history, forecast and intervals into a PNG (or SVG, PDF) file; needs matplotlib."""
        return plots.forecast_plot(self, path)

    def chart(self) -> plots.ForecastChart:
        """Returns what a picture shows, as a plain table."""
        history = self.history
        unit = history.calendar.unit_name if history.calendar is not None else None
        return plots.ForecastChart(
            line(history), self.times, self.values, self.intervals, self.model, unit or "row", self._subtitle()
        )

    def _subtitle(self) -> str:
        """Returns which rows are forecast, and how the backtest ended."""
        tested, labels = self.backtest, self.labels
        span = f"{labels[0]} to {labels[-1]}" if len(labels) > 1 else labels[0]
        if tested is None:
            return span
        best = tested.best_baseline
        windows = "1 window" if len(tested) == 1 else f"{len(tested)} windows"
        ours, theirs = tested.mean(NETWORK), tested.mean(best)
        return f"{span}.  Backtest, {windows}: mean MASE {ours:.2f} (network), {theirs:.2f} ({best})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: `target`, `model`, and one entry of `forecast` for each row."""
        names = self.columns()
        rows = [dict(zip(names, [label, *numbers], strict=True)) for label, numbers in self.rows()]
        return {"target": self.history.name, "model": self.model, "horizon": len(self), "rolled": self.rolled,
                "forecast": rows}  # fmt: skip


class Forecasts(Mapping[str, Forecast]):
    """The forecast of each of many series, by its id. `skipped`: those that could not be forecast, and why."""

    def __init__(self, each: Mapping[str, Forecast], skipped: Mapping[str, str] | None = None) -> None:
        self._each = dict(each)
        self.skipped = dict(skipped or {})

    def __getitem__(self, series: str) -> Forecast:
        return self._each[series]

    def __iter__(self) -> Iterator[str]:
        return iter(self._each)

    def __len__(self) -> int:
        return len(self._each)

    def __repr__(self) -> str:
        return f"Forecasts({len(self)} series, {len(next(iter(self.values()), ()))} rows each)"

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes a table in long form, one line a series and row; the file appears whole or not at all."""
        heads = next((forecast.columns() for forecast in self.values()), [])
        return write_rows(path, [["series", *heads], *([name, *row] for name, f in self.items() for row in _cells(f))])

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """As `write_csv`, a Parquet file with dates as such. ModuleNotFoundError without polars."""
        return _write_parquet(path, self)

    def plot(self, path: str | os.PathLike[str], *, most: int = 12) -> Path:
        """Draws the first `most` series, each small, into a PNG (or SVG, PDF) file; needs matplotlib."""
        return plots.forecasts_plot(self, path, most=most)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: those of every forecast, by the series' id."""
        return {name: forecast.to_dict() for name, forecast in self.items()}


def in_kind(
    found: Forecast | Forecasts, kind: Kind, columns: Callable[[Forecast], Mapping[str, np.ndarray]], id: str
) -> Any:
    """Columns of one forecast or many as a data frame: beside the times, and for many the column `id`."""
    each = dict(found) if isinstance(found, Forecasts) else {"": found}
    time = next(iter(each.values())).history.time_name
    tables = [({} if time is None else {time: f.times}) | dict(columns(f)) for f in each.values()]
    whole = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    if isinstance(found, Forecasts):
        whole = {id: np.repeat(list(each), [len(f) for f in each.values()])} | whole
    return kind.answer(whole, time)


def _cells(forecast: Forecast) -> list[list[str]]:
    return [[label, *(f"{number:.8g}" for number in numbers)] for label, numbers in forecast.rows()]


def _write_parquet(path: str | os.PathLike[str], forecasts: Mapping[str, Forecast]) -> Path:
    needs_polars()
    import polars

    parts: list[polars.DataFrame] = []
    for name, forecast in forecasts.items():
        time, target, *bounds = forecast.columns()
        numbers = np.column_stack([forecast.values, *forecast.bounds().values()])
        columns = {"series": [name] * len(forecast)} if name else {}
        columns |= {time: forecast.times, **dict(zip((target, *bounds), numbers.T, strict=True))}
        parts.append(polars.DataFrame(columns))
    with replacing(path) as hidden:
        polars.concat(parts).write_parquet(hidden)
    return Path(path)
