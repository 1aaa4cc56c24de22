"""What a fitted forecaster answers: values, intervals, quantiles, dates; and how good they were in the backtest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import numpy as np

from elman.core import checks
from elman.estimators.base import Estimator
from elman.forecast.evaluation import intervals
from elman.forecast.evaluation.backtest import NETWORK, Backtest
from elman.forecast.evaluation.coverage import coverage
from elman.forecast.forecasting import forecasts, usable
from elman.forecast.models.global_model import DirectModel
from elman.forecast.models.local_model import LocalModel
from elman.forecast.models.recursive_model import RecursiveModel
from elman.forecast.result import Forecast, Forecasts, in_kind
from elman.series import limits
from elman.series.ahead import with_future
from elman.series.columns import Columns
from elman.series.panel import Panel
from elman.series.panel_sources import as_panel
from elman.series.series import Series, SeriesOptions
from elman.series.sources import open_table
from elman.series.tables.frames import FrameType, frame_type, is_frame
from elman.series.tables.table import Table

__all__ = ["FittedForecaster"]

Quantiles = Sequence[float] | np.ndarray


class FittedForecaster(Estimator):
    """The part of `Forecaster` that works once it is fitted.

    What the methods return goes by the history that they forecast from: one series gives one result, a mapping or a
    table of many gives one for each id, and a data frame gives a data frame of its library.
    """

    freq: str | None
    missing: str
    skip_bad: bool
    model_: LocalModel | DirectModel | RecursiveModel
    horizon_: int
    levels_: tuple[float, ...]
    backtest_: Backtest | None
    season_: int | tuple[int, ...]
    _panel: Panel
    _frame_type: FrameType | None = None  # of the data that was fitted

    @property
    def series_(self) -> Series | Panel:
        """The fitted series with all rows known by now: one, or many by id."""
        self.check_fitted()
        return self._panel.only if self._panel.single else self._panel

    @property
    def skipped_(self) -> dict[str, str]:
        """The series that were left out, by id, and what was wrong with each."""
        self.check_fitted()
        return self._panel.skipped

    @overload
    def predict(self, history: Series | np.ndarray, horizon: int | None = None, future: Any = None) -> np.ndarray: ...
    @overload
    def predict(
        self, history: Mapping[str, Any], horizon: int | None = None, future: Any = None
    ) -> dict[str, np.ndarray]: ...
    @overload
    def predict(self, history: Any = None, horizon: int | None = None, future: Any = None) -> Any: ...
    def predict(self, history: Any = None, horizon: int | None = None, future: Any = None) -> Any:
        """The network's forecast (h,), in the kind of the history: of a data frame or column one of its library, of
        many series a mapping by id. Rows past the fitted horizon are forecast from forecasts
        (`Forecast.recursive_steps`), up to 1000 times as many.

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

    @overload
    def forecast(
        self,
        history: Series | np.ndarray,
        horizon: int | None = None,
        future: Any = None,
        *,
        levels: Sequence[float] | None = None,
        best: bool = False,
    ) -> Forecast: ...
    @overload
    def forecast(
        self,
        history: Mapping[str, Any],
        horizon: int | None = None,
        future: Any = None,
        *,
        levels: Sequence[float] | None = None,
        best: bool = False,
    ) -> Forecasts: ...
    @overload
    def forecast(
        self,
        history: Any = None,
        horizon: int | None = None,
        future: Any = None,
        *,
        levels: Sequence[float] | None = None,
        best: bool = False,
    ) -> Forecast | Forecasts: ...
    def forecast(
        self,
        history: Any = None,
        horizon: int | None = None,
        future: Any = None,
        *,
        levels: Sequence[float] | None = None,
        best: bool = False,
    ) -> Forecast | Forecasts:
        """Values, intervals and dates together: a `Forecast`, or of many series `Forecasts`, one for each id. The
        arguments are those of `predict`.

        best=True: the best baseline's where the network did not beat it."""
        self.check_fitted()
        most = min(limits.HORIZON, limits.ROLLED * self.horizon_)
        h = self.horizon_ if horizon is None else checks.whole("horizon", horizon, 1, most)
        wanted = self.levels_ if levels is None else intervals.parse_levels(levels)
        if wanted:
            self._tested()
        source = NETWORK
        if checks.flag("best", best) and not self._tested().network_wins:
            source = self._tested().best_baseline
        panel = self._panel.replaced(self._panel) if history is None else self._read_again(history)
        if future is not None:
            panel = with_future(panel, future, self._panel.names, h)
        panel = usable(self.model_, panel, h, self.skip_bad)
        found = forecasts(self.model_, self.backtest_, panel, h, wanted, source)
        return next(iter(found.values())) if panel.single else Forecasts(found, panel.skipped)

    def _answer(
        self,
        found: Any,
        history: Any,
        columns: Callable[[Forecast], Mapping[str, np.ndarray]],
        plain: Callable[[Forecast], Any],
    ) -> Any:
        """A data frame of the columns of every forecast, where the history was a data frame; else what `plain` makes of
        each forecast, by id where there are many."""
        kind = self._frame_type if history is None else None if isinstance(history, str) else frame_type(history)
        if kind is not None:
            return in_kind(found, kind, columns, self._panel.names.id or "unique_id")
        return {id: plain(f) for id, f in found.items()} if isinstance(found, Forecasts) else plain(found)

    def coverage(self, model: str = NETWORK) -> list[dict[str, Any]]:
        """How the intervals of the network, or of a baseline, did in the backtest, each window calibrated on others
        that it did not touch: for each level `level`, `covered` (percent of the rows), and over MASE's unit `score`,
        the mean interval score, and `pinball`, the mean quantile loss of its bounds."""
        self.check_fitted()
        tested = self._tested()
        return coverage(tested, self.levels_, model=checks.choice("model", model, tuple(tested.forecasts)))

    def verdict(self) -> str:
        """By how much the network beats the best baseline in the backtest, or that it does not."""
        self.check_fitted()
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
        return self._panel.names.by_name()

    def _tested(self) -> Backtest:
        if self.backtest_ is None:
            raise ValueError("windows: expected at least 1 for intervals and a verdict, got 0")
        return self.backtest_
