"""`Forecaster`: fits recurrent networks to one series or many, and forecasts them with prediction intervals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from elman.core import checks
from elman.engines.current import computing
from elman.estimators.base import renamed_argument
from elman.estimators.ensemble import OnProgress, span
from elman.forecast import options
from elman.forecast.combination.strategy import CombinedStrategy
from elman.forecast.evaluation import intervals
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.fitted import FittedForecaster
from elman.forecast.legacy import EARLIER
from elman.forecast.saved import CODEC, ColumnNames, Fitted
from elman.series import limits, notes
from elman.series.columns import Columns
from elman.series.errors import DataError, shorten
from elman.series.joining.newer import with_newer
from elman.series.panel import Panel
from elman.series.panel_sources import as_panel
from elman.series.season import shown_season
from elman.series.series import Series
from elman.series.sources import opened
from elman.series.tables.frames import frame_type

__all__ = ["Forecaster"]

DEFAULT_LEVELS = (80.0, 95.0)


class Forecaster(FittedForecaster):
    """Forecasts one series, or many with one model, by recurrent networks, and compares them with baselines.

    horizon        forecast horizon: number of rows to forecast; None: one season, without a season a tenth of the rows,
                   at most 48
    season         number of rows in a season, 1 for none; for many series also several, such as (24, 168); None: found
                   in the data
    context        context: number of rows that the network reads before each forecast; None: chosen by season, horizon
                   and number of rows
    levels         levels of the prediction intervals in percent. A level that needs more residuals than the backtest
                   has is an error. None: 80 and 95, without those that need more residuals
    windows        number of backtest windows, the last ones of each series; 0: no backtest, so no intervals
    freq           step of the dates, such as "D", "B", "15min" or "ME" (see `series.calendar`); None: found in the data
    missing        missing values. "error": they are an error; "interpolate": they are filled by linear interpolation;
                   "zero": they are taken as 0; "mask": they are excluded from training and from scores
    duplicates     of rows with the same time the "first", the "last" or their "mean"; None: they are an error
    regular        step of a grid onto which rows are put, such as "5min" (see `read_series`); None: no grid
    effort         "fast", "normal" or "best": how large the networks are, and how long they are trained. It is counted
                   in updates, not seconds, so results are repeatable
    cell           cell of the networks: "tanh", "relu", "gru" or "lstm"; None: chosen by the effort
    hidden_size    number of units of each network; None: chosen by the effort
    models         what is combined, with weights learned in the backtest: some of "network", "network on exponential
                   smoothing", "linear", "exponential smoothing", "damped trend", "theta", "seasonal mean", "naive",
                   "seasonal naive", "drift", "naive 2", "year ago", or one of them alone; None: all for the median,
                   else the network
    members        number of networks in the ensemble; None: chosen by the effort
    updates        largest number of weight updates of each network; None: chosen by the effort
    distribution   output of the networks for each row. "median": the median; "quantiles": three quantiles, so that the
                   widths of intervals vary with the uncertainty below and above; "gaussian", "student_t": such a
                   distribution, row by row, from which sample paths are drawn
    skip_seasons   number of short seasons that a linear skip path reads in addition to the network; 0: no skip path
    boxcox_lambda  lambda of the Box-Cox transformation of series above zero; 1: no transformation, 0: logarithms; None:
                   chosen by validation
    calendar       names of calendar features: some of "minute", "hour", "weekday", "day" (of the month), "month",
                   "week", "year"; [] for none. None: for a global model those that show in the series
    holidays       public holidays of a country, "DE", or of a part of it, "DE-BY", known ahead: needs elman[holidays],
                   and rows of a day or less
    skip_bad       whether series that cannot be used are left out, and listed in `skipped_` and `Forecasts.skipped`;
                   otherwise the first one raises an error
    seed           seed of all random numbers. The same seed, engine and data give the same results, bit for bit

    Options are stored as they are and checked in `fit`.

    Fitted attributes: `series_` (a `Series`, or a `Panel` of many by id), `horizon_`, `season_`, `model_`, `levels_`,
    `backtest_` (None without windows), `skipped_` (why each series was left out, by id).
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
        duplicates: str | None = None,
        regular: str | None = None,
        effort: str = "normal",
        cell: str | None = None,
        hidden_size: int | None = None,
        models: str | Sequence[str] | None = None,
        members: int | None = None,
        updates: int | None = None,
        distribution: str = "median",
        skip_seasons: int = 1,
        boxcox_lambda: float | None = None,
        calendar: Sequence[str] | None = None,
        holidays: str | None = None,
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
        self.duplicates = duplicates
        self.regular = regular
        self.effort = effort
        self.cell = cell
        self.hidden_size = hidden_size
        self.models = models
        self.members = members
        self.updates = updates
        self.distribution = distribution
        self.skip_seasons = skip_seasons
        self.boxcox_lambda = boxcox_lambda
        self.calendar = calendar
        self.holidays = holidays
        self.skip_bad = skip_bad
        self.seed = seed

    _constraints = options.CONSTRAINTS
    _added = ("duplicates", "holidays", "models", "regular")
    _renamed = MappingProxyType({"head": "distribution", "skip": "skip_seasons", "power": "boxcox_lambda"})

    # ------------------------------------------------------------------------------------------- fit

    def fit(
        self,
        y: Any,
        *,
        target: str | Sequence[str] | None = None,
        time: Any = None,
        id: str | None = None,
        past: Any = None,
        future: Any = None,
        static: Any = None,
        date_format: str | None = None,
        zone: str | None = None,
        wide: bool = False,
        skip_rows: int = 0,
        decimal: str | None = None,
        on_progress: OnProgress | None = None,
        executor: Any = None,
        progress: OnProgress | None = None,
    ) -> Forecaster:
        """Trains and backtests a model on one series or on many, and returns the forecaster itself.

        y            one series: a `Series`, an array (n,), a data frame or its column, or the path of a CSV or Parquet
                     file; or many series: a mapping from ids to series, a list of arrays or `Series`, or a data frame
                     or file in long form, with one row for each series and time
        target, time, id   names of columns of a data frame or file; for an array, `time` holds the times. The names
                     `y`, `ds` and `unique_id` are found without these arguments. Several targets are a series each.
                     `time` may name several columns that are times together, such as ["year", "quarter"], or be
                     "none": the rows are numbered
        date_format, zone   form of the times, such as "%d/%m/%Y", and their time zone, such as "Europe/Berlin"; None:
                     found in them
        past, future, static   covariates, as the name of a column or a list of names. Past covariates are known up to
                     the last value (weather), future ones also for later rows (prices, holidays), and static ones do
                     not change (a region). For an array they are arrays (see `as_series`), for a mapping mappings of
                     arrays
        wide         whether each numeric column of a data frame or file is a series, whose id is the name of the column
        skip_rows, decimal   how a CSV file is read (see `read_table`)
        on_progress  is called with the fraction of the work that is done, from 0 to 1, on any thread. An exception that
                     it raises ends the training, is raised here, and leaves the forecaster as it was
        executor     who trains the networks (see `elman.cluster.Ledger`): "processes", a Dask client or the address of
                     its scheduler, or a Ledger, which keeps what is trained; None: threads. It changes no bit
        progress     the earlier name of `on_progress`

        A single series of less than 1000 rows gets a local model, trained on all rows, and for the backtest one more
        for each window, trained on the rows before it. A longer series, many series, masked missing values, several
        seasons, or a distribution other than the median need a global model; its backtest has one more, trained on the
        rows before all windows. `DataError` for data that cannot be used, `ValueError` or `TypeError` for options that
        cannot.
        """
        on_progress = renamed_argument("Forecaster.fit", "progress", progress, "on_progress", on_progress)
        checked = self.checked_options()
        windows, levels = checked["windows"], checked["levels"]
        names = Columns(target, time, id, past, future, static, date_format, zone)
        read = self._read(opened(y, skip_rows, decimal), names, wide)
        input_frame = None if isinstance(y, str | os.PathLike) else frame_type(y)
        panel, strategy = options.strategy_of(checked, read).resolve(read, windows > 0, self.skip_bad)
        if isinstance(strategy, CombinedStrategy):
            notes.warn(_without_season(checked["season"], panel))
        if levels and strategy.horizon is not None:  # the largest possible number of residuals, checked before training
            intervals.check_enough(levels, windows * strategy.horizon * len(panel))
        backtest_share = 0.5 if windows else 0.0  # of the work
        on_backtest = span(on_progress, 0.0, backtest_share)
        with computing(executor):
            backtest = strategy.backtest(panel, windows, on_progress=on_backtest) if windows else None
            levels = _levels(levels, 0 if backtest is None else int(np.isfinite(backtest.truth).sum()))
            self.model_ = strategy.train(panel, span(on_progress, backtest_share, 1.0), backtest)
        self.horizon_, self.season_ = self.model_.horizon, options.as_season(self.model_.seasons)
        self.levels_, self.backtest_ = levels, backtest
        self._panel, self._frame_type = panel, input_frame
        return self

    def read(
        self, y: Any, *, wide: bool = False, skip_rows: int = 0, decimal: str | None = None, **columns: Any
    ) -> Series | Panel:
        """Reads the data as `fit` does, and returns a `Series`, or a `Panel` of many, which `fit` takes instead."""
        panel = self._read(opened(y, skip_rows, decimal), Columns(**columns), wide)
        return panel.only if panel.single else panel

    def _read(self, y: Any, columns: Columns, wide: bool) -> Panel:
        """Reads the data of `fit` and returns a panel."""
        skip_bad = checks.flag("skip_bad", self.skip_bad)
        wide = checks.flag("wide", wide)
        found = as_panel(y, columns, self._series_options(), skip_bad=skip_bad, wide=wide)
        if not isinstance(y, Series | Panel):
            notes.warn(found.notes, stacklevel=3)
        return found

    def backtest(
        self,
        windows: int | None = None,
        *,
        step: int | None = None,
        refit: bool | None = None,
        y: Series | Panel | None = None,
        on_progress: OnProgress | None = None,
        executor: Any = None,
        progress: OnProgress | None = None,
    ) -> Backtest:
        """Returns the backtest that `fit` made; with arguments a new backtest, which leaves the forecaster as it is.

        windows   number of windows, the last ones of each series; None: the option `windows`
        step      number of rows from the start of one window to the start of the next; None: the horizon
        refit     whether each window has a model of its own, trained on the rows before it; otherwise the model of the
                  first window forecasts all windows. None: True for a local model, False for a global one
        y         series to backtest on, as `read` returns them, which needs no fit; None: the fitted series
        on_progress, executor, progress   see `fit`
        """
        on_progress = renamed_argument("Forecaster.backtest", "progress", progress, "on_progress", on_progress)
        windows = None if windows is None else checks.whole("windows", windows, 1, limits.WINDOWS)
        if y is None:
            self.check_fitted()
            if windows in (None, self.windows) and step is None and refit is None:
                return self._require_backtest()
        windows = checks.whole("windows", self.windows, 1, limits.WINDOWS) if windows is None else windows
        step = None if step is None else checks.whole("step", step, 1, limits.HORIZON)
        refit = None if refit is None else checks.flag("refit", refit)
        if y is None:
            panel = self._panel
            strategy = self._strategy(panel)
        else:
            panel = Panel.of(y) if isinstance(y, Series) else y
            panel, strategy = options.strategy_of(self.checked_options(), panel).resolve(panel, True, self.skip_bad)
        with computing(executor):
            backtest = strategy.backtest(panel, windows, step, refit, on_progress)
        if backtest is None:
            raise DataError(f"windows: the series are too short for a window of {strategy.horizon} rows")
        return backtest

    def find_season(self, y: Series | Panel) -> int | tuple[int, ...]:
        """Returns the season that `fit` takes for series, as `read` returns them: the option, or what it finds in them;
        1 for none, and several as a tuple."""
        panel = Panel.of(y) if isinstance(y, Series) else y
        return options.as_season(options.strategy_of(self.checked_options(), panel).seasons_of(panel))

    def update(self, y: Any, *, updates: int | None = None) -> Forecaster:
        """Appends new rows to the fitted series, trains the networks further, and returns the forecaster itself.

        A global model is trained further on all rows, a local model is trained anew. The backtest is not repeated, so
        the calibration of the intervals stays.

        y         the new rows, in the form that `fit` read, with the same columns; of many series any number of them,
                  and new series
        updates   number of further updates of a global model; None: a fifth of those of its recipe
        """
        updates = None if updates is None else checks.whole("updates", updates, 1, limits.UPDATES)
        self.update_state(y)
        strategy = self._strategy(self._panel)
        self.model_ = strategy.train_on(self._panel, self.model_, updates)
        return self

    def _strategy(self, panel: Panel) -> Any:
        """Returns the strategy of the fitted horizon for series, which are long enough."""
        strategy = replace(options.strategy_of(self.checked_options(), panel), horizon=self.horizon_)
        return strategy.resolve(panel, False, True)[1]

    def update_state(self, y: Any) -> Forecaster:
        """Appends new rows to the fitted series without training, and returns the forecaster itself.

        Later forecasts begin after these rows.

        y    the new rows, as for `update`. If a row does not follow the fitted ones, `DataError` names it, and the
             forecaster is unchanged
        """
        self.check_fitted()
        self._panel = with_newer(self._panel, self._read_new(y, after=self._panel))
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


def _without_season(asked: tuple[int, ...] | None, panel: Panel) -> list[str]:
    """Returns what a reader should know of series that do not hold two of the shortest season that was asked for."""
    season = 1 if asked is None else asked[0]
    short = [id for id, series in panel.items() if shown_season(season, len(series)) != season]
    if not short:
        return []
    whose = "the rows hold" if panel.single else f"{len(short)} of {len(panel)} series, {shorten(short[0])} first, hold"
    return [f"season: {whose} less than two seasons of {season} rows, and no season is forecast there"]


def _levels(requested: Sequence[float] | None, residuals: int) -> tuple[float, ...]:
    """Returns the requested levels, or of the default ones those that need at most `residuals` residuals.

    ValueError for a requested level that needs more.
    """
    if requested is None:
        return tuple(level for level in DEFAULT_LEVELS if intervals.needed(level) <= residuals)
    intervals.check_enough(requested, residuals)
    return tuple(requested)
