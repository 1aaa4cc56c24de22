"""`AnomalyDetector`: the first rows of a series teach what is usual, and every later one is scored as it comes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.anomaly import options
from elman.anomaly.following import Following, rows_of_a_day
from elman.anomaly.learned import LEAST_ROWS, Learned, learn
from elman.anomaly.legacy import EARLIER
from elman.anomaly.monitor import Monitor
from elman.anomaly.result import Anomalies, alarms_of
from elman.anomaly.saved import CODEC, Fitted
from elman.core import checks
from elman.estimators.base import Estimator
from elman.forecast.power import back
from elman.series.calendar import Calendar
from elman.series.columns import as_series
from elman.series.errors import DataError
from elman.series.season import find_season
from elman.series.series import Series

__all__ = ["AnomalyDetector"]

NO_SEASON = 32  # rows that stand for a day where nothing says what one is
LONGEST_DAY = 8  # times that a day must fit into the rows that are learned from


class AnomalyDetector(Estimator):
    """Scores each value of a series by how rare its one-step forecast error, and the errors before it, would be.

    rate         false alarms a row that are put up with where nothing changes: 1e-4 is one in 10,000 rows
    probation    the share of the first rows that is learned from and never an alarm; from 1 on, their number
    season       rows in a season, 1 for none, or several such as (48, 336). None: the calendar's or, without
                 dates, one found in the probation
    freq         the step of the dates, where it should not be found: "D", "15min", ... (`calendar.parse`)
    missing      "error", or "interpolate": holes are filled on straight lines
    effort       "fast", "normal" or "best": how long the network may be trained
    cell         "tanh", "relu", "gru" or "lstm";  hidden_size  its units. None: what the effort says
    seed         of everything random: the same seed, engine and data give the same bits

    Options are stored as they are and checked in `fit`. Fitted: `anomalies_` of the series, `scores_` and `labels_` in
    it, `season_` (rows, 1 for none), `learned_`, and `rows_`, how many were seen. A score never depends on later rows.
    """

    _constraints = options.CONSTRAINTS

    def __init__(
        self,
        *,
        rate: float = 3e-5,
        probation: float = 0.15,
        season: int | Sequence[int] | None = None,
        freq: str | None = None,
        missing: str = "error",
        effort: str = "normal",
        cell: str | None = None,
        hidden_size: int | None = None,
        seed: int = 0,
    ) -> None:
        self.rate = rate
        self.probation = probation
        self.season = season
        self.freq = freq
        self.missing = missing
        self.effort = effort
        self.cell = cell
        self.hidden_size = hidden_size
        self.seed = seed

    # ------------------------------------------------------------------------------------------- fit

    def fit(self, y: Any, *, target: str | None = None, time: Any = None) -> AnomalyDetector:
        """Learns from the first rows of a series and scores the others: a `Series`, an array (n,), a data frame or its
        column, or the path of a file.

        target, time   columns of a data frame or file; beside an array, `time` holds the times

        `DataError` for data that cannot be used, `ValueError` or `TypeError` for options that cannot.
        """
        self.check_options()
        settings = options.settings_of(self.checked_options())
        series = self._read(y, target, time)
        known = series.values[: self._probation(series)]
        if (known == known[0]).all():
            raise DataError(
                f"each of the first {len(known)} rows, which are learned from, is {known[0]:g}; give a larger probation"
                " (--probation)",
                column=series.name,
            )
        seasons = self._seasons(series, known)
        learned = learn(known, seasons, _span(series.calendar, seasons, len(known)), settings)
        self.learned_: Learned = learned
        self.season_ = learned.season
        self._monitor = Monitor(learned, -math.log10(self.rate))
        self._following = Following.after(series, len(series) - 1)
        self.anomalies_ = self._score(series)
        self.scores_, self.labels_ = self.anomalies_.scores, self.anomalies_.labels
        return self

    def _probation(self, series: Series) -> int:
        """The rows that are learned from."""
        count = int(self.probation if self.probation >= 1 else self.probation * len(series))
        if count < LEAST_ROWS or count >= len(series):
            why = f"{LEAST_ROWS} at least are needed" if count < LEAST_ROWS else "none would be left to score"
            raise DataError(
                f"{len(series)} rows are too few to learn from the first {count} of them: {why}; give more rows, or"
                " another probation (--probation)",
                column=series.name,
            )
        return count

    def _seasons(self, series: Series, known: np.ndarray) -> tuple[int, ...]:
        calendar, asked = series.calendar, self.checked_options()["season"]
        if asked is not None:
            if asked[-1] > len(series):
                raise DataError(f"season: {asked[-1]} rows are more than the series has, which is {len(series)}")
            return asked
        day = rows_of_a_day(calendar)
        if day is not None:
            return (day, 7 * day)
        usual = calendar.seasons if calendar is not None else ()
        return usual or (find_season(known),)

    def _read(self, y: Any, target: str | None, time: Any) -> Series:
        return as_series(y, target=target, time=time, freq=self.freq, missing=self.missing)

    # ----------------------------------------------------------------------------------------- scoring

    @property
    def rows_(self) -> int:
        """Rows seen so far, with those that were learned from."""
        self.check_fitted()
        return self._monitor.row

    def score_one(self, value: float) -> tuple[float, bool]:
        """The score of the value that follows the last one seen, and whether it is an anomaly.

        `ValueError` or `TypeError` for what is no finite number; nothing has changed then.
        """
        if type(value) is not float:
            value = checks.number("value", value)
        elif not math.isfinite(value):
            raise ValueError(f"value: expected a finite number, got {value}")
        self.check_fitted()
        score = self._monitor.step(value).score
        return score, score >= self._monitor.limit

    def detect(self, y: Any, *, target: str | None = None, time: Any = None) -> Anomalies:
        """What `score_one` says of many values that follow, one after the other: anything that `fit` takes.

        Where the fitted series had dates, the first of these must follow the last one seen; an array without times is
        taken to follow. `DataError` for data that cannot be used; nothing has changed then.
        """
        self.check_fitted()
        last = self._monitor.row - 1
        if time is None and _bare(y):
            try:
                values = np.asarray(y, dtype=np.float64)
            except (TypeError, ValueError):
                raise TypeError(f"y: expected numbers, got {checks.shown(y)}") from None
            series = self._following.series(values, last)
        else:
            series = self._read(y, target, time)
            self._following.check(series, last)
        found = self._score(series)
        self._following = Following.after(series, self._monitor.row - 1)
        return found

    def _score(self, series: Series) -> Anomalies:
        """Every row scored, and the monitor moved on."""
        monitor, learned = self._monitor, self.learned_
        unscored = max(0, learned.calibration.rows - monitor.row)
        step = monitor.step
        found = np.array([step(value) for value in series.values.tolist()])
        scores, expected, unit = found.T[:3]
        scores[:unscored] = np.nan
        low, high = monitor.bounds()
        with np.errstate(over="ignore"):
            bounds = expected[:, None] + unit[:, None] * np.array([low, high])
        power = 0.0 if learned.shape.log else 1.0
        expected, bounds = back(expected, power), back(bounds, power)
        labels = scores >= monitor.limit
        day = rows_of_a_day(series.calendar)
        apart = day or (learned.season if series.calendar is None else 1)
        alarms = alarms_of(labels, scores, found[:, 3:].astype(int), apart)
        return Anomalies(series, unscored, 10.0**-monitor.limit, scores, expected, bounds, labels, alarms)

    # ------------------------------------------------------------------------------------------ files

    _file_kind, _codec, _earlier = "anomaly detector", CODEC, EARLIER

    def _fitted(self) -> Fitted:
        """What was learned, and the state after the last row, from which scoring goes on with the same bits. The rows
        themselves and `anomalies_` are no part of it."""
        return Fitted(self.learned_, self._monitor.state(), self._following)

    def _restore(self, fitted: Fitted) -> None:
        self.learned_, self.season_ = fitted.learned, fitted.learned.season
        self._monitor, self._following = Monitor.resumed(fitted.learned, fitted.monitor), fitted.following


def _bare(y: Any) -> bool:
    """Whether y is an array or a list of numbers, without dates of its own."""
    return isinstance(y, list | tuple | np.ndarray)


def _span(calendar: Calendar | None, seasons: Sequence[int], rows: int) -> int:
    """Rows of a day, else of the longest season, else some; no more than the rows learned from can tell about."""
    usual = rows_of_a_day(calendar) or (max(seasons) if max(seasons) > 1 else NO_SEASON)
    return max(2, min(usual, rows // LONGEST_DAY))
