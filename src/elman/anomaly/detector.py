"""`AnomalyDetector`: fits a model to the first rows of a series and scores each later row as it comes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np

from elman.anomaly import options
from elman.anomaly.continuation import Continuation, rows_per_day
from elman.anomaly.legacy import EARLIER
from elman.anomaly.model import MIN_ROWS, AnomalyModel, fit_model
from elman.anomaly.monitor import Monitor
from elman.anomaly.online.robust import find_gross, without
from elman.anomaly.result import Anomalies, find_alarms
from elman.anomaly.saved import CODEC, FittedDetector
from elman.anomaly.words.remarks import remarks
from elman.core import checks
from elman.estimators.base import Estimator
from elman.estimators.ensemble import OnProgress
from elman.series import notes
from elman.series.calendar import Calendar
from elman.series.columns import Columns
from elman.series.dates.style import Style
from elman.series.errors import DataError
from elman.series.season import find_season
from elman.series.series import Series, SeriesOptions
from elman.series.sources import opened, series_of

__all__ = ["AnomalyDetector"]

NO_ROWS = np.zeros(0, int)
SEASONS = 2.5  # that the probation holds, where the option does not say and half of the rows hold them
PROBATION = 0.15  # share of the rows that are learned from, where the option does not say
DEFAULT_SPAN = 32  # rows that stand for a day where neither dates nor a season give its length
MIN_SPANS = 8  # number of spans that the probation must hold


class AnomalyDetector(Estimator):
    """Scores each value of a series by how rare its one-step forecast error is, alone and with the errors before it.

    rate         accepted false alarm rate, in alarms a row of a series that does not change: 1e-4 is one in 10,000 rows
    probation    the first rows, which the model is fitted to; only gross values among them are alarms: below 1 their
                 share of all rows, from 1 on their number. None: 15 %, or what is needed if that is more: 60 rows, and
                 two and a half seasons where half of the rows hold them
    season       rows in a season, 1 for none, or several such as (48, 336). None: the calendar's or, without
                 dates, one found in the probation. One that is longer than the probation is learned as it comes
    freq         the step of the dates, where it should not be found: "D", "15min", ... (`calendar.parse`)
    missing      missing values. "error": they are an error; "interpolate": they are filled by linear interpolation;
                 "zero": they are taken as 0
    duplicates   of rows with the same time the "first", the "last" or their "mean"; None: they are an error
    regular      the step of a grid onto which rows are put, such as "5min" (see `series.read_series`); None: none
    effort       "fast", "normal" or "best": how long the network may be trained
    cell         "tanh", "relu", "gru" or "lstm";  hidden_size  its number of units. None: what `effort` says
    seed         of all random numbers: the same seed, engine and data give the same bits

    Options are stored unchanged and checked in `fit`, which sets `anomalies_` (the `Anomalies` of the series),
    `scores_` and `labels_` (those of `anomalies_`), `notes_` (what a reader should know of them), `season_` (rows, 1
    for none), `model_` (the fitted model) and `rows_` (number of rows seen). No score depends on later rows.
    """

    _constraints = options.CONSTRAINTS
    _added = ("duplicates", "regular")

    def __init__(
        self,
        *,
        rate: float = 3e-5,
        probation: float | None = None,
        season: int | Sequence[int] | None = None,
        freq: str | None = None,
        missing: str = "error",
        duplicates: str | None = None,
        regular: str | None = None,
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
        self.duplicates = duplicates
        self.regular = regular
        self.effort = effort
        self.cell = cell
        self.hidden_size = hidden_size
        self.seed = seed

    # ------------------------------------------------------------------------------------------- fit

    def fit(
        self,
        y: object,
        *,
        target: str | None = None,
        time: object = None,
        date_format: str | None = None,
        zone: str | None = None,
        skip_rows: int = 0,
        decimal: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> AnomalyDetector:
        """Fits the model to the first rows of a series, scores the others, and returns the detector.

        y              a `Series`, an array (n,), a data frame or its column, or the path of a file
        target, time   columns of a data frame or file, several of times that are dates together, "none" to number the
                       rows; for an array, `time` holds the times
        date_format, zone   form of the times, such as "%d/%m/%Y", and their time zone; None: found in them
        skip_rows, decimal   how a CSV file is read (see `read_table`)
        on_progress    is called with the share of the training that is done, from 0 to 1, by any thread. An exception
                       that it raises ends the training, is raised here, and leaves the detector as it was

        Raises `DataError` for data, and `ValueError` or `TypeError` for options, that cannot be used.
        """
        checked = self.checked_options()
        recipe = options.training_recipe(checked["effort"], checked["cell"], checked["hidden_size"])
        names = Columns(target, time, date_format=date_format, zone=zone)
        series = self._read(opened(y, skip_rows, decimal), names)
        known = series.values[: self._probation_rows(series)]
        if (known == known[0]).all():
            raise DataError(
                f"each of the first {len(known)} rows, which are learned from, is {known[0]:g}; give a larger probation"
                " (--probation)",
                column=series.name,
            )
        seasons = self._seasons(series, known)
        gross = find_gross(known, seasons)
        known = without(known, gross)
        filled = np.isin(np.arange(len(known)), [*series.filled, *gross.tolist()])
        model, errors = fit_model(
            known,
            seasons,
            _span(series.calendar, seasons, len(known)),
            recipe,
            self.seed,
            on_progress,
            _hour(series.calendar),
            filled,
        )
        self.model_: AnomalyModel = model
        self.season_ = model.season
        self._monitor = Monitor(model, -math.log10(self.rate), errors)
        self._continuation = Continuation.after(series, len(series) - 1)
        self.anomalies_ = self._score(series, gross)
        self.notes_ = remarks(self.anomalies_, gross, seasons if self.season is not None else (1,), self.season_)
        if not isinstance(y, Series):
            notes.warn(self.notes_)
        self.scores_, self.labels_ = self.anomalies_.scores, self.anomalies_.labels
        return self

    def _probation_rows(self, series: Series) -> int:
        """Returns the number of first rows that the model is fitted to. Raises `DataError` for too few or all rows."""
        rows = len(series)
        if self.probation is None:
            if rows <= MIN_ROWS:
                raise DataError(
                    f"{rows} rows are too few: the first {MIN_ROWS} at least are learned from, and one must be left to"
                    " score; give more rows",
                    column=series.name,
                )
            shortest = min((m for m in self._usual_seasons(series) if m > 1), default=0)
            seasons = math.ceil(SEASONS * shortest)
            return max(int(PROBATION * rows), MIN_ROWS, seasons if 2 * seasons <= rows else 0)
        count = int(self.probation if self.probation >= 1 else self.probation * rows)
        if count < MIN_ROWS or count >= rows:
            why = f"{MIN_ROWS} at least are needed" if count < MIN_ROWS else "none would be left to score"
            raise DataError(
                f"{rows} rows are too few to learn from the first {count} of them: {why}; give more rows, or another"
                " probation (--probation)",
                column=series.name,
            )
        return count

    def _seasons(self, series: Series, known: np.ndarray) -> tuple[int, ...]:
        """Returns the lengths of possible seasons: the option, else the calendar's, else one found in `known` (n,)."""
        return self._usual_seasons(series) or (find_season(known),)

    def _usual_seasons(self, series: Series) -> tuple[int, ...]:
        """Returns the lengths of possible seasons by the option, else by the calendar; empty where these name none."""
        calendar, asked = series.calendar, self.checked_options()["season"]
        if asked is not None:
            if asked[-1] > len(series):
                raise DataError(f"season: {asked[-1]} rows are more than the series has, which is {len(series)}")
            return asked
        day = rows_per_day(calendar)
        if day is not None:
            return (day, 7 * day)
        return calendar.seasons if calendar is not None else ()

    def _read(self, y: object, names: Columns, style: Style | None = None) -> Series:
        """Returns the series in anything that `fit` takes; `style` is that of the series that its rows follow."""
        options = SeriesOptions(self.freq, self.missing, None, self.duplicates, self.regular, style)
        found = series_of(y, names, options)
        if not isinstance(y, Series):
            notes.warn(found.notes, stacklevel=3)
        return found

    # ----------------------------------------------------------------------------------------- scoring

    @property
    def rows_(self) -> int:
        """The number of rows seen so far, including those that the model was fitted to."""
        self.check_fitted()
        return self._monitor.row

    @property
    def rest_(self) -> int:
        """The number of quiet rows after which an alarm is over, so that the next may begin."""
        self.check_fitted()
        return self._monitor.alarm.rest

    def last_row(self) -> Series:
        """Returns the last row seen as a series of one value, which the rows of the next `detect` follow."""
        return self._continuation.last(self._monitor.last_value, self.rows_ - 1)

    def score_one(self, value: float) -> tuple[float, bool]:
        """Scores the value that follows the last one seen; returns the score and whether an alarm begins.

        Raises `ValueError` or `TypeError` for anything but a finite number, and leaves the detector as it was.
        """
        if type(value) is not float:
            value = checks.number("value", value)
        elif not math.isfinite(value):
            raise ValueError(f"value: expected a finite number, got {value}")
        self.check_fitted()
        found = self._monitor.step(value)
        return found.score, found.begins

    def detect(
        self,
        y: object,
        *,
        target: str | None = None,
        time: object = None,
        date_format: str | None = None,
        zone: str | None = None,
    ) -> Anomalies:
        """Scores many values that follow the last one seen, as `score_one` would one by one; returns the `Anomalies`.

        It takes the same data as `fit`. If the fitted series has dates, the first new date must follow the last one
        seen; an array without times is assumed to follow. Raises `DataError` for data that cannot be used, and leaves
        the detector as it was.
        """
        self.check_fitted()
        last = self._monitor.row - 1
        if time is None and isinstance(y, list | tuple | np.ndarray):
            try:
                values: np.ndarray = np.asarray(y, dtype=np.float64)
            except (TypeError, ValueError):
                raise TypeError(f"y: expected numbers, got {checks.shown(y)}") from None
            series = self._continuation.series(values, last)
        else:
            names = Columns(target, time, date_format=date_format, zone=zone)
            series = self._read(y, names, self._continuation.style if self._continuation.time is not None else None)
            self._continuation.check(series, last)
        found = self._score(series)
        self._continuation = Continuation.after(series, self._monitor.row - 1)
        return found

    def _score(self, series: Series, gross: np.ndarray = NO_ROWS) -> Anomalies:
        """Scores every row of a series, which moves the monitor on, and returns the `Anomalies`.

        gross   rows among those that the model was fitted to that are anomalies
        """
        monitor, model = self._monitor, self.model_
        unscored = max(0, model.calibration.rows - monitor.row)
        step = monitor.step
        filled = frozenset(i for i in series.filled if i >= unscored)
        values = enumerate(series.values.tolist())
        found = np.array([monitor.skip() if i in filled else step(value) for i, value in values])
        scores, expected = found.T[:2]
        bounds = found[:, 6:8]
        expected, bounds = model.profile.values(expected), model.profile.values(bounds)
        labels = found[:, 5] > 0.0
        labels[gross[np.diff(gross, prepend=-2) > 1]] = True  # of neighbours the first: one event
        causes = found[:, [3, 4, 8]].astype(int)
        alarms = find_alarms(labels, scores, causes, monitor.threshold, monitor.alarm.rest)
        return Anomalies(series, unscored, 10.0**-monitor.threshold, scores, expected, bounds, labels, alarms)

    # ------------------------------------------------------------------------------------------ files

    _file_kind, _codec, _earlier = "anomaly detector", CODEC, EARLIER

    def _fitted(self) -> FittedDetector:
        """Returns the model and the state after the last row, from which scoring continues with the same bits.

        The rows and `anomalies_` are not part of the file.
        """
        return FittedDetector(self.model_, self._monitor.state(), self._continuation)

    def _restore(self, fitted: FittedDetector) -> None:
        """Sets what `_fitted` returned."""
        self.model_, self.season_ = fitted.model, fitted.model.season
        self._monitor, self._continuation = Monitor.resumed(fitted.model, fitted.monitor), fitted.continuation

    @property
    def learned_(self) -> AnomalyModel:
        """The fitted model under its name in version 0.1.0."""
        warnings.warn("AnomalyDetector: learned_ is called model_ now", FutureWarning, stacklevel=2)
        return self.model_


def _span(calendar: Calendar | None, seasons: Sequence[int], rows: int) -> int:
    """Returns the rows of a day, else of the longest season, else DEFAULT_SPAN; at most rows // MIN_SPANS."""
    span = rows_per_day(calendar) or (max(seasons) if max(seasons) > 1 else DEFAULT_SPAN)
    return max(2, min(span, rows // MIN_SPANS))


def _hour(calendar: Calendar | None) -> int:
    """Returns the number of rows in an hour, at least 1."""
    return max(1, (rows_per_day(calendar) or 1) // 24)
