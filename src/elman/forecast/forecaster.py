"""`Forecaster`: one series or many in; forecasts, their intervals, a backtest and a verdict out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from elman.core import checks
from elman.estimators.ensemble import OnProgress, span
from elman.forecast import options
from elman.forecast.evaluation import intervals
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.fitted import FittedForecaster
from elman.forecast.legacy import EARLIER
from elman.forecast.saved import CODEC, ColumnNames, Fitted
from elman.series import limits
from elman.series.columns import Columns
from elman.series.errors import DataError
from elman.series.newer import with_newer
from elman.series.panel import Panel
from elman.series.panel_sources import as_panel
from elman.series.series import Series, SeriesOptions
from elman.series.tables.frames import frame_type

__all__ = ["Forecaster"]

USUAL_LEVELS = (80.0, 95.0)


class Forecaster(FittedForecaster):
    """Forecasts one series, or many with one model, by recurrent networks, and says whether that was worth it.

    horizon      rows to forecast; None: one season, else a tenth of the rows, at most 48
    season       rows in a season, 1 for none; for many series also several, such as (24, 168). None: found in the data
    context      rows that the network reads before each forecast; None: what suits season, horizon and rows
    levels       intervals in percent; one that the backtest has too few residuals for is refused. None: of 80 and 95
                 those that it has enough for
    windows      backtest windows, the last ones of each series; 0: no backtest, so no intervals and no verdict
    freq         the step of the dates, where it should not be found: "D", "B", "15min", "ME", ... (`calendar.parse`)
    missing      "error"; "interpolate": holes are filled on straight lines; "mask": they are neither learned from nor
                 scored
    effort       "fast", "normal" or "best": how much is trained, counted in updates, so that results repeat
    cell         "tanh", "relu", "gru" or "lstm";  hidden_size  units of each network;  members  networks in the
                 ensemble;  updates  of each, at most. None: what the effort says
    distribution   what the networks answer of each row. "median": one number; "quantiles": three, so that intervals are
                 wide where the network is less sure, on each side; "gaussian", "student_t": such a distribution, row by
                 row, from which sample paths are drawn
    skip_seasons   short seasons that a linear path leads from the input to the answer, beside the network; 0: none
    boxcox_lambda  of the Box-Cox transformation of series above zero, 1 none, 0 logarithms; None: what validates better
    calendar     features of the dates: some of "minute", "hour", "weekday", "day" (of the month), "month", "week"
    skip_bad     of many series, those that cannot be used are left out and told, in `skipped_` and `Forecasts.skipped`;
                 else the first is an error
    seed         of everything random: the same seed, engine and data give the same bits

    Options are stored as they are and checked in `fit`. Fitted: `series_` (a Series, or a Panel of them by id),
    `horizon_`, `season_`, `model_`, `levels_`, `backtest_` (None without windows), `skipped_` (id -> what was wrong
    with it).
    """

    def __init__(
        self,
        *,
        horizon: int | None = None,
        season: int | Sequence[int] | None = None,
        context: int | None = None,
        levels: Sequence[float] | None = None,
        windows: int = 6,
        freq: str | None = None,
        missing: str = "error",
        effort: str = "normal",
        cell: str | None = None,
        hidden_size: int | None = None,
        members: int | None = None,
        updates: int | None = None,
        distribution: str = "median",
        skip_seasons: int = 1,
        boxcox_lambda: float | None = None,
        calendar: Sequence[str] | None = None,
        skip_bad: bool = False,
        seed: int = 0,
    ) -> None:
        self.horizon = horizon
        self.season = season
        self.context = context
        self.levels = levels
        self.windows = windows
        self.freq = freq
        self.missing = missing
        self.effort = effort
        self.cell = cell
        self.hidden_size = hidden_size
        self.members = members
        self.updates = updates
        self.distribution = distribution
        self.skip_seasons = skip_seasons
        self.boxcox_lambda = boxcox_lambda
        self.calendar = calendar
        self.skip_bad = skip_bad
        self.seed = seed

    _constraints = options.CONSTRAINTS
    _renamed = MappingProxyType({"head": "distribution", "skip": "skip_seasons", "power": "boxcox_lambda"})

    # ------------------------------------------------------------------------------------------- fit

    def fit(
        self,
        y: Any,
        *,
        target: str | None = None,
        time: Any = None,
        id: str | None = None,
        past: Any = None,
        future: Any = None,
        static: Any = None,
        on_progress: OnProgress | None = None,
        progress: OnProgress | None = None,
    ) -> Forecaster:
        """Trains on one series: a `Series`, an array (n,), a data frame or its column, or the path of a CSV file; or
        on many: a mapping from ids to such, a list of arrays or Series, or a data frame or file in long form.

        target, time, id   columns of a data frame or file; beside an array, `time` holds the times. `unique_id`, `ds`
                     and `y` are found by themselves
        past, future, static   columns of covariates, one name or a list: known up to the last value alone (weather);
                     known ahead (prices, holidays), in rows after the last value too; the same for good (a region).
                     Beside arrays, the arrays themselves (`as_series`), by id beside a mapping
        on_progress  is called with the share that is done, from 0 to 1, by any thread. An exception that it raises
                     ends the training, is raised here, and leaves the forecaster as it was; `progress` is its earlier
                     name

        One series of less than `LONG` rows: a model is trained for each backtest window, on the rows before it alone,
        and one on all rows, which is kept. Longer, or many, with missing values left out, or with a distribution other
        than the median: one model without the rows of all windows, which is scored on them, and one on all rows.
        `DataError` for data that cannot be used, `ValueError` or `TypeError` for options that cannot.
        """
        on_progress = options.renamed_argument("Forecaster.fit", "progress", progress, "on_progress", on_progress)
        checked = self.checked_options()
        windows, levels = checked["windows"], checked["levels"]
        read = self._read(y, Columns(target, time, id, past, future, static))
        given_in = None if isinstance(y, str | os.PathLike) else frame_type(y)
        panel, strategy = options.strategy_of(checked, read).resolve(read, windows > 0, self.skip_bad)
        if levels and strategy.horizon is not None:  # before the work: there can't be more
            intervals.check_enough(levels, windows * strategy.horizon * len(panel))
        tested = 0.5 if windows else 0.0  # of the work
        backtest = strategy.backtest(panel, windows, on_progress=span(on_progress, 0.0, tested)) if windows else None
        levels = _levels(levels, 0 if backtest is None else int(np.isfinite(backtest.truth).sum()))
        self.model_ = strategy.train(panel, span(on_progress, tested, 1.0))
        self.horizon_, self.season_ = self.model_.horizon, options.as_season(self.model_.seasons)
        self.levels_, self.backtest_ = levels, backtest
        self._panel, self._frame_type = panel, given_in
        return self

    def read(self, y: Any, **columns: Any) -> Series | Panel:
        """What `fit` reads of these arguments, and takes in their place: a `Series`, or a `Panel` of them by id."""
        panel = self._read(y, Columns(**columns))
        return panel.only if panel.single else panel

    def _read(self, y: Any, columns: Columns) -> Panel:
        skip_bad = checks.flag("skip_bad", self.skip_bad)
        return as_panel(y, columns, SeriesOptions(self.freq, self.missing), skip_bad=skip_bad)

    def backtest(
        self,
        windows: int | None = None,
        *,
        step: int | None = None,
        refit: bool | None = None,
        y: Series | Panel | None = None,
        on_progress: OnProgress | None = None,
        progress: OnProgress | None = None,
    ) -> Backtest:
        """The backtest that `fit` made; with other options, one made now on the fitted series, or on what `read` gave,
        for which no fit is needed.

        windows   how many, the last ones of each series;  step  rows from one to the next, the horizon by default
        refit     whether every window has a model of its own, of the rows before it, or all the first one's; None: a
                  short series' windows have, those of many series have not
        on_progress   as for `fit`

        The forecaster itself and its intervals stay as they are.
        """
        on_progress = options.renamed_argument("Forecaster.backtest", "progress", progress, "on_progress", on_progress)
        windows = None if windows is None else checks.whole("windows", windows, 1, limits.WINDOWS)
        if y is None:
            self.check_fitted()
            if windows in (None, self.windows) and step is None and refit is None:
                return self._tested()
        windows = checks.whole("windows", self.windows, 1, limits.WINDOWS) if windows is None else windows
        step = None if step is None else checks.whole("step", step, 1, limits.HORIZON)
        refit = None if refit is None else checks.flag("refit", refit)
        if y is None:
            panel = self._panel
            strategy = replace(options.strategy_of(self.checked_options(), panel), horizon=self.horizon_)
        else:
            panel = Panel.of(y) if isinstance(y, Series) else y
            panel, strategy = options.strategy_of(self.checked_options(), panel).resolve(panel, True, self.skip_bad)
        found = strategy.backtest(panel, windows, step, refit, on_progress)
        if found is None:
            raise DataError(f"windows: the series are too short for a window of {strategy.horizon} rows")
        return found

    def update(self, y: Any, *, updates: int | None = None) -> Forecaster:
        """Takes new rows in, those that follow the fitted ones, and trains on: with a fifth of the usual updates (or
        `updates`), from the networks as they are, on all rows. A short series is learned afresh.

        y    as `fit` read it, with the same columns; of many series any of them, new ones too
        The backtest stays: intervals are as wide as before.
        """
        updates = None if updates is None else checks.whole("updates", updates, 1, limits.UPDATES)
        self.update_state(y)
        strategy = replace(options.strategy_of(self.checked_options(), self._panel), horizon=self.horizon_)
        self.model_ = strategy.train_on(self._panel, self.model_, updates)
        return self

    def update_state(self, y: Any) -> Forecaster:
        """Takes new rows in, those that follow the fitted ones, without training: later forecasts begin after them.

        y    as for `update`. `DataError` names the first row that does not follow; then nothing has changed
        """
        self.check_fitted()
        self._panel = with_newer(self._panel, self._read_again(y, after=self._panel))
        return self

    # ------------------------------------------------------------------------------------------ files

    _file_kind, _codec, _earlier = "forecaster", CODEC, EARLIER

    def _fitted(self) -> Fitted:
        panel, names = self._panel, ColumnNames(*self.named_columns())
        return Fitted(self.model_, dict(panel), panel.single, panel.skipped, self.levels_, names, self.backtest_)

    def _restore(self, fitted: Fitted) -> None:
        names = Columns(**fitted.columns._asdict())
        self._panel = Panel(fitted.series, fitted.skipped, single=fitted.single, names=names)
        self.model_, self.levels_, self.backtest_ = fitted.model, fitted.levels, fitted.backtest
        self.horizon_, self.season_ = fitted.model.horizon, options.as_season(fitted.model.seasons)


def _levels(asked: Sequence[float] | None, residuals: int) -> tuple[float, ...]:
    """The levels that so many residuals allow; ValueError for one that was asked for and needs more."""
    if asked is None:
        return tuple(level for level in USUAL_LEVELS if intervals.needed(level) <= residuals)
    intervals.check_enough(asked, residuals)
    return tuple(asked)
