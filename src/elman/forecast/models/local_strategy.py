"""`LocalStrategy`: a local model for one short series, and a backtest with one model for each window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.estimators.ensemble import OnProgress
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child
from elman.forecast.evaluation.backtest import NETWORK, Backtest
from elman.forecast.evaluation.folds import cut, make_folds
from elman.forecast.evaluation.windows import backtest_of
from elman.forecast.models.local_model import LocalModel, Split, train_local
from elman.forecast.models.local_windows import LAGS, min_rows
from elman.forecast.models.prediction import Model
from elman.series.errors import DataError
from elman.series.panel import Panel
from elman.series.season import default_horizon, find_season
from elman.series.series import Series

__all__ = ["LocalStrategy"]


@dataclass(frozen=True)
class LocalStrategy:
    """The strategy for one short series: it trains a local model (see `prediction.Strategy`).

    season, horizon, context   None: chosen for the rows that a model is trained on
    recipe         hyperparameters of the networks
    seed           seed of all random numbers
    boxcox_lambda  lambda of the Box-Cox transformation; None: chosen on the validation rows
    calendar       names of calendar features that the networks read
    lags           number of rows that a step of the network reads
    """

    season: int | None
    horizon: int | None
    context: int | None
    recipe: Recipe
    seed: int
    boxcox_lambda: float | None = None
    calendar: tuple[str, ...] = ()
    lags: int = LAGS

    def resolve(self, panel: Panel, with_backtest: bool, skip_bad: bool) -> tuple[Panel, LocalStrategy]:
        """Returns the panel as it is, and a copy of the strategy with its horizon. `DataError` for too few rows."""
        series = panel.only
        season = self._season(series)
        horizon = self.horizon or default_horizon(len(series), season)
        if len(series) < min_rows(horizon, season) + (horizon if with_backtest else 0):
            raise _too_few(series, horizon, season, with_backtest)
        return panel, replace(self, horizon=horizon)

    def least_rows(self, seasons: Sequence[int]) -> int:
        """Returns the smallest number of rows on which a model can be trained."""
        assert self.horizon is not None
        return min_rows(self.horizon, seasons[0])

    def seasons_of(self, panel: Panel) -> tuple[int, ...]:
        """Returns the season of the options as a tuple of one, or the one found in the series."""
        return (self._season(panel.only),)

    def train(
        self, panel: Panel, on_progress: OnProgress | None = None, backtest: Backtest | None = None
    ) -> LocalModel:
        """Trains a model on all rows of the series and returns it."""
        assert self.horizon is not None
        series = panel.only
        split = Split(series, cut(len(series), self.horizon), self._season(series), child(self.seed, Use.MEMBERS))
        return self._train([split], on_progress)[0]

    def train_on(self, panel: Panel, model: Model, updates: int | None) -> LocalModel:
        """Returns a model trained anew on all rows of the series, which takes about a second."""
        return self.train(panel)

    def backtest(
        self,
        panel: Panel,
        windows: int,
        step: int | None = None,
        refit: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> Backtest | None:
        """Returns a backtest on the last windows of the series, or None if the series is too short for any.

        windows   number of windows; there are fewer if the series is too short
        step      number of rows from the start of one window to the start of the next; None: one horizon, or less if
                  the series is short
        refit     False: the model of the first window forecasts all windows; else each window has a model of its own,
                  trained on the rows before it
        """
        assert self.horizon is not None
        ((id, series),) = panel.items()
        folds = make_folds(len(series), self.horizon, windows, min_rows(self.horizon, self._season(series)), step)
        if not folds:
            return None
        refit = refit is not False
        splits: list[Split] = []
        for fold in folds if refit else folds[:1]:
            head = series.head(fold.validation)
            season = self._season(head)
            if min_rows(self.horizon, season) > len(head):  # the rows have a season, but are too few to train with it
                season = 1
            splits.append(Split(head, fold.train, season, child(self.seed, Use.MEMBERS)))
        models = self._train(splits, on_progress)
        if not refit:
            models *= len(folds)
        forecasts = [
            model.predict({id: series.head(fold.validation)}).values[0]
            for model, fold in zip(models, folds, strict=True)
        ]
        logarithms = sum(model.configuration.boxcox_lambda == 0.0 for model in models)
        return backtest_of(
            panel,
            [(id, fold.validation) for fold in folds],
            {NETWORK: np.array(forecasts)},
            [model.season for model in models],
            refit,
            relative=2 * logarithms > len(models),
        )

    def _train(self, splits: Sequence[Split], on_progress: OnProgress | None) -> list[LocalModel]:
        """Trains a model for each split and returns the models."""
        assert self.horizon is not None
        return train_local(
            splits, self.horizon, self.context, self.recipe, self.lags, self.boxcox_lambda, self.calendar, on_progress
        )

    def _season(self, series: Series) -> int:
        """Returns the season of the options, or the one found in the series."""
        if self.season is not None:
            return self.season
        return find_season(series.values, series.calendar.seasons if series.calendar is not None else ())


def _too_few(series: Series, horizon: int, season: int, with_backtest: bool) -> DataError:
    """Returns the error for a series that is too short, which says how many rows or which horizon would do."""

    def need(steps: int) -> int:
        return min_rows(steps, season) + (steps if with_backtest else 0)

    shorter = bisect_right(range(1, horizon), len(series), key=need)  # the longest horizon that these rows allow
    hint = "give more rows"
    if shorter:
        hint += f", or a horizon (--horizon) of at most {shorter}"
    elif season > 1:
        hint += ", or a shorter season (--season)"
    return DataError(
        f"{len(series)} rows are too few to forecast {horizon} with season {season}: {need(horizon)} are needed;"
        f" {hint}",
        column=series.name,
    )
