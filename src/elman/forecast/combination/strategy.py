"""`CombinedStrategy`: trains a combined model and backtests it, each window with weights that other windows suggest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.estimators.ensemble import OnProgress
from elman.forecast.combination.folds import learning_folds
from elman.forecast.combination.members import (
    LEAST_ROWS,
    LINEAR,
    NETWORK,
    ON_SMOOTHING,
    PERIODS,
    knows_season,
    member_forecasts,
)
from elman.forecast.combination.model import CombinedModel, combined, far, forecasts_of
from elman.forecast.combination.places import SPREAD, first_rows, rows_apart
from elman.forecast.combination.suggested import suggested_weights, without_members
from elman.forecast.combination.weights import Weights
from elman.forecast.combination.yearly import with_year, without_year
from elman.forecast.evaluation.backtest import COMBINATION, TRAINED, Backtest
from elman.forecast.evaluation.baselines import ALWAYS
from elman.forecast.evaluation.windows import backtest_of
from elman.forecast.models.global_model import DirectModel
from elman.forecast.models.global_strategy import GlobalStrategy
from elman.forecast.models.linear_model import LinearModel, train_linear
from elman.forecast.models.local_strategy import LocalStrategy
from elman.forecast.models.prediction import Model
from elman.forecast.models.recursive_model import RecursiveModel
from elman.forecast.smoothing import SmoothingModels
from elman.series.errors import DataError
from elman.series.panel import Panel
from elman.series.season import default_horizon, shown_season
from elman.series.seasonal.panels import year_of
from elman.series.seasonal.year import rows_per_year
from elman.series.series import Series

__all__ = ["CombinedStrategy"]

TESTED = 3  # windows by which the weights are learned where no backtest is asked for
FARTHEST = 5  # times as many rows as a series has may be forecast
MANY, LAST = 20, 3  # of so many series, the windows lie in the last third of the rows, or there is one alone
ENOUGH, LEAST = 10_000, 2  # windows of all series together; no fewer of each for that
QUARTER = 4  # of a year, that a forecast reaches, has no rules that know no year
LEARNED = 50  # windows of all series together, below which networks make exponential smoothing worse


@dataclass(frozen=True)
class CombinedStrategy:
    """The strategy for any series of at least three rows: it trains a combined model (see `prediction.Strategy`).

    Series too short for the network, or too few to test it, are forecast without it.

    network   the strategy of the network
    smoothed  the strategy of the network that corrects exponential smoothing
    horizon   None: chosen for the series
    members   names of what is combined
    """

    network: LocalStrategy | GlobalStrategy
    smoothed: GlobalStrategy
    horizon: int | None
    members: tuple[str, ...]

    def resolve(self, panel: Panel, with_backtest: bool, skip_bad: bool) -> tuple[Panel, CombinedStrategy]:
        """Returns the series of at least `LEAST_ROWS` rows, and a copy of the strategy whose horizon is chosen.

        `DataError` for the first series that is too short, unless `skip_bad` is set and others are long enough.
        """
        short = {
            id: f"{len(series)} rows are too few to forecast: {LEAST_ROWS} are needed"
            for id, series in panel.items()
            if len(series) < LEAST_ROWS
        }
        if short and (not skip_bad or len(short) == len(panel)):
            raise DataError(panel.problem(*next(iter(short.items()))))
        kept = panel.replaced({id: series for id, series in panel.items() if id not in short}, short)
        rows = [len(series) for series in kept.values()]
        seasons = self.seasons_of(kept)
        horizon = self.horizon or default_horizon(int(np.median(rows)), shown_season(seasons[0], max(rows)))
        if horizon > FARTHEST * max(rows):
            raise DataError(
                f"horizon: {max(rows)} rows are too few to forecast {horizon}; expected at most {FARTHEST * max(rows)}"
            )
        network, smoothed = (replace(each, horizon=horizon) for each in (self.network, self.smoothed))
        return kept, replace(self, horizon=horizon, network=network, smoothed=smoothed)

    def seasons_of(self, panel: Panel) -> tuple[int, ...]:
        """Returns the seasons of the options, or those found in the series; (1,) for none."""
        return self.network.seasons_of(panel)

    def train(
        self, panel: Panel, on_progress: OnProgress | None = None, backtest: Backtest | None = None
    ) -> CombinedModel:
        """Trains a model on all rows of the panel and returns it.

        backtest   by which the weights are learned; None: one is made for that
        """
        assert self.horizon is not None
        if backtest is None:
            backtest = self.backtest(panel, TESTED)
        there = tuple(name for name in self.members if name not in TRAINED)
        weights = self._weights(backtest, self._without(panel), there)
        seasons, year = self.seasons_of(panel), self._year(panel)
        rest = panel.replaced(without_year(panel, year)[0])
        network, smoothed, linear = None, None, None
        long = self._long(rest if far(self.horizon) else panel, seasons)
        if NETWORK in weights.members and long is not None:
            network = long[0].train(long[1], on_progress)
            assert not isinstance(network, RecursiveModel)  # which is of other distributions than the median
        if ON_SMOOTHING in weights.members:
            smoothed = self._on_smoothing(panel, seasons)
        if LINEAR in weights.members:
            linear = self._linear(rest, seasons)
        models = {NETWORK: network, ON_SMOOTHING: smoothed, LINEAR: linear}
        weights = without_members(weights, {name for name, model in models.items() if model is None})
        return CombinedModel(network, smoothed, linear, weights, self.horizon, seasons, year)

    def train_on(self, panel: Panel, model: Model, updates: int | None) -> CombinedModel:
        """Returns the model with networks trained further on all rows of the panel, and the same weights."""
        if not isinstance(model, CombinedModel):  # of a file that was written before models were combined
            return self.train(panel)
        rest = panel.replaced(without_year(panel, model.year)[0])
        network, smoothed = model.network, model.smoothed
        long = None if network is None else self._long(rest if far(model.horizon) else panel, self.seasons_of(panel))
        if network is not None and long is not None:
            network = long[0].train_on(long[1], network, updates)
        if smoothed is not None and (known := self._long_for_smoothing(panel, model.seasons)) is not None:
            smoothed = self.smoothed.train_on(known, smoothed, updates)
        linear = None if model.linear is None else self._linear(rest, model.seasons)
        return replace(model, linear=linear or model.linear, network=network, smoothed=smoothed)

    def backtest(
        self,
        panel: Panel,
        windows: int,
        step: int | None = None,
        refit: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> Backtest | None:
        """Returns a backtest on the last windows of every series, or None if no series has rows for any.

        The windows are those of the network's backtest; of series that are too short for it, those that leave a third
        of the rows before them. Of 20 series or more there are fewer where they would begin before the last third
        of the rows: what is forecast from far fewer rows is worse than the forecast will be; and of thousands two
        are enough. Of fewer series, which
        have little to learn weights from, windows overlap where they are too few otherwise. The arguments are those of
        `prediction.Strategy`.
        """
        assert self.horizon is not None
        rows = int(np.median([len(series) for series in panel.values()]))
        if len(panel) >= MANY:
            windows = min(windows, max(1, (rows // LAST - self.horizon) // (step or self.horizon) + 1))
            windows = min(windows, max(LEAST, ENOUGH // len(panel)))  # each takes as long as a forecast
        elif step is None and not isinstance(self.network, LocalStrategy):  # whose windows overlap by themselves
            spread = far(self.horizon) and windows >= TESTED
            step = rows_apart(rows, self.horizon, windows, self._longest(panel), spread)
            windows = max(windows, SPREAD) if spread and step is not None else windows
        tested, long = None, None
        before = {id: len(each) - (windows - 1) * (step or self.horizon) - self.horizon for id, each in panel.items()}
        heads = {id: panel[id].head(rows) for id, rows in before.items() if rows >= LEAST_ROWS}
        year = self._year(panel.replaced(heads)) if heads else None
        if NETWORK in self.members:
            long = self._long(panel, self.seasons_of(panel), 2 * self.horizon)
        if long is not None:
            rest, parts = without_year(long[1], year if far(self.horizon) else None, before)
            tested = long[0].backtest(panel.replaced(rest), windows, step, refit, on_progress)
            if tested is not None and parts:
                found = with_year(tested.forecasts[NETWORK], parts, tested.ids, tested.starts)
                tested = replace(tested, forecasts={**tested.forecasts, NETWORK: found})
        places = [] if tested is None else list(zip(tested.ids, tested.starts, strict=True))
        covered = {id for id, _ in places}
        for id, series in panel.items():
            if id not in covered:
                starts = first_rows(len(series), self.horizon, windows, step or self.horizon)
                places += [(id, start) for start in starts]
        if not places:
            return None
        order = {id: i for i, id in enumerate(panel)}
        at = sorted(range(len(places)), key=lambda i: (order[places[i][0]], places[i][1]))
        places = [places[i] for i in at]
        if refit is None:  # one short series has too few rows before the first window for all of them
            refit = isinstance(self.network, LocalStrategy)
        return self._backtest(panel, places, tested, year, refit if tested is None else tested.refit)

    def _backtest(
        self,
        panel: Panel,
        places: Sequence[tuple[str, int]],
        tested: Backtest | None,
        year: float | None,
        refit: bool,
    ) -> Backtest:
        """Returns the backtest on windows (id, first row), of which the network forecast those of `tested`, and which
        the linear model reads without the part of a `year`."""
        assert self.horizon is not None
        heads = [panel[id].head(start) for id, start in places]
        first = {id: head for (id, _), head in zip(reversed(places), reversed(heads), strict=True)}
        seasons = self.seasons_of(panel.replaced(first))  # known before all windows
        members, sizes, damped = member_forecasts(heads, self.horizon, seasons)
        if tested is not None:
            own = dict(zip(zip(tested.ids, tested.starts, strict=True), tested.forecasts[NETWORK], strict=True))
            missing = np.full(self.horizon, np.nan)
            members = {NETWORK: np.array([own.get(place, missing) for place in places])} | members
        least = self.smoothed.least_rows(seasons)
        windows = sum(max(0, len(series) - least + 1) for series in panel.values())  # that a model will be trained on
        if ON_SMOOTHING in self.members and windows >= LEARNED:
            found = self._backtest_on_smoothing(panel, places, heads, seasons, damped, refit)
            if found is not None:
                members = {ON_SMOOTHING: found} | members
        refit = refit and bool({*members} & {NETWORK, ON_SMOOTHING})  # the others are no models of all series
        rest = panel.replaced(without_year(first, year)[0])
        linear = self._linear(rest, seasons) if LINEAR in self.members else None
        if linear is not None:
            by_number = {str(w): head for w, head in enumerate(heads)}
            members = forecasts_of({LINEAR: linear}, by_number, self.horizon, {LINEAR: year}) | members
        scale = np.repeat(sizes[..., None], 2, axis=2)
        ids = [id for id, _ in places]
        before = backtest_of(
            panel, places, members, [shown_season(seasons[0], len(head)) for head in heads], refit, scale
        )
        values, without = np.empty((len(places), self.horizon)), self._without(panel.replaced(first))
        for scored, others in learning_folds(before):
            weights = self._weights(others, without, tuple(members))
            forecasts = {name: each[scored] for name, each in members.items()}
            values[scored] = combined(weights, [ids[w] for w in scored], forecasts, [heads[w] for w in scored])
        return replace(before, forecasts={COMBINATION: values, **before.forecasts})

    def _year(self, panel: Panel) -> float | None:
        """Returns the number of rows in a year that series show, which is taken out of what trained models read; None:
        they read the series as they are, as those of near forecasts of many series, which it would not pay."""
        assert self.horizon is not None
        if not isinstance(self.network, GlobalStrategy) or self.network.calendar is not None:
            return None
        return year_of(panel) if far(self.horizon) or len(panel) < MANY else None

    def _backtest_on_smoothing(
        self,
        panel: Panel,
        places: Sequence[tuple[str, int]],
        heads: Sequence[Series],
        seasons: tuple[int, ...],
        damped: SmoothingModels | None,
        refit: bool,
    ) -> np.ndarray | None:
        """Returns what the networks that correct exponential smoothing forecast in the windows (W, h), NaN where the
        rows before are too few; None where they are before all. They are trained on the rows before the first window of
        each series, with `refit` once more before the second, and so on."""
        assert self.horizon is not None
        found, rounds = np.full((len(places), self.horizon), np.nan), dict[int, list[int]]()
        seen = dict[str, int]()
        for w, (id, _) in enumerate(places):
            rounds.setdefault(seen.get(id, 0) if refit else 0, []).append(w)
            seen[id] = seen.get(id, 0) + 1
        for windows in rounds.values():
            first = {places[w][0]: w for w in reversed(windows)}
            fitted = damped and damped.take(np.array([*first.values()]))
            model = self._on_smoothing(panel.replaced({id: heads[w] for id, w in first.items()}), seasons, fitted)
            if model is not None:
                known = {str(w): heads[w] for w in windows}
                fitted = damped and damped.take(np.array(windows))
                found[windows] = forecasts_of({ON_SMOOTHING: model}, known, self.horizon, {}, fitted)[ON_SMOOTHING]
        return found if np.isfinite(found).any() else None

    def _longest(self, panel: Panel) -> float:
        """Returns the number of rows in the longest season, or the year, of which the first series has two."""
        first = panel.first
        known = [*self.seasons_of(panel), rows_per_year(first.calendar) or 1]
        return max([1, *(season for season in known if len(first) >= PERIODS * season)])

    def _without(self, panel: Panel) -> set[str]:
        """Returns the rules that have no say: the ones that know no year, where series show one, and a quarter of it
        or more is forecast."""
        assert self.horizon is not None
        rows = rows_per_year(panel.first.calendar)
        if rows is None or QUARTER * self.horizon < rows or year_of(panel) is None:
            return set()
        return {*ALWAYS}

    def _weights(self, backtest: Backtest | None, without: set[str], there: Sequence[str] = ()) -> Weights:
        """Returns the weights that a backtest suggests; without one those before any window, of the members `there`.

        without   members that have no say, unless there are no others
        """
        assert self.horizon is not None
        given = there if backtest is None else backtest.forecasts
        names = tuple(name for name in given if name in self.members)
        names = tuple(name for name in names if name not in without) or names
        if not names:
            raise DataError(f"models: the rows are too few, or of such seasons, for {' and '.join(self.members)}")
        return suggested_weights(backtest, names, self.horizon)

    def _on_smoothing(
        self, panel: Panel, seasons: tuple[int, ...], damped: SmoothingModels | None = None
    ) -> DirectModel | None:
        """Returns networks that correct exponential smoothing, trained on the series, to which it was fitted already if
        `damped` is given; None where these are too short, or have seasons that it does not know by itself."""
        known = self._long_for_smoothing(panel, seasons)
        if known is None:
            return None
        fitted = damped and damped.take(np.array([id in known for id in panel]))
        model = replace(self.smoothed, seasons=seasons).train(known, smoothed=fitted)
        assert isinstance(model, DirectModel)
        return model

    def _long_for_smoothing(self, panel: Panel, seasons: tuple[int, ...]) -> Panel | None:
        """Returns the series that are long enough for networks that correct exponential smoothing."""
        least = self.smoothed.least_rows(seasons)
        long = {id: series for id, series in panel.items() if len(series) >= least}
        return panel.replaced(long) if long and knows_season(list(panel.values()), seasons) else None

    def _linear(self, panel: Panel, seasons: tuple[int, ...]) -> LinearModel | None:
        """Returns the linear model of the series, or None where they are too short for one."""
        assert self.horizon is not None
        return train_linear(list(panel.values()), self.horizon, seasons)

    def _long(
        self, panel: Panel, seasons: tuple[int, ...], more: int = 0
    ) -> tuple[LocalStrategy | GlobalStrategy, Panel] | None:
        """Returns a strategy for the network and the series with `more` rows than it needs; where its seasons make all
        of them too short, one without a season. None where all are too short for that too."""
        for network, own in ((self.network, seasons), (_without_season(self.network), (1,))):
            least = network.least_rows(own) + more
            long = {id: series for id, series in panel.items() if len(series) >= least}
            if long:
                return network, panel.replaced(long)
        return None


def _without_season(network: LocalStrategy | GlobalStrategy) -> LocalStrategy | GlobalStrategy:
    """Returns the strategy of a network that knows no season."""
    return replace(network, season=1) if isinstance(network, LocalStrategy) else replace(network, seasons=(1,))
