"""The methods of a fitted forecaster: forecasts, intervals and quantiles, and their errors in the backtest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import numpy as np

from elman.core import checks
from elman.estimators.base import Estimator
from elman.forecast.combination.model import CombinedModel
from elman.forecast.evaluation import intervals
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.coverage import coverage
from elman.forecast.forecasting import forecastable, forecasts
from elman.forecast.models.global_model import DirectModel
from elman.forecast.models.local_model import LocalModel
from elman.forecast.models.recursive_model import RecursiveModel
from elman.forecast.result import Forecast, Forecasts, to_frame
from elman.series import limits, notes
from elman.series.columns import Columns
from elman.series.errors import DataError
from elman.series.joining.ahead import with_future
from elman.series.panel import Panel
from elman.series.panel_sources import as_panel
from elman.series.series import Series, SeriesOptions
from elman.series.sources import open_table
from elman.series.tables.frames import FrameType, frame_type, is_frame
from elman.series.tables.table import Table

__all__ = ["FittedForecaster"]


class FittedForecaster(Estimator):
    """The methods of a fitted `Forecaster`.

    The type of their results depends on the history from which they forecast: one series gives one result, a mapping or
    a table of many series gives one result for each id, and a data frame gives a data frame of the same library.
    """

    freq: str | None
    missing: str
    duplicates: str | None
    regular: str | None
    skip_bad: bool
    windows: int
    model_: CombinedModel | LocalModel | DirectModel | RecursiveModel
    horizon_: int
    levels_: tuple[float, ...]
    backtest_: Backtest | None
    season_: int | tuple[int, ...]
    _panel: Panel
    _frame_type: FrameType | None = None  # data frame library of the fitted data

    @property
    def series_(self) -> Series | Panel:
        """Returns the fitted series with all rows known so far: one `Series`, or a `Panel` of many by id."""
        self.check_fitted()
        return self._panel.only if self._panel.single else self._panel

    @property
    def skipped_(self) -> dict[str, str]:
        """Returns why each series was left out, by the id of the series."""
        self.check_fitted()
        return self._panel.skipped

    @property
    def chosen_(self) -> dict[str, Any]:
        """Returns the weight of each model in the forecast, by its name; of many series by id and name."""
        self.check_fitted()
        if not isinstance(self.model_, CombinedModel):
            found = {id: {self.model_.name: 1.0} for id in self._panel}
        else:
            found = self.model_.weights_of(self._panel)
        return next(iter(found.values())) if self._panel.single else found

    @overload
    def predict(self, history: Series | np.ndarray, horizon: int | None = None, future: Any = None) -> np.ndarray: ...
    @overload
    def predict(
        self, history: Mapping[str, Any], horizon: int | None = None, future: Any = None
    ) -> dict[str, np.ndarray]: ...
    @overload
    def predict(self, history: Any = None, horizon: int | None = None, future: Any = None) -> Any: ...
    def predict(self, history: Any = None, horizon: int | None = None, future: Any = None) -> Any:
        """Returns the network's forecast, an array (h,).

        The type of the result depends on the history: a data frame gives a data frame of the same library, and many
        series give a mapping from ids to arrays.

        history   rows to forecast from instead of the fitted series: anything that `fit` takes, also series that were
                  not fitted, with at least `model_.context` rows each
        horizon   number of rows to forecast, h, at most 1000 times the fitted horizon; None: the fitted horizon. Rows
                  past the fitted horizon are forecast from the earlier forecasts (`Forecast.recursive_steps`)
        future    known-future covariates of the rows to forecast, if the history does not hold them: an array (h, K), a
                  mapping from ids to arrays, a data frame or the path of a file. `DataError` names the series and the
                  date of a missing value
        """
        forecast = self.forecast(history, horizon, future, levels=())
        return self._result(forecast, history, lambda each: {each.history.name: each.values}, lambda each: each.values)

    def predict_interval(
        self,
        levels: Sequence[float] | None = None,
        history: Any = None,
        horizon: int | None = None,
        future: Any = None,
    ) -> Any:
        """Returns the prediction intervals of the network's forecast: level in percent -> bounds (h, 2).

        The bounds are lower and upper. Many series give a mapping for each id; a data frame gives columns `lower_80`,
        `upper_80`, and so on.

        levels   levels in percent; None: the levels of `fit`

        The other arguments are those of `predict`.
        """
        forecast = self.forecast(history, horizon, future, levels=levels)
        return self._result(forecast, history, Forecast.bounds, lambda each: dict(each.intervals))

    def predict_quantiles(
        self,
        quantiles: Any = (0.1, 0.5, 0.9),
        history: Any = None,
        horizon: int | None = None,
        future: Any = None,
    ) -> Any:
        """Returns Q quantiles (h, Q) of the network's forecast.

        Many series give such an array for each id; a data frame gives a data frame with columns `q0.1`, and so on. The
        quantile q is a bound of the interval of level |2q - 1|, or the forecast itself for q = 0.5, so quantiles never
        cross. `ValueError` for a level that needs more residuals than the backtest has.

        The other arguments are those of `predict`.
        """
        if isinstance(quantiles, str) or not isinstance(quantiles, Sequence):
            raise TypeError(f"quantiles: expected a list of numbers such as (0.1, 0.9), got {checks.shown(quantiles)}")
        probabilities = [checks.number("quantiles", q, 0.0, 1.0, open_low=True) for q in quantiles]
        if 1.0 in probabilities or not probabilities:
            raise ValueError(f"quantiles: expected numbers between 0 and 1, got {checks.shown(quantiles)}")
        levels = [round(100.0 * abs(2.0 * q - 1.0), 9) for q in probabilities]
        forecast = self._forecast(history, horizon, future, sorted({level for level in levels if level > 0.0}))

        def columns(forecast: Forecast) -> dict[str, np.ndarray]:
            return {
                f"q{q:g}": forecast.intervals[level][:, int(q > 0.5)] if level > 0.0 else forecast.values
                for q, level in zip(probabilities, levels, strict=True)
            }

        return self._result(forecast, history, columns, lambda each: np.column_stack(list(columns(each).values())))

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
        """Returns values, intervals and dates together: a `Forecast`, or for many series a `Forecasts` by id.

        levels   levels of the intervals in percent; None: the levels of `fit`
        best     whether the best baseline makes the forecast if the model does not beat it in the backtest

        The other arguments are those of `predict`.
        """
        levels = None if levels is None else intervals.parse_levels(levels)
        return self._forecast(history, horizon, future, levels, best)

    def _forecast(
        self, history: Any, horizon: int | None, future: Any, levels: Sequence[float] | None, best: bool = False
    ) -> Forecast | Forecasts:
        """As `forecast`, with levels in increasing order, which may lie below 1."""
        self.check_fitted()
        most = min(limits.HORIZON, limits.RECURSIVE_HORIZONS * self.horizon_)
        h = self.horizon_ if horizon is None else checks.whole("horizon", horizon, 1, most)
        levels = self.levels_ if levels is None else levels
        if levels:
            self._require_backtest()
        source = None
        if checks.flag("best", best) and not self._require_backtest().wins:
            source = self._require_backtest().best_baseline
        panel = self._panel.replaced(self._panel) if history is None else self._read_new(history)
        if future is not None:
            panel = with_future(panel, future, self._panel.names, h)
        panel = forecastable(self.model_, panel, h, self.skip_bad)
        by_id = forecasts(self.model_, self.backtest_, panel, h, levels, source, self._frame_of(history))
        names = self._panel.names
        return next(iter(by_id.values())) if panel.single else Forecasts(by_id, panel.skipped, names.id or "unique_id")

    def _result(
        self,
        forecast: Forecast | Forecasts,
        history: Any,
        columns: Callable[[Forecast], Mapping[str, np.ndarray]],
        plain: Callable[[Forecast], Any],
    ) -> Any:
        """Returns a part of a forecast in the type that the history asks for.

        columns   returns the columns of a forecast, for a data frame
        plain     returns the part of one forecast, for anything else; many series give a mapping from ids to such parts
        """
        frame = self._frame_of(history)
        if frame is not None:
            return to_frame(forecast, frame, columns, self._panel.names.id or "unique_id")
        if isinstance(forecast, Forecasts):
            return {id: plain(each) for id, each in forecast.items()}
        return plain(forecast)

    def _frame_of(self, history: Any) -> FrameType | None:
        """Returns the type of the data frame of a history, or of the fitted one for None; None where it is no frame."""
        return self._frame_type if history is None else None if isinstance(history, str) else frame_type(history)

    def coverage(self, model: str | None = None) -> list[dict[str, Any]]:
        """Returns how the intervals of the forecaster's model, or of a baseline, did in the backtest.

        Each level has a record: the `level`, the percentage of rows `covered` by the interval, and, divided by the
        denominator of MASE, the mean interval score as `score` and the mean pinball loss of both bounds as `pinball`.
        The intervals of each window are calibrated on other windows that share no row with it.
        """
        self.check_fitted()
        backtest = self._require_backtest()
        return coverage(
            backtest,
            self.levels_,
            model=backtest.model if model is None else checks.choice("model", model, tuple(backtest.forecasts)),
        )

    def verdict(self) -> str:
        """Returns a sentence that says by how much the model beats the best baseline, or that it does not."""
        self.check_fitted()
        return self._require_backtest().verdict()

    def _read_new(self, y: Any, after: Panel | None = None) -> Panel:
        """Reads series with the column names of `fit` and returns them; `after` holds the series that they continue."""
        if isinstance(y, int | np.integer):
            raise TypeError(f"history: expected rows to forecast from, got {y}; to forecast {y} rows, say horizon={y}")
        if isinstance(y, str | os.PathLike):
            y = open_table(os.fspath(y))
        names = self.named_columns() if isinstance(y, Table) or is_frame(y) else Columns()
        found = as_panel(y, names, self._series_options(), skip_bad=self.skip_bad, after=after)
        if not isinstance(y, Series | Panel):
            notes.warn(found.notes, stacklevel=3)
        return found

    def _series_options(self) -> SeriesOptions:
        """Returns the options by which rows become series."""
        return SeriesOptions(self.freq, self.missing, duplicates=self.duplicates, regular=self.regular)

    def named_columns(self) -> Columns:
        """Returns the names of the columns that `fit` was given; new rows are read from the same columns."""
        return self._panel.names.by_name()

    def _require_backtest(self) -> Backtest:
        """Returns the backtest. ValueError if there is none."""
        if self.backtest_ is None and self.windows:
            raise DataError(
                f"the series are too short for a backtest window of {self.horizon_} rows, so there are no intervals and"
                " no verdict; give more rows or a shorter horizon"
            )
        if self.backtest_ is None:
            raise ValueError("windows: expected at least 1 for intervals and a verdict, got 0")
        return self.backtest_
