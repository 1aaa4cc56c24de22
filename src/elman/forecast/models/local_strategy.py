"""Forecasting one short series: a local model, and in the backtest one for each window, of the rows before it alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.estimators.ensemble import OnProgress
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.folds import cut, make_folds
from elman.forecast.evaluation.windows import backtest_of
from elman.forecast.models.local_model import LocalModel, Split, train_local
from elman.forecast.models.local_windows import LAGS, least_rows
from elman.forecast.models.prediction import Model
from elman.series.errors import DataError
from elman.series.panel import Panel
from elman.series.season import default_horizon, find_season
from elman.series.series import Series

__all__ = ["LocalStrategy"]


@dataclass(frozen=True)
class LocalStrategy:
    """How a model of one short series is made and tested (see `prediction.Strategy`).

    season, horizon, context   None: what suits the rows that a model is made of
    """

    season: int | None
    horizon: int | None
    context: int | None
    recipe: Recipe
    seed: int
    boxcox_lambda: float | None = None
    calendar: tuple[str, ...] = ()
    lags: int = LAGS

    def resolve(self, panel: Panel, tested: bool, skip_bad: bool) -> tuple[Panel, LocalStrategy]:
        """The panel as it is, and the strategy with the horizon that suits it. `DataError` for too few rows."""
        series = panel.only
        season = self._season(series)
        horizon = self.horizon or default_horizon(len(series), season)
        if len(series) < least_rows(horizon, season) + (horizon if tested else 0):
            raise _too_few(series, horizon, season, tested)
        return panel, replace(self, horizon=horizon)

    def train(self, panel: Panel, on_progress: OnProgress | None = None) -> LocalModel:
        """The model of all rows."""
        assert self.horizon is not None
        series = panel.only
        split = Split(series, cut(len(series), self.horizon), self._season(series), child(self.seed, Use.MEMBERS))
        return self._train([split], on_progress)[0]

    def train_on(self, panel: Panel, model: Model, updates: int | None) -> LocalModel:
        """The model of all rows, made afresh: that takes a second."""
        return self.train(panel)

    def backtest(
        self,
        panel: Panel,
        windows: int,
        step: int | None = None,
        refit: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> Backtest | None:
        """The last windows, each forecast by a model of the rows before it; refit=False: all by the first one's model.
        They are `step` rows apart (None: a horizon, or less where rows are few); fewer where even that is too much, and
        None where not one window is left."""
        assert self.horizon is not None
        ((id, series),) = panel.items()
        folds = make_folds(len(series), self.horizon, windows, least_rows(self.horizon, self._season(series)), step)
        if not folds:
            return None
        refit = refit is not False
        splits: list[Split] = []
        for fold in folds if refit else folds[:1]:
            head = series.head(fold.validation)
            season = self._season(head)
            if least_rows(self.horizon, season) > len(head):  # found, but too long to be learned from so few rows
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
            np.array(forecasts),
            [model.season for model in models],
            refit,
            relative=2 * logarithms > len(models),
        )

    def _train(self, splits: Sequence[Split], on_progress: OnProgress | None) -> list[LocalModel]:
        assert self.horizon is not None
        return train_local(
            splits, self.horizon, self.context, self.recipe, self.lags, self.boxcox_lambda, self.calendar, on_progress
        )

    def _season(self, series: Series) -> int:
        if self.season is not None:
            return self.season
        return find_season(series.values, series.calendar.seasons if series.calendar is not None else ())


def _too_few(series: Series, horizon: int, season: int, tested: bool) -> DataError:
    def need(steps: int) -> int:
        return least_rows(steps, season) + (steps if tested else 0)

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
