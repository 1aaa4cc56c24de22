"""`Forecaster`: one series or many in; forecasts, their intervals, a backtest and a verdict out."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from elman import checks, io
from elman.forecast import intervals, saved
from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.baselines import baselines
from elman.forecast.columns import as_series, open_table
from elman.forecast.coverage import coverage
from elman.forecast.errors import DataError
from elman.forecast.folds import Fold, cut, make_folds
from elman.forecast.many import Recipe, find_seasons, pooled_errors, without_short
from elman.forecast.metrics import mase_scale, rmsse_scale
from elman.forecast.model import EFFORTS_OF_ONE, Model, least_rows, train_all
from elman.forecast.panel import Panel, as_panel
from elman.forecast.pooled import EFFORTS, PooledModel
from elman.forecast.result import Forecast, Forecasts
from elman.forecast.season import default_horizon, find_season
from elman.forecast.series import Series

__all__ = ["Forecaster"]

USUAL_LEVELS = (80.0, 95.0)
LONG = 1000  # rows from which a series alone is learned from as many are: windows enough for larger networks


class Forecaster:
    """Forecasts one series, or many with one model, by recurrent networks, and says whether that was worth it.

    horizon      rows to forecast; None: one season, else a tenth of the rows, at most 48
    season       rows in a season, 1 for none; for many series also several, such as (24, 168). None: found in the data
    context      rows that the network reads before each forecast; None: see `model.py` and, for many series or long
                 ones, `pooled.py`
    levels       intervals in percent; one that the backtest has too few residuals for is refused. None: of 80 and 95
                 those that it has enough for
    windows      backtest windows, the last ones of each series; 0: no backtest, so no intervals and no verdict
    freq         the step of the dates, where it should not be found: "D", "B", "15min", "ME", ... (`calendar.parse`)
    missing      "error", or "interpolate": holes are filled on straight lines
    effort       "fast", "normal" or "best": how much is trained, counted in updates, so that results repeat
    cell         "tanh", "relu", "gru" or "lstm";  hidden_size  units of each network;  members  networks in the
                 ensemble;  updates  of each, at most. None: what the effort says
    skip_bad     of many series, those that cannot be used are left out and told in `skipped_`; else the first is an
                 error
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
        self.skip_bad = skip_bad
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Forecaster:
        """Changes options; they are checked in `fit`."""
        known = tuple(self.get_params())
        for name, value in params.items():
            setattr(self, checks.choice("params", name, known), value)
        return self

    # ------------------------------------------------------------------------------------------- fit

    def fit(self, y: Any, *, target: str | None = None, time: Any = None, id: str | None = None) -> Forecaster:
        """Trains on one series: a `Series`, an array (n,), a data frame or its column, or the path of a CSV file; or
        on many: a mapping from ids to such, a list of arrays or Series, or a data frame or file in long form.

        target, time, id   columns of a data frame or file; beside an array, `time` holds the times. `unique_id`, `ds`
                           and `y` are found by themselves

        One series of less than `LONG` rows: a model is trained for each backtest window, on the rows before it alone,
        and one on all rows, which is kept. Longer, or many: one model without the rows of all windows, which is scored
        on them, and one on all rows.
        `DataError` for data that cannot be used, `ValueError` or `TypeError` for options that cannot.
        """
        read = self.read(y, target=target, time=time, id=id)
        if not isinstance(read, Series):
            return self._fit_many(read)
        if len(read) < LONG:
            return self._fit_short(read)
        self._fit_many(Panel({"": read}, {}))
        self.series_ = read
        self.backtest_ = None if self.backtest_ is None else replace(self.backtest_, series=())
        return self

    def read(self, y: Any, *, target: str | None = None, time: Any = None, id: str | None = None) -> Series | Panel:
        """What `fit` reads of these arguments, and takes in their place: a `Series`, or a dict of them by id."""
        if isinstance(y, str | os.PathLike):
            y = open_table(os.fspath(y))
        skip_bad = checks.flag("skip_bad", self.skip_bad)
        options: dict[str, Any] = {"target": target, "time": time, "freq": self.freq, "missing": self.missing}
        panel = as_panel(y, id=id, skip_bad=skip_bad, **options)
        return as_series(y, **options) if panel is None else panel

    def _fit_short(self, series: Series) -> Forecaster:
        rows = len(series)
        windows = checks.whole("windows", self.windows, low=0)
        effort = EFFORTS_OF_ONE[checks.choice("effort", self.effort, tuple(EFFORTS_OF_ONE))]
        settings = replace(effort, seed=checks.whole("seed", self.seed, low=0), **self._asked())
        usual = series.calendar.seasons if series.calendar is not None else ()
        season = self._season(series.values, usual)
        horizon = self._horizon() or default_horizon(rows, season)
        least = least_rows(horizon, season)
        folds = make_folds(rows, horizon, windows, least)
        if rows < least or (windows and not folds):
            raise _too_few(series, horizon, season, windows > 0)
        levels = self._levels(len(folds) * horizon)
        parts = [(series.values[: fold.validation], fold.train) for fold in folds]
        parts.append((series.values, cut(rows, horizon)))
        seasons = [self._season(values, usual) for values, _ in parts]
        for i, (values, _) in enumerate(parts):
            if least_rows(horizon, seasons[i]) > len(values):  # found, but too long to be learned from so few rows
                seasons[i] = 1
        *tested, model = train_all(parts, seasons, horizon, self.context, settings)
        self.series_: Any = series
        self.skipped_: dict[str, str] = {}
        self.horizon_, self.season_, self.levels_ = horizon, season, levels
        self.model_: Model | PooledModel = model
        self.backtest_ = _backtest(series, folds, tested, seasons) if folds else None
        return self

    def _fit_many(self, panel: Panel) -> Forecaster:
        windows = checks.whole("windows", self.windows, low=0)
        if self.levels is not None:  # before the work
            intervals.parse_levels(self.levels)
        panel, horizon = without_short(panel, self._seasons() or find_seasons(panel), self._horizon(), self.skip_bad)
        recipe = self._recipe(horizon)
        backtest = recipe.test(panel, windows)
        levels = self._levels(0 if backtest is None else backtest.truth.size)
        model = recipe.train(panel)
        self.series_, self.skipped_ = panel, panel.skipped
        self.horizon_, self.season_, self.levels_ = horizon, model.season, levels
        self.model_, self.backtest_ = model, backtest
        return self

    def _recipe(self, horizon: int) -> Recipe:
        effort = EFFORTS[checks.choice("effort", self.effort, tuple(EFFORTS))]._replace(**self._asked())
        return Recipe(self._seasons(), horizon, self.context, effort, checks.whole("seed", self.seed, low=0))

    def _asked(self) -> dict[str, Any]:
        """The options that say more than the effort does."""
        asked: dict[str, Any] = {}
        if self.cell is not None:
            asked["cell"] = checks.choice("cell", self.cell, ("tanh", "relu", "gru", "lstm"))
        for name in ("hidden_size", "members", "updates"):
            if getattr(self, name) is not None:
                asked[name] = checks.whole(name, getattr(self, name), low=1)
        return asked

    def _horizon(self) -> int | None:
        return None if self.horizon is None else checks.whole("horizon", self.horizon, low=1)

    def _seasons(self) -> tuple[int, ...] | None:
        if self.season is None:
            return None
        given = self.season if isinstance(self.season, list | tuple) else (self.season,)
        seasons = tuple(sorted(checks.whole("season", each, low=1) for each in given))
        if not seasons or any(b % a or a == b for a, b in pairwise(seasons)):
            raise ValueError(
                f"season: expected lengths of which each divides the next, got {checks.shown(self.season)}"
            )
        return seasons

    def backtest(self, windows: int | None = None) -> Backtest:
        """The backtest that `fit` made; with another number of windows, one made now on the fitted series.

        The forecaster itself and its intervals stay as they are.
        """
        self._check_fitted()
        if windows is None or windows == self.windows:
            return self._tested()
        windows = checks.whole("windows", windows, low=1)
        if isinstance(self.model_, PooledModel):
            one = isinstance(self.series_, Series)
            found = self._recipe(self.horizon_).test({"": self.series_} if one else self.series_, windows)
            if found is None:
                raise DataError(f"windows: the series are too short for a window of {self.horizon_} rows")
            return replace(found, series=()) if one else found
        other = Forecaster().set_params(**self.get_params())
        return other.set_params(windows=windows, horizon=self.horizon_, levels=None).fit(self.series_)._tested()

    def _season(self, values: np.ndarray, usual: Sequence[int]) -> int:
        if self.season is None:
            return find_season(values, usual)
        return checks.whole("season", self.season, low=1)

    def _levels(self, residuals: int) -> tuple[float, ...]:
        if self.levels is None:
            return tuple(level for level in USUAL_LEVELS if intervals.needed(level) <= residuals)
        levels = intervals.parse_levels(self.levels)
        intervals.check_enough(levels, residuals)
        return levels

    # --------------------------------------------------------------------------------------- forecast

    def predict(self, horizon: int | None = None, history: Any = None) -> Any:
        """The network's forecast (h,), h at most the fitted horizon; of many series one for each id.

        history   rows to forecast from instead of the fitted series: anything that `fit` takes, also series never seen,
                  with at least `model_.context` rows each
        """
        found = self.forecast(horizon, history, levels=())
        return {name: each.values for name, each in found.items()} if isinstance(found, Forecasts) else found.values

    def predict_interval(
        self, levels: Sequence[float] | None = None, horizon: int | None = None, history: Any = None
    ) -> Any:
        """Level in percent -> lower and upper bounds (h, 2) of the network's forecast, of many series for each id;
        None: the levels of `fit`."""
        found = self.forecast(horizon, history, levels=levels)
        if isinstance(found, Forecasts):
            return {name: dict(each.intervals) for name, each in found.items()}
        return dict(found.intervals)

    def predict_quantiles(
        self, quantiles: Any = (0.1, 0.5, 0.9), horizon: int | None = None, history: Any = None
    ) -> Any:
        """Quantiles (h, Q) of the network's forecast, of many series for each id. They are the ends of the intervals
        that hold |2q - 1|, and the forecast itself for 0.5, so they never cross; `ValueError` for one that lies too far
        out for the backtest's residuals."""
        if isinstance(quantiles, str) or not isinstance(quantiles, Sequence):
            raise TypeError(f"quantiles: expected a list of numbers such as (0.1, 0.9), got {checks.shown(quantiles)}")
        asked = [checks.number("quantiles", q, 0.0, 1.0, open_low=True) for q in quantiles]
        if 1.0 in asked or not asked:
            raise ValueError(f"quantiles: expected numbers between 0 and 1, got {checks.shown(quantiles)}")
        levels = [round(100.0 * abs(2.0 * q - 1.0), 9) for q in asked]
        found = self.forecast(horizon, history, levels=sorted({level for level in levels if level > 0.0}))

        def columns(forecast: Forecast) -> np.ndarray:
            return np.column_stack(
                [
                    forecast.intervals[level][:, int(q > 0.5)] if level > 0.0 else forecast.values
                    for q, level in zip(asked, levels, strict=True)
                ]
            )

        return {name: columns(each) for name, each in found.items()} if isinstance(found, Forecasts) else columns(found)

    def forecast(
        self,
        horizon: int | None = None,
        history: Any = None,
        *,
        levels: Sequence[float] | None = None,
        best: bool = False,
    ) -> Any:
        """Values, intervals and dates together: a `Forecast`, or of many series `Forecasts`, one for each id.

        best=True: the best baseline's where the network did not beat it."""
        self._check_fitted()
        h = self.horizon_ if horizon is None else checks.whole("horizon", horizon, low=1, high=self.horizon_)
        wanted = self.levels_ if levels is None else intervals.parse_levels(levels)
        source = NETWORK
        if checks.flag("best", best) and not self._tested().network_wins:
            source = self._tested().best_baseline
        series = self._history(history)
        panel = {"": series} if isinstance(series, Series) else series
        if isinstance(self.model_, PooledModel):
            found = self._forecast_pooled(self.model_, panel, h, wanted, source)
        else:
            found = {name: self._forecast_one(self.model_, each, h, wanted, source) for name, each in panel.items()}
        return found[""] if isinstance(series, Series) else Forecasts(found)

    def _forecast_one(self, model: Model, series: Series, h: int, levels: Sequence[float], source: str) -> Forecast:
        values = (
            model.predict(series.values)[:h] if source == NETWORK else baselines(series.values, h, model.season)[source]
        )
        bands: dict[float, np.ndarray] = {}
        if levels:
            tested = self._tested()
            bands = intervals.bands(
                values, tested.truth, tested.forecasts[source], levels,
                relative=model.plan.log, floor=_floor(series),
            )  # fmt: skip
        return Forecast(series, values, bands, source, self.backtest_)

    def _forecast_pooled(
        self, model: PooledModel, panel: Mapping[str, Series], h: int, levels: Sequence[float], source: str
    ) -> dict[str, Forecast]:
        values, units = (each[:, :h] for each in model.predict_with_units([s.values for s in panel.values()]))
        errors = pooled_errors(self._tested(), source) if levels else None
        found: dict[str, Forecast] = {}
        for (name, series), forecast, unit in zip(panel.items(), values, units, strict=True):
            if source != NETWORK:
                forecast = baselines(series.values, h, model.view.seasons[0])[source]
            made = {} if errors is None else errors.bands(name, forecast, unit, levels, _floor(series))
            own = self.backtest_
            if own is not None and own.series:
                own = own.of(name) if name in own.places else None
            found[name] = Forecast(series, forecast, made, source, own)
        return found

    def coverage(self) -> list[dict[str, Any]]:
        """How the intervals did in the backtest, each window calibrated on the others: for each level `level`,
        `covered` (percent of the rows) and `score`, the mean interval score over MASE's unit."""
        self._check_fitted()
        relative = isinstance(self.model_, Model) and self.model_.plan.log
        return coverage(self._tested(), self.levels_, relative=relative)

    def verdict(self) -> str:
        """By how much the network beats the best baseline in the backtest, or that it does not."""
        self._check_fitted()
        return self._tested().verdict()

    def _history(self, history: Any) -> Series | Mapping[str, Series]:
        if history is None:
            return self.series_
        series = self.read(history)
        for name, each in ({None: series} if isinstance(series, Series) else series).items():
            try:
                self.model_.check_history(each.values)
            except DataError as error:
                raise error if name is None else DataError(f"series {name!r}: {error}") from None
        return series

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
    def _from_file(cls, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Forecaster:
        return saved.restore(cls, description, tensors)

    def __repr__(self) -> str:
        changed = {
            n: v for n, v in self.get_params().items() if v != inspect.signature(type(self)).parameters[n].default
        }
        return f"Forecaster({', '.join(f'{name}={value!r}' for name, value in changed.items())})"


def _floor(series: Series) -> float:
    """What was never below zero is not forecast to be."""
    return 0.0 if series.values.min() >= 0.0 else -np.inf


def _too_few(series: Series, horizon: int, season: int, tested: bool) -> DataError:
    def need(steps: int) -> int:
        return least_rows(steps, season) + (steps if tested else 0)

    shorter = next((steps for steps in range(horizon - 1, 0, -1) if need(steps) <= len(series)), None)
    hint = "give more rows" if shorter is None else f"give more rows, or a horizon (--horizon) of at most {shorter}"
    return DataError(
        f"{len(series)} rows are too few to forecast {horizon} with season {season}: {need(horizon)} are needed;"
        f" {hint}",
        column=series.name,
    )


def _backtest(series: Series, folds: Sequence[Fold], models: Sequence[Model], seasons: Sequence[int]) -> Backtest:
    """Every fold's forecasts from the rows before it."""
    forecasts: dict[str, list[np.ndarray]] = {}
    scales: list[float] = []
    roots: list[float] = []
    for fold, model, season in zip(folds, models, seasons, strict=False):
        known, horizon = series.values[: fold.validation], fold.scored - fold.validation
        found = {NETWORK: model.predict(known), **baselines(known, horizon, season)}
        for name, values in found.items():
            forecasts.setdefault(name, []).append(values)
        scales.append(mase_scale(known, season))
        roots.append(rmsse_scale(known))
    return Backtest(
        np.array([series.values[fold.validation : fold.scored] for fold in folds]),
        {name: np.array(values) for name, values in forecasts.items()},
        np.array(scales),
        tuple((series.label(fold.validation), series.label(fold.scored - 1)) for fold in folds),
        tuple(fold.validation for fold in folds),
        root_scales=np.array(roots),
    )
