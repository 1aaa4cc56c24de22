"""Forecasting many series, or a long one: one global model for all, tested on the last windows of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.estimators.ensemble import OnProgress, span
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.windows import backtest_of
from elman.forecast.models.global_model import DirectModel
from elman.forecast.models.global_training import specs, train_global, train_on
from elman.forecast.models.prediction import Model, Prediction
from elman.forecast.models.recursive_model import DENSITIES, RecursiveModel
from elman.forecast.models.window_spec import WindowSpec, context_rows, least_rows
from elman.series.errors import DataError
from elman.series.inputs import Inputs
from elman.series.panel import Panel
from elman.series.season import default_horizon, find_season
from elman.series.series import Series

__all__ = ["GlobalStrategy", "find_seasons"]

ASKED = 100  # series that are asked for their season
GO_ON = 5  # training goes on for one in so many of the recipe's updates


def find_seasons(panel: Mapping[str, Series]) -> tuple[int, ...]:
    """The seasons that most of the series show, short to long; (1,) for none.

    A longer one is added only where the calendar knows it (a week of hours) and most series are three of it long.
    """
    every = max(1, len(panel) // ASKED)
    asked = list(panel.values())[::every]
    usual = asked[0].calendar.seasons if asked[0].calendar is not None else ()
    short = Counter(find_season(series.values, usual) for series in asked).most_common(1)[0][0]
    longer = [m for m in usual if m > short > 1 and m % short == 0]
    rows = float(np.median([len(series) for series in asked]))
    for m in sorted(longer, reverse=True):
        if 3 * m <= rows and 2 * sum(find_season(series.values, (m,)) == m for series in asked) > len(asked):
            return short, m
    return (short,)


@dataclass(frozen=True)
class GlobalStrategy:
    """How a model of many series, or of a long one, is made and tested (see `prediction.Strategy`).

    seasons, horizon, context   None: what suits the series that a model is made of
    distribution, skip_seasons, boxcox_lambda   as in `WindowSpec`; a lambda of None is found
    """

    seasons: tuple[int, ...] | None
    horizon: int | None
    context: int | None
    recipe: Recipe
    seed: int
    distribution: str = "median"
    skip_seasons: int = 1
    boxcox_lambda: float | None = None
    calendar: tuple[str, ...] = ()

    def resolve(self, panel: Panel, tested: bool, skip_bad: bool) -> tuple[Panel, GlobalStrategy]:
        """The series that are long enough, and the strategy with the horizon that suits them. `DataError` for the first
        series that is too short, unless it may be skipped."""
        seasons = self.seasons or find_seasons(panel)
        horizon = self.horizon
        if horizon is None:
            horizon = default_horizon(int(np.median([len(series) for series in panel.values()])), seasons[0])
        least = least_rows(horizon, seasons)
        few = f"rows are too few to forecast {horizon} with season {seasons[-1]}: {least} are needed"
        short = {id: f"{len(series)} {few}" for id, series in panel.items() if len(series) < least}
        if short and (not skip_bad or len(short) == len(panel)):
            raise DataError(panel.problem(*next(iter(short.items()))))
        kept = panel.replaced({id: series for id, series in panel.items() if id not in short}, short)
        return kept, replace(self, horizon=horizon)

    def train(self, panel: Panel, on_progress: OnProgress | None = None) -> DirectModel | RecursiveModel:
        """The model of all rows of these series."""
        return self._train(list(panel.values()), on_progress)

    def train_on(self, panel: Panel, model: Model, updates: int | None) -> DirectModel | RecursiveModel:
        """A model whose networks go on from those of `model`, for `updates` updates (None: a fifth of the usual)."""
        if model.spec is None:
            return self.train(panel)
        recipe = replace(self.recipe, updates=updates or max(1, self.recipe.updates // GO_ON))
        series = [each.fill_masked(model.seasons[0]) for each in panel.values()]
        seed = child(self.seed, Use.UPDATE, sum(map(len, series)))
        return train_on(series, model.spec, model.networks, recipe, seed)

    def backtest(
        self,
        panel: Panel,
        windows: int,
        step: int | None = None,
        refit: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> Backtest | None:
        """The last windows of every series, `step` rows apart (None: a horizon), by a model that saw nothing after the
        first of them, in any series; refit: by one for each window, that saw nothing after its beginning. At most
        `windows`, fewer where too few rows would be left; None where not one is."""
        assert self.horizon is not None
        step = self.horizon if step is None else step
        most = max(map(len, panel.values())) // step + 1
        for count in range(min(windows, most), 0, -1):
            known = _before(panel, (count - 1) * step + self.horizon, 2 * self.horizon)
            if not known:
                continue
            seasons = find_seasons(known) if self.seasons is None else self.seasons
            known = {id: s for id, s in known.items() if len(s) >= least_rows(self.horizon, seasons)}
            if 2 * len(known) > len(panel):
                tested = panel.replaced({id: panel[id] for id in known})
                return replace(self, seasons=seasons)._backtest(tested, count, step, bool(refit), on_progress)
        return None

    def _backtest(self, panel: Panel, count: int, step: int, refit: bool, on_progress: OnProgress | None) -> Backtest:
        assert self.horizon is not None
        assert self.seasons is not None
        horizon, model = self.horizon, None
        backs = [horizon + k * step for k in range(count - 1, -1, -1)]  # rows from a window's first to the end
        parts: list[Prediction] = []
        for k, back in enumerate(backs):
            known = _before(panel, back, 0)
            if model is None or refit:
                share = (k / count, (k + 1) / count) if refit else (0.0, 1.0)
                model = self._train(list(known.values()), span(on_progress, *share))
            parts.append(model.predict(known))
        windows = [(id, len(series) - back) for id, series in panel.items() for back in backs]
        forecasts = np.stack([part.values for part in parts], axis=1)  # (N, count, h)
        scales = np.stack([part.error_scale for part in parts if part.error_scale is not None], axis=1)
        return backtest_of(
            panel,
            windows,
            forecasts.reshape(-1, horizon),
            [self.seasons[0]] * len(windows),
            refit,
            scales.reshape(-1, horizon, 2),
        )

    def _train(self, series: Sequence[Series], on_progress: OnProgress | None) -> DirectModel | RecursiveModel:
        assert self.horizon is not None
        seasons = self.seasons or find_seasons({str(i): each for i, each in enumerate(series)})
        series = [each.fill_masked(seasons[0]) for each in series]
        rows = np.array([len(each) for each in series])
        # row by row, a long context is slow and brings little
        most = sum(seasons) if self.distribution in DENSITIES else None
        context = context_rows(self.context, rows, self.horizon, seasons, most)
        if self.skip_seasons > context // seasons[0]:
            raise DataError(
                f"skip_seasons: {self.skip_seasons} seasons are more than the {context // seasons[0]} that a window"
                " reads"
            )
        usual = WindowSpec(
            tuple(seasons),
            context,
            self.horizon,
            seasons[0],
            1.0,
            self.distribution,
            self.skip_seasons,
            any(each.masked for each in series),
            Inputs.of(series, self.calendar),
        )
        tried = specs(series, seasons, self.boxcox_lambda, usual)
        return train_global(series, tried, self.recipe, child(self.seed), on_progress)


def _before(panel: Mapping[str, Series], back: int, least: int) -> dict[str, Series]:
    """Each series without its last `back` rows, where more than `least` are left."""
    heads = {id: series.head(max(0, len(series) - back)) for id, series in panel.items()}
    return {id: head for id, head in heads.items() if len(head) >= max(least, 1)}
