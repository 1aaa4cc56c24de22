"""`Series`: the values of one series without gaps, at times of regular steps or without times."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np

from elman.core import checks
from elman.plots.lines import Line
from elman.series.calendar import Calendar
from elman.series.covariates import Covariates
from elman.series.dates.style import ISO, Style
from elman.series.errors import DataError
from elman.series.limits import LARGEST

__all__ = ["MISSING", "Series", "SeriesOptions"]

MISSING = ("error", "interpolate", "mask", "zero")  # what may be done about missing values


@dataclass(frozen=True, eq=False)
class Series:
    """The values of one series, checked.

    values       float64 (n,), finite
    times        datetime64[us] (n,), increasing by the calendar's step: UTC where the style has a time zone, else as
                 they are written; None: the rows are numbered from 1
    calendar     the rule of the steps; None where there are no times
    style        how the times are written
    name         the name of the column of values;  time_name  that of the times, None where there are none
    filled       the rows whose value was missing, in rising order; `values` holds what was put in its place
    masked       whether the filled values are placeholders only: models neither learn from them nor score them
    covariates   what is known beside the values
    notes        what a reader should know of how the series was read (`notes.note`); not part of files
    """

    values: Annotated[np.ndarray, "float64 (n,)"]
    times: Annotated[np.ndarray, "datetime64[us] (n,)"] | None = None
    calendar: Calendar | None = None
    style: Style = ISO
    name: str = "value"
    time_name: str | None = None
    filled: tuple[int, ...] = ()
    masked: bool = False
    covariates: Covariates | None = None
    notes: tuple[str, ...] = field(default=(), metadata={"saved": False})

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another; `build` never makes such a series."""
        n = len(self)
        if n < 2 or not (np.abs(self.values) <= LARGEST).all():
            raise ValueError(f"values: expected at least 2 finite numbers up to {LARGEST:g}")
        if (self.times is None) != (self.calendar is None):
            raise ValueError("times: expected times and their calendar, or neither")
        if self.times is not None and self.calendar is not None:
            steps, there = self.calendar.index(self.times)
            if not there.all() or (steps != np.arange(n)).any():
                raise ValueError(f"times: expected those of the calendar ({self.calendar.name})")
            if self.calendar.zone != self.style.zone:
                raise ValueError(
                    f"calendar.zone: expected {self.style.zone!r}, as the style has, got {self.calendar.zone!r}"
                )
        if any(b <= a for a, b in pairwise((0, *self.filled))) or (self.filled and self.filled[-1] >= n):
            raise ValueError(
                f"filled: expected rising rows after the first, below {n}, got {checks.shown(self.filled)}"
            )
        if self.covariates is not None:
            self.covariates.validate_rows(n)

    def __len__(self) -> int:
        return len(self.values)

    def label(self, row: int) -> str:
        """Returns the time of a row as the input wrote it, or the number of the row where there are no times."""
        return str(row + 1) if self.times is None else self.style.label(self.times[row])

    @property
    def labels(self) -> list[str]:
        """The labels of all rows."""
        return [self.label(row) for row in range(len(self))]

    def ahead(self, count: int) -> np.ndarray:
        """Returns the `count` times after the last row, datetime64[us], or row numbers where there are no times."""
        if self.times is None or self.calendar is None:
            return np.arange(len(self) + 1, len(self) + count + 1)
        return self.calendar.ahead(self.times[-1], count)

    def labels_ahead(self, count: int) -> list[str]:
        """Returns the labels of the `count` rows that follow the last."""
        ahead = self.ahead(count)
        return [str(i) for i in ahead.tolist()] if self.times is None else self.style.labels(ahead)

    def clocks(self, times: np.ndarray) -> np.ndarray:
        """Returns times of the series as the clocks of its time zone show them, and numbers of rows as they are."""
        return times if self.times is None else self.style.wall(times)

    @property
    def observed(self) -> np.ndarray:
        """The values (n,), with NaN in the place of masked ones."""
        if not self.masked or not self.filled:
            return self.values
        values = self.values.copy()
        values[list(self.filled)] = np.nan
        return values

    def line(self, values: np.ndarray | None = None) -> Line:
        """Returns what a picture shows of the series: its name, times (or row numbers from 1), and its values, or
        `values` (n,) in their place."""
        times = np.arange(1, len(self) + 1) if self.times is None else self.clocks(self.times)
        return Line(self.name, times, self.values if values is None else values, self.time_name or "row")

    def head(self, rows: int) -> Series:
        """Returns the first `rows` rows, as they were known before the later ones: values missing at their end become
        the last value before, since interpolation used later values."""
        values, filled = self.values[:rows], tuple(i for i in self.filled if i < rows)
        if filled and filled[-1] == rows - 1 and rows < len(self):
            values = values.copy()
            known = np.delete(np.arange(rows), filled)
            values[known[-1] + 1 :] = values[known[-1]]
        times = None if self.times is None else self.times[:rows]
        covariates = None if self.covariates is None else self.covariates.head(rows)
        return replace(self, values=values, times=times, filled=filled, covariates=covariates)

    def fill_masked(self, season: int) -> Series:
        """Returns the series with each masked value replaced by the one a season before, where there is one."""
        if not self.masked or not self.filled:
            return self
        values = self.values.copy()
        for row in self.filled:
            if row >= season:
                values[row] = values[row - season]
        return replace(self, values=values)

    def with_forecasts(self, values: np.ndarray) -> Series:
        """Returns the series with forecasts appended as if they were observed; past covariates keep their last values
        there."""
        times = None if self.times is None else np.concatenate([self.times, self.ahead(len(values))])
        covariates = self.covariates
        if covariates is not None:
            past = np.concatenate([covariates.past, np.repeat(covariates.past[-1:], len(values), 0)])
            covariates = replace(covariates, past=past)
        return replace(self, values=np.concatenate([self.values, values]), times=times, covariates=covariates)

    def extended(self, newer: Series) -> Series:
        """Returns the series with the rows of `newer` appended. `DataError` unless these begin at the step after the
        last row, with covariates where the series has them."""
        times = self.times
        if (times is None) != (newer.times is None):
            raise DataError("new rows: expected " + ("no times, as before" if times is None else "times, as before"))
        if times is not None and newer.times is not None:
            due = self.ahead(len(newer))
            if (wrong := np.flatnonzero(due != newer.times)).size:
                i = int(wrong[0])
                raise DataError(
                    f"new rows: expected {self.style.label(due[i])} at index {i}, the step after the row before, got"
                    f" {newer.label(i)}"
                )
            times = np.concatenate([times, newer.times])
        covariates = self.covariates
        if covariates is not None and newer.covariates is not None:
            covariates = covariates.extended(newer.covariates)
        elif covariates is not None and (covariates.past_names or covariates.future_names):
            names = ", ".join(map(repr, (*covariates.past_names, *covariates.future_names)))
            raise DataError(f"new rows: expected the covariates {names} beside them")
        filled = self.filled + tuple(len(self) + i for i in newer.filled)
        values = np.concatenate([self.values, newer.values])
        return replace(self, values=values, times=times, filled=filled, covariates=covariates)

    def seasonal(self, season: int) -> Series:
        """The former name of `fill_masked`."""
        warnings.warn("Series.seasonal is now Series.fill_masked", FutureWarning, stacklevel=2)
        return self.fill_masked(season)

    def rolled(self, values: np.ndarray) -> Series:
        """The former name of `with_forecasts`."""
        warnings.warn("Series.rolled is now Series.with_forecasts", FutureWarning, stacklevel=2)
        return self.with_forecasts(values)


class SeriesOptions(NamedTuple):
    """How rows become a series.

    freq      the name of the step between rows, or None to find it in the dates
    missing   what to do about missing values, one of MISSING
    after     the series whose last row the rows follow, where they are new rows of it
    duplicates   which of several rows with the same time counts, one of `order.DUPLICATES`; None: none may be
    regular   the step of the grid onto which rows are put; None: they stay where they are
    style     the style of the series that the rows follow, to which their times are converted; None: that of `after`
    """

    freq: str | None = None
    missing: str = "error"
    after: Series | None = None
    duplicates: str | None = None
    regular: str | None = None
    style: Style | None = None

    @property
    def like(self) -> Style | None:
        """The style of the series that the rows follow."""
        return self.after.style if self.style is None and self.after is not None else self.style
