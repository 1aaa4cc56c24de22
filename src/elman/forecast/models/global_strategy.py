"""`GlobalStrategy`: one global model for many series, or for a long one, and its backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.estimators.ensemble import OnProgress, span
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child
from elman.forecast.evaluation.backtest import NETWORK, Backtest
from elman.forecast.evaluation.windows import backtest_of
from elman.forecast.models.global_model import DirectModel
from elman.forecast.models.global_training import specs, train_global, train_on
from elman.forecast.models.prediction import Model, Prediction
from elman.forecast.models.recursive_model import DENSITIES, RecursiveModel
from elman.forecast.models.window_spec import SEASON, WindowSpec, context_rows, min_rows
from elman.forecast.smoothing import SmoothingModels
from elman.series.errors import DataError
from elman.series.inputs import Inputs
from elman.series.panel import Panel
from elman.series.season import default_horizon
from elman.series.seasonal.panels import default_calendar, seasons_of
from elman.series.series import Series

__all__ = ["GlobalStrategy", "find_seasons"]

FEATURED = 96  # rows ahead at most, with the features of the dates that show: each is read twice for each row
UPDATE_SHARE = 5  # further training has the updates of the recipe divided by this number


def find_seasons(panel: Mapping[str, Series]) -> tuple[int, ...]:
    """Returns the seasons that the series share, one or two, in increasing order; (1,) for none (`seasons_of`)."""
    return seasons_of(panel).rows


@dataclass(frozen=True)
class GlobalStrategy:
    """The strategy for many series, or for a long one: it trains a global model (see `prediction.Strategy`).

    seasons, horizon, context   None: chosen for the series that a model is trained on
    recipe         hyperparameters of the networks
    seed           seed of all random numbers
    distribution, skip_seasons   see `WindowSpec`
    boxcox_lambda  see `WindowSpec`; None: chosen by trials
    calendar       names of calendar features that the networks read; None: those of `default_calendar`
    holidays       names of features of holidays, read besides
    base           see `WindowSpec`
    """

    seasons: tuple[int, ...] | None
    horizon: int | None
    context: int | None
    recipe: Recipe
    seed: int
    distribution: str = "median"
    skip_seasons: int = 1
    boxcox_lambda: float | None = None
    calendar: tuple[str, ...] | None = ()
    holidays: tuple[str, ...] = ()
    base: str = SEASON

    def resolve(self, panel: Panel, with_backtest: bool, skip_bad: bool) -> tuple[Panel, GlobalStrategy]:
        """Returns the series that are long enough, and a copy of the strategy whose horizon is chosen for them.

        `DataError` for the first series that is too short, unless `skip_bad` is set and others are long enough.
        """
        seasons = self.seasons or find_seasons(panel)
        horizon = self.horizon
        if horizon is None:
            horizon = default_horizon(int(np.median([len(series) for series in panel.values()])), seasons[0])
        least = min_rows(horizon, seasons)
        few = f"rows are too few to forecast {horizon} with season {seasons[-1]}: {least} are needed"
        short = {id: f"{len(series)} {few}" for id, series in panel.items() if len(series) < least}
        if short and (not skip_bad or len(short) == len(panel)):
            raise DataError(panel.problem(*next(iter(short.items()))))
        kept = panel.replaced({id: series for id, series in panel.items() if id not in short}, short)
        return kept, replace(self, horizon=horizon)

    def least_rows(self, seasons: Sequence[int]) -> int:
        """Returns the smallest number of rows of a series on which a model can be trained."""
        assert self.horizon is not None
        return min_rows(self.horizon, seasons)

    def seasons_of(self, panel: Panel) -> tuple[int, ...]:
        """Returns the seasons of the options, or those that most of the series have; (1,) for none."""
        return self.seasons or find_seasons(panel)

    def train(
        self,
        panel: Panel,
        on_progress: OnProgress | None = None,
        backtest: Backtest | None = None,
        smoothed: SmoothingModels | None = None,
    ) -> DirectModel | RecursiveModel:
        """Trains a model on all rows of the panel and returns it; `smoothed` is that of `SmoothingBase`."""
        return self._train(panel, on_progress, smoothed)

    def train_on(self, panel: Panel, model: Model, updates: int | None) -> DirectModel | RecursiveModel:
        """Returns a model whose networks are those of `model`, trained further on all rows of the panel.

        updates   number of updates; None: a fifth of those of the recipe

        A local model is not trained further; in its place a global model is trained anew.
        """
        if model.spec is None:
            return self.train(panel)
        recipe = replace(self.recipe, updates=updates or max(1, self.recipe.updates // UPDATE_SHARE))
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
        """Returns a backtest on the last windows of every series, or None if the series are too short for any.

        windows   number of windows; there are fewer if less than half of the series had enough rows before them
        step      number of rows from the start of one window to the start of the next; None: one horizon
        refit     True: one model for each window, trained on the rows before it; else one model for all windows,
                  trained on the rows before the first one
        """
        assert self.horizon is not None
        step = self.horizon if step is None else step
        most = max(map(len, panel.values())) // step + 1
        for count in range(min(windows, most), 0, -1):
            known = _before(panel, (count - 1) * step + self.horizon, 2 * self.horizon)
            if not known:
                continue
            seasons = find_seasons(known) if self.seasons is None else self.seasons
            known = {id: s for id, s in known.items() if len(s) >= min_rows(self.horizon, seasons)}
            if 2 * len(known) > len(panel):
                kept = panel.replaced({id: panel[id] for id in known})
                return replace(self, seasons=seasons)._backtest(kept, count, step, bool(refit), on_progress)
        return None

    def _backtest(self, panel: Panel, count: int, step: int, refit: bool, on_progress: OnProgress | None) -> Backtest:
        """Returns the backtest on the last `count` windows of every series."""
        assert self.horizon is not None
        assert self.seasons is not None
        horizon, model = self.horizon, None
        backs = [horizon + k * step for k in range(count - 1, -1, -1)]  # rows from the start of each window to the end
        parts: list[Prediction] = []
        for k, back in enumerate(backs):
            known = _before(panel, back, 0)
            if model is None or refit:
                share = (k / count, (k + 1) / count) if refit else (0.0, 1.0)
                model = self._train(known, span(on_progress, *share))
            parts.append(model.predict(known))
        windows = [(id, len(series) - back) for id, series in panel.items() for back in backs]
        forecasts = np.stack([part.values for part in parts], axis=1)  # (N, count, h)
        scales = np.stack([part.error_scale for part in parts if part.error_scale is not None], axis=1)
        return backtest_of(
            panel,
            windows,
            {NETWORK: forecasts.reshape(-1, horizon)},
            [self.seasons[0]] * len(windows),
            refit,
            scales.reshape(-1, horizon, 2),
        )

    def _train(
        self, panel: Mapping[str, Series], on_progress: OnProgress | None, smoothed: SmoothingModels | None = None
    ) -> DirectModel | RecursiveModel:
        """Trains a model on these series, choosing what the options leave open, and returns it."""
        assert self.horizon is not None
        seasons = self.seasons or find_seasons(panel)
        series = [each.fill_masked(seasons[0]) for each in panel.values()]
        rows = np.array([len(each) for each in series])
        # a recursive model reads row by row, which makes a long context slow; it improves forecasts little
        default = sum(seasons) if self.distribution in DENSITIES else None
        context = context_rows(self.context, rows, self.horizon, seasons, default)
        if self.skip_seasons > context // seasons[0]:
            raise DataError(
                f"skip_seasons: {self.skip_seasons} seasons are more than the {context // seasons[0]} that a window"
                " reads"
            )
        calendar = self.calendar or ()
        if self.calendar is None and self.horizon <= FEATURED:
            calendar = default_calendar(panel)
        spec = WindowSpec(
            tuple(seasons),
            context,
            self.horizon,
            seasons[0],
            1.0,
            self.distribution,
            self.skip_seasons,
            any(each.masked for each in series),
            Inputs.of(series, calendar + self.holidays),
            self.base,
        )
        trials = specs(series, seasons, self.boxcox_lambda, spec)
        return train_global(series, trials, self.recipe, child(self.seed), on_progress, smoothed)


def _before(panel: Mapping[str, Series], back: int, least: int) -> dict[str, Series]:
    """Returns the series without their last `back` rows, omitting those with less than `least` rows left, or none."""
    heads = {id: series.head(max(0, len(series) - back)) for id, series in panel.items()}
    return {id: head for id, head in heads.items() if len(head) >= max(least, 1)}
