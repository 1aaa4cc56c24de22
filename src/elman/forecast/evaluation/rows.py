"""The rows of a backtest as a table: what was forecast for each row of each window, what came, and the intervals."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.core.staging import replacing
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.coverage import interval_bounds
from elman.series.series import Series
from elman.series.tables.files import needs_polars, write_rows
from elman.series.tables.frames import polars_times

__all__ = ["BacktestRows"]


class BacktestRows:
    """The rows of a backtest's W windows of h rows.

    backtest   the backtest;  history  its series by id, or the one series by any id
    levels     levels of the model's intervals in percent, of which each window's are calibrated on other windows
    """

    def __init__(self, backtest: Backtest, history: Mapping[str, Series], levels: Sequence[float]) -> None:
        self.backtest = backtest
        self.bounds = interval_bounds(backtest, levels)
        only = next(iter(history.values())) if backtest.single else None
        self._series = [history[id] if only is None else only for id in backtest.ids]

    def columns(self) -> dict[str, Sequence[Any]]:
        """Returns the columns (W h,): the id as `series` where there are many, the number of the `window` from 1,
        the time as the input wrote it, `truth` (None where it is masked), `forecast` (the model's), `lower_80`,
        `upper_80` and so on (None where there are too few other windows), and the forecast of each baseline."""
        backtest, h = self.backtest, self.backtest.horizon
        found: dict[str, Sequence[Any]] = {}
        if not backtest.single:
            found["series"] = np.repeat(list(backtest.ids), h).tolist()
        found["window"] = np.repeat(self._numbers(), h).tolist()
        starts = zip(self._series, backtest.starts, strict=True)
        found[self._time_name()] = [series.label(row) for series, start in starts for row in range(start, start + h)]
        found["truth"] = _cells(backtest.truth)
        found["forecast"] = _cells(backtest.forecasts[backtest.model])
        for level, bounds in self.bounds.items():
            found[f"lower_{level:g}"], found[f"upper_{level:g}"] = _cells(bounds[..., 0]), _cells(bounds[..., 1])
        return found | {rule: _cells(each) for rule, each in backtest.forecasts.items() if rule != backtest.model}

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes the rows into a CSV file, which appears whole or not at all, and returns its path."""
        columns = self.columns()
        body = ([_text(cell) for cell in row] for row in zip(*columns.values(), strict=True))
        return write_rows(path, [list(columns), *body])

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Writes the rows into a Parquet file, with times as dates; returns its path. ModuleNotFoundError without
        polars."""
        needs_polars()
        import polars

        columns: dict[str, Any] = dict(self.columns())
        if self._series[0].times is not None:
            pairs = zip(self._series, self.backtest.starts, strict=True)
            h = self.backtest.horizon
            parts = [series.times[start : start + h] for series, start in pairs if series.times is not None]
            columns[self._time_name()] = polars_times("", np.concatenate(parts), self._series[0].style)
        with replacing(path) as hidden:
            polars.DataFrame(columns).write_parquet(hidden)
        return Path(path)

    def _numbers(self) -> list[int]:
        """Returns the number of each window among those of its series, oldest first, from 1."""
        found = [0] * len(self.backtest)
        for windows in self.backtest.places.values():
            for number, w in enumerate(sorted(windows, key=lambda w: self.backtest.starts[w]), 1):
                found[w] = number
        return found

    def _time_name(self) -> str:
        name = self._series[0].time_name or "row"
        return "time" if name in ("series", "window", "truth", "forecast", *self.backtest.forecasts) else name


def _cells(values: np.ndarray) -> list[float | None]:
    return [value if value == value else None for value in values.ravel().tolist()]


def _text(cell: object) -> object:
    return "" if cell is None else f"{cell:.8g}" if isinstance(cell, float) else cell
