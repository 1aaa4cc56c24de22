"""`Forecaster`: one series in; a forecast, its intervals, a backtest and a verdict out."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman import checks, io
from elman.forecast import intervals, saved
from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.baselines import baselines
from elman.forecast.columns import as_series
from elman.forecast.errors import DataError
from elman.forecast.folds import Fold, cut, make_folds
from elman.forecast.metrics import mase_scale
from elman.forecast.model import Model, Settings, least_rows, train_all
from elman.forecast.result import Forecast
from elman.forecast.season import default_horizon, find_season
from elman.forecast.series import Series

__all__ = ["Forecaster"]

USUAL_LEVELS = (80.0, 95.0)


class Forecaster:
    """Forecasts one series with an ensemble of small recurrent networks, and says whether that was worth it.

    horizon      rows to forecast; None: one season, else a tenth of the rows, at most 48
    season       rows in a season, 1 for none; None: found in the data
    context      rows that the network reads before each forecast; None: two seasons and a little, see `model.py`
    levels       intervals in percent; one that the backtest has too few residuals for is refused. None: of 80 and 95
                 those that it has enough for
    windows      backtest windows, the last ones of the series; 0: no backtest, so no intervals and no verdict
    freq         the step of the dates, where it should not be found: "D", "B", "15min", "ME", ... (`calendar.parse`)
    missing      "error", or "interpolate": holes are filled on straight lines
    cell         "tanh", "relu", "gru" or "lstm";  hidden_size  units of each network
    members      networks in the ensemble;  updates  at most so many steps of the optimiser for each
    seed         of everything random: the same seed, engine and data give the same bits

    Options are stored as they are and checked in `fit`. Fitted: `series_`, `horizon_`, `season_`, `model_`, `levels_`,
    `backtest_` (None with windows=0).
    """

    def __init__(
        self,
        *,
        horizon: int | None = None,
        season: int | None = None,
        context: int | None = None,
        levels: Sequence[float] | None = None,
        windows: int = 6,
        freq: str | None = None,
        missing: str = "error",
        cell: str = "tanh",
        hidden_size: int = 4,
        members: int = 5,
        updates: int = 300,
        seed: int = 0,
    ) -> None:
        self.horizon = horizon
        self.season = season
        self.context = context
        self.levels = levels
        self.windows = windows
        self.freq = freq
        self.missing = missing
        self.cell = cell
        self.hidden_size = hidden_size
        self.members = members
        self.updates = updates
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

    def fit(self, y: Any, *, target: str | None = None, time: Any = None) -> Forecaster:
        """Trains on a series: a `Series`, an array (n,), a data frame or its column, or the path of a CSV file.

        target, time   columns of a data frame or file; beside an array, `time` holds the times

        One model is trained for each backtest window, on the rows before it alone, and one on all rows, which is kept.
        `DataError` for data that cannot be used, `ValueError` or `TypeError` for options that cannot.
        """
        series = as_series(y, target=target, time=time, freq=self.freq, missing=self.missing)
        rows = len(series)
        windows = checks.whole("windows", self.windows, low=0)
        settings = Settings(
            cell=checks.choice("cell", self.cell, ("tanh", "relu", "gru", "lstm")),
            hidden_size=checks.whole("hidden_size", self.hidden_size, low=1),
            members=checks.whole("members", self.members, low=1),
            updates=checks.whole("updates", self.updates, low=1),
            seed=checks.whole("seed", self.seed, low=0),
        )
        usual = series.calendar.seasons if series.calendar is not None else ()
        season = self._season(series.values, usual)
        given = None if self.horizon is None else checks.whole("horizon", self.horizon, low=1)
        horizon = default_horizon(rows, season) if given is None else given
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
        self.series_ = series
        self.horizon_, self.season_, self.levels_ = horizon, season, levels
        self.model_ = model
        self.backtest_ = _backtest(series, folds, tested, seasons) if folds else None
        return self

    def backtest(self, windows: int | None = None) -> Backtest:
        """The backtest that `fit` made; with another number of windows, one made now on the fitted series.

        The forecaster itself and its intervals stay as they are.
        """
        self._check_fitted()
        if windows is None or windows == self.windows:
            return self._tested()
        other = (
            Forecaster()
            .set_params(**self.get_params())
            .set_params(windows=checks.whole("windows", windows, low=1), horizon=self.horizon_, levels=None)
        )
        return other.fit(self.series_)._tested()

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

    def predict(self, horizon: int | None = None, history: Any = None) -> np.ndarray:
        """The network's forecast (h,), h at most the fitted horizon.

        history   rows to forecast from instead of the fitted series: anything that `fit` takes, with at least
                  `model_.context` rows
        """
        self._check_fitted()
        h = self.horizon_ if horizon is None else checks.whole("horizon", horizon, low=1, high=self.horizon_)
        return self.model_.predict(self._history(history).values)[:h]

    def predict_interval(
        self, levels: Sequence[float] | None = None, horizon: int | None = None, history: Any = None
    ) -> dict[float, np.ndarray]:
        """Level in percent -> lower and upper bounds (h, 2) of the network's forecast; None: the levels of `fit`."""
        return dict(self.forecast(horizon, history, levels=levels).intervals)

    def forecast(
        self,
        horizon: int | None = None,
        history: Any = None,
        *,
        levels: Sequence[float] | None = None,
        best: bool = False,
    ) -> Forecast:
        """Values, intervals and dates together; best=True: the best baseline's where the network did not beat it."""
        self._check_fitted()
        series = self._history(history)
        wanted = self.levels_ if levels is None else intervals.parse_levels(levels)
        model = NETWORK
        if checks.flag("best", best) and not self._tested().network_wins:
            model = self._tested().best_baseline
        values = self.predict(horizon, series)
        if model != NETWORK:
            values = baselines(series.values, len(values), self.season_)[model]
        bands: dict[float, np.ndarray] = {}
        if wanted:
            tested = self._tested()
            bands = intervals.bands(
                values, tested.truth, tested.forecasts[model], wanted,
                relative=self.model_.plan.log, floor=0.0 if series.values.min() >= 0.0 else -np.inf,
            )  # fmt: skip
        return Forecast(series, values, bands, model, self.backtest_)

    def verdict(self) -> str:
        """By how much the network beats the best baseline in the backtest, or that it does not."""
        self._check_fitted()
        return self._tested().verdict()

    def _history(self, history: Any) -> Series:
        if history is None:
            return self.series_
        series = as_series(history, freq=self.freq, missing=self.missing)
        self.model_.check_history(series.values)
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
    for fold, model, season in zip(folds, models, seasons, strict=False):
        known, horizon = series.values[: fold.validation], fold.scored - fold.validation
        found = {NETWORK: model.predict(known), **baselines(known, horizon, season)}
        for name, values in found.items():
            forecasts.setdefault(name, []).append(values)
        scales.append(mase_scale(known, season))
    return Backtest(
        np.array([series.values[fold.validation : fold.scored] for fold in folds]),
        {name: np.array(values) for name, values in forecasts.items()},
        np.array(scales),
        tuple((series.label(fold.validation), series.label(fold.scored - 1)) for fold in folds),
        tuple(fold.validation for fold in folds),
    )
