"""A forecast as people take it away: values and intervals with their dates, as a table, a CSV file, a picture."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.files import replacing
from elman.forecast.series import Series

__all__ = ["Forecast"]


@dataclass(frozen=True, eq=False)
class Forecast:
    """What follows a history.

    history    the series it was made from
    values     (h,)
    intervals  level in percent -> (h, 2), lower and upper bound
    model      whose forecast it is: "network" or a baseline's name
    backtest   how the models did on the last windows, or None
    """

    history: Series
    values: np.ndarray
    intervals: Mapping[float, np.ndarray]
    model: str = NETWORK
    backtest: Backtest | None = None

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

    def columns(self) -> list[str]:
        """The names of the table's columns: time, the target, `lower_80`, `upper_80`, ..."""
        bounds = [f"{side}_{level:g}" for level in self.intervals for side in ("lower", "upper")]
        return [self.history.time_name or "row", self.history.name, *bounds]

    def rows(self) -> list[tuple[str, list[float]]]:
        """The table's rows: the label, then the value and the bounds in the order of `columns`."""
        body = np.column_stack([self.values, *self.intervals.values()])
        return list(zip(self.labels, body.tolist(), strict=True))

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes the table, one line a row; the file appears whole or not at all. `OSError` where it cannot."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns())
        writer.writerows([label, *(f"{number:.8g}" for number in numbers)] for label, numbers in self.rows())
        with replacing(path) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8")
        return Path(path)

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draws history, forecast and intervals into a PNG (or SVG, PDF) file; needs matplotlib."""
        from elman.plots import forecast_plot

        return forecast_plot(self, path)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: `target`, `model`, and one entry of `forecast` for each row."""
        names = self.columns()
        rows = [dict(zip(names, [label, *numbers], strict=True)) for label, numbers in self.rows()]
        return {"target": self.history.name, "model": self.model, "horizon": len(self), "forecast": rows}
