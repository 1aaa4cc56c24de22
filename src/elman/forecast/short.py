"""A forecaster's fit on one short series: a model for each backtest window, on the rows before it alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.forecast.backtest import Backtest
from elman.forecast.folds import cut, make_folds
from elman.forecast.many import backtest_of
from elman.forecast.model import Job, Model, Settings, least_rows, train_all
from elman.forecast.pooled import Tell
from elman.series.errors import DataError
from elman.series.panel import Panel
from elman.series.season import default_horizon, find_season
from elman.series.series import Series

__all__ = ["ShortRecipe"]


@dataclass(frozen=True)
class ShortRecipe:
    """What a model of one short series is made by; `season` None: found in the rows it is made of."""

    season: int | None
    horizon: int | None
    context: int | None
    settings: Settings
    power: float | None = None
    calendar: tuple[str, ...] = ()

    def ready(self, panel: Panel, tested: bool, skip_bad: bool) -> tuple[Panel, ShortRecipe]:
        """The panel as it is, and the recipe with the horizon that suits it. `DataError` for too few rows."""
        (series,) = panel.values()
        season = self._season(series)
        horizon = self.horizon or default_horizon(len(series), season)
        if len(series) < least_rows(horizon, season) + (horizon if tested else 0):
            raise _too_few(series, horizon, season, tested)
        return panel, replace(self, horizon=horizon)

    def train(self, panel: Mapping[str, Series], start: Model | None = None, tell: Tell | None = None) -> Model:
        """The model of all rows; `start` is not gone on from, and nothing is told: it takes a second."""
        (series,) = panel.values()
        return self._train([(series, self._cut(len(series)))], [self._season(series)])[0]

    def test(
        self,
        panel: Mapping[str, Series],
        windows: int,
        step: int | None = None,
        refit: bool | None = None,
        tell: Tell | None = None,
    ) -> Backtest | None:
        """The last windows, each forecast by a model of the rows before it; refit=False: all by the first one's model.
        They are `step` rows apart (None: a horizon, or less where rows are few); fewer where even that is too much, and
        None where not one window is left."""
        assert self.horizon is not None
        ((name, series),) = panel.items()
        folds = make_folds(len(series), self.horizon, windows, least_rows(self.horizon, self._season(series)), step)
        if not folds:
            return None
        heads = [series.head(fold.validation) for fold in folds]
        if refit is False:
            heads = heads[:1]
        seasons = [self._season(head) for head in heads]
        for i, head in enumerate(heads):
            if least_rows(self.horizon, seasons[i]) > len(head):  # found, but too long to be learned from so few rows
                seasons[i] = 1
        models = self._train([(head, fold.train) for head, fold in zip(heads, folds, strict=False)], seasons)
        if refit is False:
            models, seasons = models * len(folds), seasons * len(folds)
        forecasts = [m.predict(series.head(f.validation)) for m, f in zip(models, folds, strict=True)]
        places = [(name, fold.validation) for fold in folds]
        found = backtest_of(panel, places, np.array(forecasts), seasons, refit is not False)
        return replace(found, relative=2 * sum(model.plan.power == 0.0 for model in models) > len(models))

    def _train(self, parts: Sequence[tuple[Series, int]], seasons: Sequence[int]) -> list[Model]:
        assert self.horizon is not None
        jobs = [Job(series, train, season) for (series, train), season in zip(parts, seasons, strict=True)]
        return train_all(jobs, self.horizon, self.context, self.settings, self.power, self.calendar)

    def _cut(self, rows: int) -> int:
        assert self.horizon is not None
        return cut(rows, self.horizon)

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
