"""Whether new rows follow the last row that a detector has seen, and the times of those that bring none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.core import checks
from elman.series.calendar import FARTHEST, Calendar
from elman.series.dates.style import Style
from elman.series.errors import DataError
from elman.series.series import Series

__all__ = ["Continuation", "rows_per_day"]

DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Continuation:
    """What is known of a series for the rows that follow it: its names, its calendar, and the time of one row.

    name, time_name, calendar, style   those of the `Series`
    time   the time of row number `row`; None for a series without times
    row    a row number, counted from 0
    """

    name: str
    time_name: str | None
    calendar: Calendar | None
    style: Style
    time: np.datetime64 | None
    row: int

    @classmethod
    def after(cls, series: Series, row: int) -> Continuation:
        """Returns the continuation of a series whose last row has number `row`."""
        time = None if series.times is None else series.times[-1]
        return cls(series.name, series.time_name, series.calendar, series.style, time, row)

    def series(self, values: np.ndarray, row: int) -> Series:
        """Returns the series of values (n,) that follow row number `row`, with their times where these are known.

        Raises `DataError` for a value that is not finite.
        """
        if values.ndim != 1 or not len(values):
            raise ValueError(f"y: expected at least one value, (n,), got {checks.shown(values)}")
        if not np.isfinite(values).all():
            bad = int(np.argmin(np.isfinite(values)))
            raise DataError(f"index {bad}: expected a finite number, got {values[bad]}", column=self.name)
        times = self._times(row, len(values))
        if times is None:
            return Series(values, name=self.name)
        return Series(values, times, self.calendar, self.style, self.name, self.time_name)

    def last(self, value: float, row: int) -> Series:
        """Returns row number `row`, the last one seen, as a series of one value, which newer rows follow."""
        if self.time is None or self.calendar is None:
            return Series(np.array([value]), name=self.name)
        time = np.array([self.time]) if row == self.row else self._times(row - 1, 1)
        return Series(np.array([value]), time, self.calendar, self.style, self.name, self.time_name)

    def check(self, series: Series, row: int) -> None:
        """Raises `DataError` where the series has times and its first is not the one that follows row number `row`."""
        times = self._times(row, 1)
        if times is not None and series.times is not None and series.times[0] != times[0]:
            raise DataError(
                f"the rows begin at {series.label(0)}, expected {self.style.label(times[0])}, which follows the last"
                " row seen",
                column=series.time_name,
            )

    def _times(self, row: int, count: int) -> np.ndarray | None:
        """Returns the times (count,) of the rows after row number `row`; None for a series without times."""
        if self.time is None or self.calendar is None:
            return None
        return self.calendar.ahead(self.time, count, row - self.row)

    def validate(self) -> None:
        """Raises ValueError where the fields contradict one another."""
        if (self.time is None) != (self.calendar is None):
            raise ValueError(f"time: expected a time and a calendar, or neither, got {self.time}")
        if self.calendar is not None and self.calendar.zone != self.style.zone:
            raise ValueError(f"calendar.zone: expected {self.style.zone!r}, got {self.calendar.zone!r}")
        if self.time is not None:
            checks.whole("time", int(self.time.astype(np.int64)), -FARTHEST, FARTHEST)
        checks.whole("row", self.row, low=0)

    def check_row(self, row: int) -> None:
        """Raises ValueError where row number `row` comes before the known row, or has a time out of range."""
        if row < self.row:
            raise ValueError(f"row: expected at most {row}, the last row seen, got {self.row}")
        self._times(row, 1)


def rows_per_day(calendar: Calendar | None) -> int | None:
    """Returns the number of rows in a day, if it is a whole number above 1; None otherwise or without a calendar."""
    if calendar is None or calendar.unit != "us" or DAY % calendar.step or calendar.step >= DAY:
        return None
    return DAY // calendar.step
