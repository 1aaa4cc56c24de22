"""`CombinedStrategy`: trains a combined model and backtests it, each window with weights that other windows suggest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.estimators.ensemble import OnProgress
from elman.forecast.combination.folds import learning_folds
from elman.forecast.combination.members import (
    LEAST_ROWS,
    LINEAR,
    NAIVE,
    NETWORK,
    PERIODS,
    PRIOR,
    SEASONAL,
    member_forecasts,
)
from elman.forecast.combination.model import CombinedModel, combined, far, forecasts_of
from elman.forecast.combination.weights import Weights, learned_weights
from elman.forecast.combination.yearly import with_year, without_year
from elman.forecast.evaluation.backtest import COMBINATION, Backtest
from elman.forecast.evaluation.baselines import ALWAYS, YEAR_AGO
from elman.forecast.evaluation.windows import backtest_of
from elman.forecast.models.global_strategy import GlobalStrategy
from elman.forecast.models.linear_model import LinearModel, train_linear
from elman.forecast.models.local_strategy import LocalStrategy
from elman.forecast.models.prediction import Model
from elman.forecast.models.recursive_model import RecursiveModel
from elman.series.errors import DataError
from elman.series.panel import Panel
from elman.series.season import default_horizon, shown_season
from elman.series.seasonal.panels import year_of
from elman.series.seasonal.year import rows_per_year

__all__ = ["CombinedStrategy"]

TESTED = 3  # windows by which the weights are learned where no backtest is asked for
FARTHEST = 5  # times as many rows as a series has may be forecast
BEFORE = 3  # a window has at least a third of the rows of its series before it
MANY, LAST = 20, 3  # of so many series, the windows lie in the last third of the rows, or there is one alone
ENOUGH, LEAST = 10_000, 2  # windows of all series together; no fewer of each for that
SPREAD, PART = 10, 5  # windows of a far forecast, at least, and the part of the rows over which they are spread
FAR_OFF = 1.5  # times the error of the best member, beyond which a member has no say in a far forecast
FAR_PRIOR = {LINEAR: 3.0}  # times the weight before any window: of far forecasts, a linear model is hard to beat
QUARTER = 4  # of a year, that a forecast reaches, has no rules that know no year


@dataclass(frozen=True)
class CombinedStrategy:
    """The strategy for any series of at least three rows: it trains a combined model (see `prediction.Strategy`).

    Series too short for the network, or too few to test it, are forecast without it.

    network   the strategy of the network
    horizon   None: chosen for the series
    members   names of what is combined
    """

    network: LocalStrategy | GlobalStrategy
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
        return kept, replace(self, horizon=horizon, network=replace(self.network, horizon=horizon))

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
        there = tuple(name for name in self.members if name not in (NETWORK, LINEAR))
        weights = self._weights(backtest, self._without(panel), there)
        seasons, year = self.seasons_of(panel), self._year(panel)
        rest = panel.replaced(without_year(panel, year)[0])
        network, linear, long = None, None, self._long(rest if far(self.horizon) else panel, seasons)
        if NETWORK in weights.members and long is not None:
            network = long[0].train(long[1], on_progress)
            assert not isinstance(network, RecursiveModel)  # which is of other distributions than the median
        if LINEAR in weights.members:
            linear = self._linear(rest, seasons)
        weights = _without(weights, {name for name, model in ((NETWORK, network), (LINEAR, linear)) if model is None})
        return CombinedModel(network, linear, weights, self.horizon, seasons, year)

    def train_on(self, panel: Panel, model: Model, updates: int | None) -> CombinedModel:
        """Returns the model with networks trained further on all rows of the panel, and the same weights."""
        if not isinstance(model, CombinedModel):  # of a file that was written before models were combined
            return self.train(panel)
        rest = panel.replaced(without_year(panel, model.year)[0])
        read = rest if far(model.horizon) else panel
        long = None if model.network is None else self._long(read, self.seasons_of(panel))
        if model.network is None or long is None:
            return model  # what is left is fitted when it forecasts
        linear = None if model.linear is None else self._linear(rest, model.seasons)
        return replace(model, linear=linear or model.linear, network=long[0].train_on(long[1], model.network, updates))

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
            step = _apart(rows, self.horizon, windows, self._longest(panel), spread)
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
                starts = _starts(len(series), self.horizon, windows, step or self.horizon)
                places += [(id, start) for start in starts]
        if not places:
            return None
        order = {id: i for i, id in enumerate(panel)}
        at = sorted(range(len(places)), key=lambda i: (order[places[i][0]], places[i][1]))
        places = [places[i] for i in at]
        return self._backtest(panel, places, tested, year)

    def _backtest(
        self, panel: Panel, places: Sequence[tuple[str, int]], tested: Backtest | None, year: float | None
    ) -> Backtest:
        """Returns the backtest on windows (id, first row), of which the network forecast those of `tested`, and which
        the linear model reads without the part of a `year`."""
        assert self.horizon is not None
        heads = [panel[id].head(start) for id, start in places]
        first = {id: head for (id, _), head in zip(reversed(places), reversed(heads), strict=True)}
        seasons = self.seasons_of(panel.replaced(first))  # known before all windows
        members, sizes = member_forecasts(heads, self.horizon, seasons)
        if tested is not None:
            own = dict(zip(zip(tested.ids, tested.starts, strict=True), tested.forecasts[NETWORK], strict=True))
            missing = np.full(self.horizon, np.nan)
            members = {NETWORK: np.array([own.get(place, missing) for place in places])} | members
        rest = panel.replaced(without_year(first, year)[0])
        linear = self._linear(rest, seasons) if LINEAR in self.members else None
        if linear is not None:
            by_number = {str(w): head for w, head in enumerate(heads)}
            members = forecasts_of({LINEAR: linear}, by_number, self.horizon, {LINEAR: year}) | members
        refit = bool(tested is not None and tested.refit)
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
        given = there if backtest is None else backtest.forecasts
        names = tuple(name for name in given if name in self.members)
        names = tuple(name for name in names if name not in without) or names
        if backtest is not None and np.array_equal(backtest.forecasts[NAIVE], backtest.forecasts[SEASONAL]):
            names = tuple(name for name in names if name != SEASONAL) or names  # no season: they are the same
        if backtest is not None and _no_year_seen(backtest):
            names = tuple(name for name in names if name != YEAR_AGO) or names  # it is the seasonal naive forecast
        times = FAR_PRIOR if self.horizon is not None and far(self.horizon) else {}
        if times and backtest is not None:
            names = _near(backtest, names)
        prior = np.array([PRIOR[name] * times.get(name, 1.0) for name in names])
        prior = prior / prior.sum()
        if backtest is None:
            rows = self.horizon or 1
            return learned_weights(names, prior, (), np.zeros((0, rows)), np.zeros((0, len(names), rows)))
        forecasts = np.stack([backtest.forecasts[name] for name in names], axis=1)
        return learned_weights(names, prior, backtest.ids, backtest.truth, forecasts)

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


def _no_year_seen(backtest: Backtest) -> bool:
    """Returns whether the forecast of a year ago is the seasonal naive one in all windows, none of which saw a year."""
    found = backtest.forecasts
    return YEAR_AGO in found and np.array_equal(found[YEAR_AGO], found[SEASONAL], equal_nan=True)


def _near(backtest: Backtest, names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the members whose errors in the windows of one series are at most `FAR_OFF` times the least. Those of
    several series, which have units of their own, are kept."""
    if len({*backtest.ids}) > 1:
        return names
    size: dict[str, float] = {}
    for name in names:
        errors = np.abs(backtest.forecasts[name] - backtest.truth)
        known = errors[np.isfinite(errors)]
        size[name] = float(known.mean()) if len(known) else np.inf
    least = min(size.values())
    return tuple(name for name in names if size[name] <= FAR_OFF * least)


def _apart(rows: int, horizon: int, windows: int, season: float, spread: bool) -> int | None:
    """Returns how many rows apart the windows of a series begin. None: each ends where the next one begins.

    They overlap where so many that do not would begin too early: before two of the longest season, which the forecast
    will know. Where they are `spread`, they are at least `SPREAD`, in as many rows as `windows` take that do not
    overlap, or the last fifth.
    """
    least = max(LEAST_ROWS, -(-rows // BEFORE), math.ceil(PERIODS * season))
    room, wanted = rows - horizon - least, horizon * (windows - 1)
    if spread and room > 0:
        return max(1, min(room, max(wanted, rows // PART - horizon)) // (max(windows, SPREAD) - 1))
    return max(1, room // (windows - 1)) if 0 < room < wanted else None


def _starts(rows: int, horizon: int, windows: int, step: int) -> list[int]:
    """Returns the first rows of the last `windows` windows of a series that leave enough rows before them."""
    least = max(LEAST_ROWS, -(-rows // BEFORE))
    return [rows - horizon - k * step for k in range(windows - 1, -1, -1) if rows - horizon - k * step >= least]


def _without(weights: Weights, missing: set[str]) -> Weights:
    """Returns the weights without some members: their share goes to the others. Groups and series whose members they
    are have no weights of their own then."""
    keep = np.array([name not in missing for name in weights.members])
    if keep.all():
        return weights
    groups, own = ((each[:, ~keep] == 0.0).all(axis=1) for each in (weights.groups, weights.own))
    prior = weights.prior[keep]
    return Weights(
        tuple(name for name in weights.members if name not in missing),
        weights.groups[groups][:, keep],
        weights.shared[groups][:, keep],
        tuple(id for id, kept in zip(weights.ids, own, strict=True) if kept),
        weights.own[own][:, keep],
        prior / prior.sum() if prior.sum() > 0.0 else np.full(len(prior), 1.0 / max(len(prior), 1)),
    )
