"""`Forecaster`: one series or many in; forecasts, their intervals, a backtest and a verdict out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from elman.core import checks, io
from elman.estimators.base import Estimator
from elman.forecast import described, intervals, options, saved
from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.coverage import coverage
from elman.forecast.many import Recipe, part_of
from elman.forecast.model import Model
from elman.forecast.pooled import PooledModel, Tell
from elman.forecast.result import Forecast, Forecasts, in_kind
from elman.forecast.serve import forecasts, usable
from elman.forecast.short import ShortRecipe
from elman.series import limits
from elman.series.ahead import with_future
from elman.series.columns import Columns
from elman.series.errors import DataError
from elman.series.newer import with_newer
from elman.series.panel import Panel
from elman.series.panel_sources import as_panel
from elman.series.series import Series, SeriesOptions
from elman.series.sources import open_table
from elman.series.tables.frames import FrameType, frame_type, is_frame
from elman.series.tables.table import Table

__all__ = ["Forecaster"]

USUAL_LEVELS = (80.0, 95.0)


class Forecaster(Estimator):
    """Forecasts one series, or many with one model, by recurrent networks, and says whether that was worth it.

    horizon      rows to forecast; None: one season, else a tenth of the rows, at most 48
    season       rows in a season, 1 for none; for many series also several, such as (24, 168). None: found in the data
    context      rows that the network reads before each forecast; None: see `model.py` and, for many series or long
                 ones, `pooled.py`
    levels       intervals in percent; one that the backtest has too few residuals for is refused. None: of 80 and 95
                 those that it has enough for
    windows      backtest windows, the last ones of each series; 0: no backtest, so no intervals and no verdict
    freq         the step of the dates, where it should not be found: "D", "B", "15min", "ME", ... (`calendar.parse`)
    missing      "error"; "interpolate": holes are filled on straight lines; "mask": they are neither learned from nor
                 scored
    effort       "fast", "normal" or "best": how much is trained, counted in updates, so that results repeat
    cell         "tanh", "relu", "gru" or "lstm";  hidden_size  units of each network;  members  networks in the
                 ensemble;  updates  of each, at most. None: what the effort says
    head         "median": all rows at once, each by one number; "quantiles": by three, so that intervals are wide
                 where the network is less sure, on each side; "gaussian", "student_t": row by row, by sample paths
    skip         short seasons that a linear path shows the answer, beside the network; 0: none
    power        of Box and Cox's transformation of series above zero, 1 none, 0 logarithms; None: what validates better
    calendar     features of the dates: some of "minute", "hour", "weekday", "day" (of the month), "month", "week"
    skip_bad     of many series, those that cannot be used are left out and told, in `skipped_` and `Forecasts.skipped`;
                 else the first is an error
    seed         of everything random: the same seed, engine and data give the same bits

    Options are stored as they are and checked in `fit`. Fitted: `series_` (a Series, or a dict of them), `horizon_`,
    `season_`, `model_`, `levels_`, `backtest_` (None without windows), `skipped_` (id -> what was wrong with it).
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
        head: str = "median",
        skip: int = 1,
        power: float | None = None,
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
        self.head = head
        self.skip = skip
        self.power = power
        self.calendar = calendar
        self.skip_bad = skip_bad
        self.seed = seed

    _columns = Columns()
    _kind: FrameType | None = None  # what the fitted data came in

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
        progress: Tell | None = None,
    ) -> Forecaster:
        """Trains on one series: a `Series`, an array (n,), a data frame or its column, or the path of a CSV file; or
        on many: a mapping from ids to such, a list of arrays or Series, or a data frame or file in long form.

        target, time, id   columns of a data frame or file; beside an array, `time` holds the times. `unique_id`, `ds`
                           and `y` are found by themselves
        past, future, static   columns of covariates, one name or a list: known up to the last value alone (weather);
                           known ahead (prices, holidays), in rows after the last value too; the same for good (a
                           region). Beside arrays, the arrays themselves (`as_series`), by id beside a mapping
        progress   is called with the share that is done, from 0 to 1, by any thread

        One series of less than `LONG` rows: a model is trained for each backtest window, on the rows before it alone,
        and one on all rows, which is kept. Longer, or many, with masked values, or with another head than the median:
        one model without the rows of all windows, which is scored on them, and one on all rows.
        `DataError` for data that cannot be used, `ValueError` or `TypeError` for options that cannot.
        """
        self.check_options()
        read = self._read(y, Columns(target, time, id, past, future, static))
        kind = None if isinstance(y, str | os.PathLike) else frame_type(y)
        windows = checks.whole("windows", self.windows, 0, limits.WINDOWS)
        asked = None if self.levels is None else intervals.parse_levels(self.levels)
        panel, recipe = self._ready(read, windows > 0)
        if asked and recipe.horizon is not None:  # before the work: there can't be more
            intervals.check_enough(asked, windows * recipe.horizon * len(panel))
        parts = 2 if windows else 1
        backtest = recipe.test(panel, windows, tell=part_of(progress, 0, parts)) if windows else None
        levels = self._levels(0 if backtest is None else int(np.isfinite(backtest.truth).sum()))
        model = recipe.train(panel, tell=part_of(progress, parts - 1, parts))
        self.series_: Any = panel[""] if read.single else panel
        self.skipped_: dict[str, str] = panel.skipped
        self.horizon_, self.season_, self.levels_ = model.horizon, model.season, levels
        self.model_: Model | PooledModel = model
        self.backtest_ = backtest
        self._columns, self._kind = read.names, kind
        return self

    def read(self, y: Any, **columns: Any) -> Series | Panel:
        """What `fit` reads of these arguments, and takes in their place: a `Series`, or a dict of them by id."""
        panel = self._read(y, Columns(**columns))
        return panel.only if panel.single else panel

    def _read(self, y: Any, columns: Columns) -> Panel:
        skip_bad = checks.flag("skip_bad", self.skip_bad)
        return as_panel(y, columns, SeriesOptions(self.freq, self.missing), skip_bad=skip_bad)

    def _ready(self, read: Series | Panel, tested: bool) -> tuple[Panel, Recipe | ShortRecipe]:
        """The series that can be learned from, and how."""
        if isinstance(read, Series):
            read = Panel.of(read)
        panel = Panel({"": read.only}) if read.single else read
        return options.recipe_of(self, panel).ready(panel, tested, self.skip_bad)

    def check_options(self) -> None:
        """ValueError or TypeError for an option that no fit takes."""
        options.check(self)

    def backtest(
        self,
        windows: int | None = None,
        *,
        step: int | None = None,
        refit: bool | None = None,
        y: Series | Panel | None = None,
        progress: Tell | None = None,
    ) -> Backtest:
        """The backtest that `fit` made; with other options, one made now on the fitted series, or on what `read` gave,
        for which no fit is needed.

        windows   how many, the last ones of each series;  step  rows from one to the next, the horizon by default
        refit     whether every window has a model of its own, of the rows before it, or all the first one's; None: a
                  short series' windows have, those of many series have not
        The forecaster itself and its intervals stay as they are.
        """
        windows = None if windows is None else checks.whole("windows", windows, 1, limits.WINDOWS)
        if y is None:
            self._check_fitted()
            if windows in (None, self.windows) and step is None and refit is None:
                return self._tested()
        windows = checks.whole("windows", self.windows, 1, limits.WINDOWS) if windows is None else windows
        step = None if step is None else checks.whole("step", step, 1, limits.HORIZON)
        refit = None if refit is None else checks.flag("refit", refit)
        if y is None:
            panel: Mapping[str, Series] = self._panel()
            recipe = replace(options.recipe_of(self, panel), horizon=self.horizon_)
        else:
            panel, recipe = self._ready(y, True)
        found = recipe.test(panel, windows, step, refit, progress)
        if found is None:
            raise DataError(f"windows: the series are too short for a window of {recipe.horizon} rows")
        return found

    def update(self, y: Any, *, updates: int | None = None) -> Forecaster:
        """Takes new rows in, those that follow the fitted ones, and trains on: with a fifth of the usual updates (or
        `updates`), from the networks as they are, on all rows. A short series is learned afresh.

        y    as `fit` read it, with the same columns; of many series any of them, new ones too
        The backtest stays: intervals are as wide as before.
        """
        self.update_state(y)
        panel = self._panel()
        recipe = replace(options.recipe_of(self, panel), horizon=self.horizon_)
        if isinstance(recipe, Recipe):
            usual = max(1, recipe.effort.updates // 5)
            count = usual if updates is None else checks.whole("updates", updates, 1, limits.UPDATES)
            effort = recipe.effort._replace(updates=count, members=len(self.model_.networks))
            recipe = replace(recipe, effort=effort)
        same = isinstance(self.model_, PooledModel) == isinstance(recipe, Recipe)
        self.model_ = recipe.train(panel, self.model_ if same else None)  # type: ignore[arg-type]
        return self

    def update_state(self, y: Any) -> Forecaster:
        """Takes new rows in, those that follow the fitted ones, without training: later forecasts begin after them.

        y    as for `update`. `DataError` names the first row that does not follow; then nothing has changed
        """
        self._check_fitted()
        panel = Panel.of(self.series_) if isinstance(self.series_, Series) else Panel(self.series_, self.skipped_)
        panel = with_newer(panel, self._read_again(y, after=panel))
        self.series_ = panel.unwrap(panel)
        return self

    def _panel(self) -> dict[str, Series]:
        return {"": self.series_} if isinstance(self.series_, Series) else dict(self.series_)

    def _levels(self, residuals: int) -> tuple[float, ...]:
        if self.levels is None:
            return tuple(level for level in USUAL_LEVELS if intervals.needed(level) <= residuals)
        levels = intervals.parse_levels(self.levels)
        intervals.check_enough(levels, residuals)
        return levels

    # --------------------------------------------------------------------------------------- forecast

    def predict(self, history: Any = None, horizon: int | None = None, future: Any = None) -> Any:
        """The network's forecast (h,), in the kind of the history: of a data frame or column one of its library, of
        many series a mapping by id. Rows past the fitted horizon are forecast from forecasts (`Forecast.rolled`), up to
        1000 times as many.

        history   rows to forecast from instead of the fitted series: anything that `fit` takes, also series never seen,
                  with at least `model_.context` rows each
        future    known-future covariates of the rows to be forecast, where the history does not hold them: an array
                  (h, K), a mapping from ids to such, a data frame or a file. An error names series and date that lack
        """
        found = self.forecast(history, horizon, future, levels=())
        return self._answer(found, history, lambda each: {each.history.name: each.values}, lambda each: each.values)

    def predict_interval(
        self,
        levels: Sequence[float] | None = None,
        history: Any = None,
        horizon: int | None = None,
        future: Any = None,
    ) -> Any:
        """Level in percent -> lower and upper bounds (h, 2) of the network's forecast, of many series for each id; of
        data frames one with columns `lower_80`, `upper_80`, ... None: the levels of `fit`."""
        found = self.forecast(history, horizon, future, levels=levels)
        return self._answer(found, history, Forecast.bounds, lambda each: dict(each.intervals))

    def predict_quantiles(
        self,
        quantiles: Any = (0.1, 0.5, 0.9),
        history: Any = None,
        horizon: int | None = None,
        future: Any = None,
    ) -> Any:
        """Quantiles (h, Q) of the network's forecast, of many series for each id; of data frames one with columns
        `q0.1`, ... They are the ends of the intervals that hold |2q - 1|, and the forecast itself for 0.5, so they
        never cross; `ValueError` for one that lies too far out for the backtest's residuals."""
        if isinstance(quantiles, str) or not isinstance(quantiles, Sequence):
            raise TypeError(f"quantiles: expected a list of numbers such as (0.1, 0.9), got {checks.shown(quantiles)}")
        asked = [checks.number("quantiles", q, 0.0, 1.0, open_low=True) for q in quantiles]
        if 1.0 in asked or not asked:
            raise ValueError(f"quantiles: expected numbers between 0 and 1, got {checks.shown(quantiles)}")
        levels = [round(100.0 * abs(2.0 * q - 1.0), 9) for q in asked]
        found = self.forecast(history, horizon, future, levels=sorted({level for level in levels if level > 0.0}))

        def columns(forecast: Forecast) -> dict[str, np.ndarray]:
            return {
                f"q{q:g}": forecast.intervals[level][:, int(q > 0.5)] if level > 0.0 else forecast.values
                for q, level in zip(asked, levels, strict=True)
            }

        return self._answer(found, history, columns, lambda each: np.column_stack(list(columns(each).values())))

    def forecast(
        self,
        history: Any = None,
        horizon: int | None = None,
        future: Any = None,
        *,
        levels: Sequence[float] | None = None,
        best: bool = False,
    ) -> Any:
        """Values, intervals and dates together: a `Forecast`, or of many series `Forecasts`, one for each id. The
        arguments are those of `predict`.

        best=True: the best baseline's where the network did not beat it."""
        self._check_fitted()
        most = min(limits.HORIZON, limits.ROLLED * self.horizon_)
        h = self.horizon_ if horizon is None else checks.whole("horizon", horizon, 1, most)
        wanted = self.levels_ if levels is None else intervals.parse_levels(levels)
        if wanted:
            self._tested()
        source = NETWORK
        if checks.flag("best", best) and not self._tested().network_wins:
            source = self._tested().best_baseline
        read = as_panel(self.series_, Columns(), SeriesOptions()) if history is None else self._read_again(history)
        if future is not None:
            read = with_future(read, future, self._columns, h)
        panel = {"": read.only} if read.single else read
        panel, skipped = usable(self.model_, panel, h, self.skip_bad)
        found = forecasts(self.model_, self.backtest_, panel, h, wanted, source)
        return found[""] if read.single else Forecasts(found, skipped)

    def _answer(
        self,
        found: Any,
        history: Any,
        columns: Callable[[Forecast], Mapping[str, np.ndarray]],
        plain: Callable[[Forecast], Any],
    ) -> Any:
        """What `columns` or `plain` say of one forecast or many, in the kind that the history came in."""
        kind = self._kind if history is None else None if isinstance(history, str) else frame_type(history)
        if kind is not None:
            return in_kind(found, kind, columns, self._columns.id or "unique_id")
        return {n: plain(f) for n, f in found.items()} if isinstance(found, Forecasts) else plain(found)

    def coverage(self, model: str = NETWORK) -> list[dict[str, Any]]:
        """How the intervals of the network, or of a baseline, did in the backtest, each window calibrated on others
        that it did not touch: for each level `level`, `covered` (percent of the rows), and over MASE's unit `score`,
        the mean interval score, and `pinball`, the mean quantile loss of its bounds."""
        self._check_fitted()
        tested = self._tested()
        return coverage(tested, self.levels_, model=checks.choice("model", model, tuple(tested.forecasts)))

    def verdict(self) -> str:
        """By how much the network beats the best baseline in the backtest, or that it does not."""
        self._check_fitted()
        return self._tested().verdict()

    def _read_again(self, y: Any, after: Panel | None = None) -> Panel:
        """Other rows of the kind that was fitted, by the same names of columns; `after`: the series they follow."""
        if isinstance(y, int | np.integer):
            raise TypeError(f"history: expected rows to forecast from, got {y}; for so many rows ahead say horizon={y}")
        if isinstance(y, str | os.PathLike):
            y = open_table(os.fspath(y))
        names = self.named_columns() if isinstance(y, Table) or is_frame(y) else Columns()
        return as_panel(y, names, SeriesOptions(self.freq, self.missing), skip_bad=self.skip_bad, after=after)

    def named_columns(self) -> Columns:
        """The columns that `fit` was given by name; new rows are read by the same."""
        return self._columns.by_name()

    def name_columns(self, **names: Any) -> None:
        """As if `fit` had been given these."""
        self._columns = Columns(**names)

    def _tested(self) -> Backtest:
        if self.backtest_ is None:
            raise ValueError("windows: expected at least 1 for intervals and a verdict, got 0")
        return self.backtest_

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise RuntimeError("forecaster: expected fit to be called before, it was not")

    # ------------------------------------------------------------------------------------------ files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a safetensors file that `elman.load` reads: options, networks, history and backtest."""
        self._check_fitted()
        io.write(path, "forecaster", *saved.contents(self))

    @classmethod
    def _file_shapes(cls, description: Mapping[str, Any]) -> io.Shapes:
        return described.shapes(described.described(cls, description))

    @classmethod
    def _from_file(cls, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Forecaster:
        return saved.restore(cls, description, tensors)
