"""What a model knows of the covariates it was trained with, and how a network sees them.

`Inputs` keeps the names, means, scales and categories of all series' covariates, and turns one series' covariates into
scaled numbers. `covariate_features` lays such numbers out as the input of a network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core import checks
from elman.series.covariates import Covariates
from elman.series.dates.holidays import PREFIX, holiday_feature, is_feature
from elman.series.errors import DataError
from elman.series.limits import LARGEST, SMALLEST
from elman.series.series import Series

__all__ = ["CALENDAR", "NO_INPUTS", "CovariateWindows", "Inputs", "covariate_features", "parse_calendar"]

CALENDAR: dict[str, float] = {  # the period of a calendar feature, in its own units
    "minute": 60.0, "hour": 24.0, "weekday": 7.0, "day": 31.0, "month": 12.0, "week": 53.0, "year": 1.0,
}  # fmt: skip


DAYS = 365  # of a year that is no leap year
FARTHEST = 1e12  # standard deviations from the mean, to which values are clipped


class CovariateWindows(NamedTuple):
    """The covariates of N windows, each of c rows that a network reads and h rows that it forecasts."""

    past: np.ndarray  # (N, c, P)
    future: np.ndarray  # (N, c + h, K)
    static: np.ndarray  # (N, S)
    unknown: np.ndarray  # (N, c, 1) whether the value is missing, or (N, c, 0) where none is


def covariate_features(ends: np.ndarray, rows: int, lag: int, shown: CovariateWindows) -> np.ndarray:
    """Returns the features (N, T, F) float32 that a network reads beside the values, at steps of `rows` rows of which
    step t ends before the row `ends[t]` of its window.

    A step has its own past covariates and unknown values; the known-future covariates of the h rows that follow it,
    and their difference from those `lag` rows (or a multiple) before, which the forecast is based on; and the static
    covariates.
    """
    n, total, k = shown.future.shape
    horizon, steps = total - shown.past.shape[1], len(ends)
    read = np.concatenate([shown.past, shown.unknown], axis=2)
    own = sliding_window_view(read, rows, axis=1)[:, ends - rows]
    parts = [own.reshape(n, steps, -1)]
    if k:
        ahead = np.arange(horizon)
        coming = shown.future[:, ends[:, None] + ahead]
        base = ends[:, None] - lag + ahead % lag
        change = (coming - shown.future[:, np.maximum(base, 0)]) * (base >= 0)[None, :, :, None]
        parts += [coming.reshape(n, steps, -1), change.reshape(n, steps, -1)]
    parts.append(np.broadcast_to(shown.static[:, None], (n, steps, shown.static.shape[1])))
    return np.concatenate(parts, axis=2, dtype=np.float32)


Scaled = tuple[str, float, float]  # name, mean, scale
Categories = tuple[str, tuple[str, ...]]  # name, categories


@dataclass(frozen=True)
class Inputs:
    """The covariates that a model was trained with, and how they are scaled.

    calendar   names of features of the dates; each gives two numbers, the sine and cosine of its phase, or of holidays
               ("holidays:DE") whether the day is one, and whether it is beside one
    past, future   a scale for each covariate
    static     a scale for each number; for each word, the categories, of which each gives a number, 0 or 1
    """

    calendar: tuple[str, ...] = ()
    past: tuple[Scaled, ...] = ()
    future: tuple[Scaled, ...] = ()
    static: tuple[Scaled | Categories, ...] = ()

    def validate(self) -> None:
        """Raises ValueError where these are not what `of` finds."""
        parse_calendar(self.calendar)
        for name, mean, scale in (*self.past, *self.future, *(each for each in self.static if len(each) == 3)):
            checks.number(f"{name}: mean", mean, -LARGEST, LARGEST)
            checks.number(f"{name}: scale", scale, 0.0, LARGEST, open_low=True)
        if any(len(each) == 2 and not each[1] for each in self.static):
            raise ValueError("static: expected at least one category")

    def __bool__(self) -> bool:
        return bool(self.calendar or self.past or self.future or self.static)

    @property
    def futures(self) -> int:
        """How many numbers are known ahead of each row, K."""
        return len(self.future) + 2 * len(self.calendar)

    @property
    def statics(self) -> int:
        """How many numbers the static covariates of a series give, S."""
        return sum(1 if len(each) == 3 else len(each[1]) for each in self.static)

    def features(self, rows: int, horizon: int, masked: bool) -> int:
        """Returns how many numbers `covariate_features` gives for a step of `rows` rows."""
        return rows * (len(self.past) + masked) + 2 * horizon * self.futures + self.statics

    @classmethod
    def of(cls, series: Sequence[Series], calendar: tuple[str, ...]) -> Inputs:
        """Returns the covariates of these series, with means and scales of their known rows. `DataError` unless all
        series have the same covariates."""
        if calendar and series[0].times is None:
            raise DataError(f"calendar: {', '.join(calendar)} need dates, and the series have none")
        if any(map(is_feature, calendar)) and series[0].calendar is not None and not series[0].calendar.daily:
            raise DataError(f"holidays: expected rows of a day or less, got {series[0].calendar.name} ones")
        first = series[0].covariates
        if first is None:
            return cls(calendar)
        known = [_covariates(each, first) for each in series]
        past = _scales(first.past_names, [each.past for each in known])
        ahead = [each.future[: len(s)] for each, s in zip(known, series, strict=True)]
        static = tuple(_static(name, [each.static[k] for each in known]) for k, name in enumerate(first.static_names))
        return cls(calendar, past, _scales(first.future_names, ahead), static)

    def past_of(self, series: Series) -> np.ndarray:
        """Returns the past covariates of a series, scaled (n, P)."""
        if not self.past:
            return np.zeros((len(series), 0))
        given = self._given(series)
        return np.column_stack(
            [_scaled(given.past[:, given.past_names.index(name)], mean, scale) for name, mean, scale in self.past]
        )

    def future_of(self, series: Series, ahead: int) -> np.ndarray:
        """Returns the known-future covariates and the calendar features of a series and of `ahead` rows after it,
        scaled (n + ahead, K). `DataError` names the first row that is not known."""
        n = len(series)
        columns: list[np.ndarray] = []
        if self.future:
            given = self._given(series)
            if len(given.future) < n + ahead:
                reached = len(given.future) - n
                last = series.labels_ahead(ahead)
                have = f"up to {last[reached - 1]}" if reached > 0 else f"up to {series.label(n - 1)}, the last value's"
                raise DataError(
                    f"future: the known-future covariate {self.future[0][0]!r} is given {have}; the forecast needs it"
                    f" from {last[max(reached, 0)]} to {last[-1]}"
                )
            columns = [
                _scaled(given.future[: n + ahead, given.future_names.index(name)], mean, scale)
                for name, mean, scale in self.future
            ]
        if self.calendar:
            if series.times is None:
                raise DataError(f"calendar: {', '.join(self.calendar)} need dates, and the series has none")
            times = series.clocks(np.concatenate([series.times, series.ahead(ahead)]))
            for name in self.calendar:
                if is_feature(name):
                    columns += holiday_feature(times, name.removeprefix(PREFIX))
                    continue
                turn = 2.0 * np.pi * _places(times, name) / CALENDAR[name]
                columns += [np.sin(turn), np.cos(turn)]
        return np.column_stack(columns) if columns else np.zeros((n + ahead, 0))

    def reach(self, series: Series, ahead: int, width: int) -> int:
        """Returns how many rows ahead the covariates are known: at least `ahead`, which are needed, at most `width`."""
        if not self.future:
            return width
        return min(width, max(ahead, len(self._given(series).future) - len(series)))

    def static_of(self, series: Series) -> np.ndarray:
        """Returns the static covariates of a series, scaled (S,). `DataError` for a word that training has not seen."""
        found: list[float] = []
        for each in self.static:
            name, given = each[0], self._given(series)
            value = given.static[given.static_names.index(name)]
            if len(each) == 3:
                if isinstance(value, str):
                    raise DataError(f"static: expected a number in {name!r}, as in training, got {value!r}")
                found.append(float(_scaled(np.float64(value), each[1], each[2])))
            elif str(value) in each[1]:
                found += [float(str(value) == known) for known in each[1]]
            else:
                raise DataError(f"static: {name!r} is {value!r}, in training it was one of {', '.join(each[1][:12])}")
        return np.array(found)

    def check(self, series: Series, ahead: int) -> None:
        """Raises `DataError` where a series lacks a covariate that a forecast of `ahead` rows needs."""
        if not self:
            return
        self.past_of(series)
        self.future_of(series, ahead)
        self.static_of(series)

    def _given(self, series: Series) -> Covariates:
        """Returns the covariates of a series; `DataError` where it lacks one of the training."""
        given = series.covariates
        for option, wanted in (("past", self.past), ("future", self.future), ("static", self.static)):
            have: tuple[str, ...] = () if given is None else getattr(given, f"{option}_names")
            for name, *_ in wanted:
                if name not in have:
                    raise DataError(f"{option}: the model was trained with {name!r}, which the series does not have")
        assert given is not None
        return given


NO_INPUTS = Inputs()  # no covariates


def parse_calendar(calendar: object) -> tuple[str, ...]:
    """Returns the names of calendar features, checked; ValueError or TypeError for anything else."""
    names = () if calendar is None else (calendar,) if isinstance(calendar, str) else calendar
    if not isinstance(names, list | tuple):
        raise TypeError(f"calendar: expected a list of {', '.join(CALENDAR)}, got {checks.shown(calendar)}")
    names = () if [*names] == ["none"] else names
    return tuple(
        name if isinstance(name, str) and is_feature(name) else checks.choice("calendar", name, tuple(CALENDAR))
        for name in names
    )


def _covariates(series: Series, first: Covariates) -> Covariates:
    """Returns the covariates of a series; `DataError` where their names are not those of the first series."""
    own = series.covariates
    names = None if own is None else (own.past_names, own.future_names, own.static_names)
    if own is None or names != (first.past_names, first.future_names, first.static_names):
        raise DataError("past, future, static: expected the same covariates beside every series")
    return own


def _scales(names: Sequence[str], columns: Sequence[np.ndarray]) -> tuple[Scaled, ...]:
    """Returns mean and standard deviation of each covariate, over the columns (n, K) of all series."""
    found: list[Scaled] = []
    for k, name in enumerate(names):
        values = np.concatenate([each[:, k] for each in columns])
        if not (np.abs(values) <= LARGEST).all():
            raise DataError(f"{name}: expected covariates that are numbers up to {LARGEST:g}; use another unit")
        mean, spread = float(values.mean()), float(values.std())
        least = 4.0 * np.finfo(np.float64).eps * abs(mean)  # a smaller spread is rounding
        found.append((name, mean, spread if spread > max(least, SMALLEST) else 1.0))
    return tuple(found)


def _scaled(values: Any, mean: float, scale: float) -> Any:
    return np.clip((values - mean) / scale, -FARTHEST, FARTHEST)


def _static(name: str, values: Sequence[float | str]) -> Scaled | Categories:
    """Returns the categories of a static covariate where one of its values is a word, else its scale."""
    if any(isinstance(value, str) for value in values):
        return name, tuple(sorted({str(value) for value in values}))
    return _scales([name], [np.array(values, dtype=np.float64)[:, None]])[0]


def _leap(times: np.ndarray) -> np.ndarray:
    """Returns 1 for each time in a year of 366 days, else 0."""
    year = times.astype("datetime64[Y]")
    return ((year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")).astype(np.int64) - DAYS


def _places(times: np.ndarray, name: str) -> np.ndarray:
    """Returns the place of each time in its hour, day, week, month or year, from 0, in units of the feature."""
    day, month = times.astype("datetime64[D]"), times.astype("datetime64[M]")
    seconds = (times - day) / np.timedelta64(1, "s")
    in_year = (day - times.astype("datetime64[Y]").astype("datetime64[D]")) / np.timedelta64(1, "D")
    found: Mapping[str, np.ndarray] = {
        "minute": seconds / 60.0 % 60.0,
        "hour": seconds / 3600.0,
        "weekday": (day.astype(np.int64) + 3) % 7,  # day 0, 1970-01-01, was a Thursday
        "day": (day - month.astype("datetime64[D]")) / np.timedelta64(1, "D"),
        "month": month.astype(np.int64) % 12,
        "week": in_year // 7,
        "year": in_year / (DAYS + _leap(times)),
    }
    return found[name].astype(np.float64)
