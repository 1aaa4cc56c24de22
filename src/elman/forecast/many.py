"""A forecaster's fit on many series: one model for all, tested on the last windows of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.baselines import baselines
from elman.forecast.metrics import mase_scale, rmsse_scale
from elman.forecast.pooled import Effort, PooledModel, Tell, train_pooled, views
from elman.forecast.recursive import SAMPLED, SampledModel, fit_sampled
from elman.forecast.view import View, context_rows, least_rows
from elman.series.errors import DataError, shorten
from elman.series.inputs import Inputs
from elman.series.panel import Panel
from elman.series.season import default_horizon, find_season
from elman.series.series import Series

__all__ = ["Recipe", "backtest_of", "find_seasons", "part_of", "without_short"]

ASKED = 100  # series that are asked for their season


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


def without_short(panel: Panel, seasons: Sequence[int], horizon: int | None, skip_bad: bool) -> tuple[Panel, int]:
    """The series that are long enough to learn from, and the horizon. `DataError` for the first that is not, unless it
    may be skipped."""
    if horizon is None:
        horizon = default_horizon(int(np.median([len(series) for series in panel.values()])), seasons[0])
    least = least_rows(horizon, seasons)
    words = f"rows are too few to forecast {horizon} with season {seasons[-1]}: {least} are needed"
    short = {name: f"{len(series)} {words}" for name, series in panel.items() if len(series) < least}
    if short and (not skip_bad or len(short) == len(panel)):
        name, why = next(iter(short.items()))
        raise DataError(f"series {shorten(name)}: {why}" if name else why)
    return Panel({name: panel[name] for name in panel if name not in short}, panel.skipped | short), horizon


@dataclass(frozen=True)
class Recipe:
    """What a model of many series, or of a long one, is made by; `seasons` None: found in what it is made of."""

    seasons: tuple[int, ...] | None
    horizon: int | None
    context: int | None
    effort: Effort
    seed: int
    head: str = "median"
    skip: int = 1
    power: float | None = None
    calendar: tuple[str, ...] = ()

    def ready(self, panel: Panel, tested: bool, skip_bad: bool) -> tuple[Panel, Recipe]:
        """The series that can be learned from, and the recipe with the horizon that suits them."""
        seasons = self.seasons or find_seasons(panel)
        kept, horizon = without_short(panel, seasons, self.horizon, skip_bad)
        return kept, replace(self, horizon=horizon)

    def train(
        self, panel: Mapping[str, Series], start: PooledModel | None = None, tell: Tell | None = None
    ) -> PooledModel:
        """The model of all rows of these series.

        start   a model to go on from;  tell  is called with the share that is done
        """
        assert self.horizon is not None
        kind = (fit_sampled, SampledModel) if self.head in SAMPLED else None
        if start is not None:
            series = [each.fill_masked(start.view.seasons[0]) for each in panel.values()]
            return train_pooled(series, [start.view], self.effort, self.seed, start.networks, kind, tell)
        seasons = find_seasons(panel) if self.seasons is None else self.seasons
        series = [each.fill_masked(seasons[0]) for each in panel.values()]
        rows = np.array([len(each) for each in series])
        most = sum(seasons) if kind else None  # row by row, a long context is slow and brings little
        context = context_rows(self.context, rows, self.horizon, seasons, most)
        if self.skip > context // seasons[0]:
            raise DataError(f"skip: {self.skip} seasons are more than the {context // seasons[0]} that a window reads")
        usual = View(
            tuple(seasons),
            context,
            self.horizon,
            seasons[0],
            1.0,
            self.head,
            self.skip,
            any(each.masked for each in series),
            Inputs.of(series, self.calendar),
        )
        return train_pooled(series, views(series, seasons, self.power, usual), self.effort, self.seed, None, kind, tell)

    def test(
        self,
        panel: Mapping[str, Series],
        windows: int,
        step: int | None = None,
        refit: bool | None = None,
        tell: Tell | None = None,
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
            known = {n: s for n, s in known.items() if len(s) >= least_rows(self.horizon, seasons)}
            if 2 * len(known) > len(panel):
                return self._backtest({name: panel[name] for name in known}, seasons, count, step, bool(refit), tell)
        return None

    def _backtest(
        self,
        panel: Mapping[str, Series],
        seasons: tuple[int, ...],
        count: int,
        step: int,
        refit: bool,
        tell: Tell | None,
    ) -> Backtest:
        assert self.horizon is not None
        horizon, recipe = self.horizon, replace(self, seasons=seasons)
        backs = [horizon + k * step for k in range(count - 1, -1, -1)]  # rows from a window's first to the end
        model: PooledModel | None = None
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        for k, back in enumerate(backs):
            known = _before(panel, back, 0)
            if model is None or refit:
                model = recipe.train(known, tell=part_of(tell, k, count if refit else 1))
            parts.append(model.predict([each.fill_masked(seasons[0]) for each in known.values()]))
        forecasts, units = (np.stack(each, axis=1) for each in zip(*parts, strict=True))  # (N, count, ...)
        places = [(name, len(series) - back) for name, series in panel.items() for back in backs]
        return backtest_of(
            panel,
            places,
            forecasts.reshape(-1, horizon),
            [seasons[0]] * len(places),
            refit,
            units.reshape(-1, horizon, 2),
        )


def part_of(tell: Tell | None, part: int, parts: int) -> Tell | None:
    """For one of several equal parts of the work."""
    return None if tell is None else lambda share: tell((part + share) / parts)


def _before(panel: Mapping[str, Series], back: int, least: int) -> dict[str, Series]:
    """Each series without its last `back` rows, where more than `least` are left."""
    heads = {name: series.head(max(0, len(series) - back)) for name, series in panel.items()}
    return {name: head for name, head in heads.items() if len(head) >= max(least, 1)}


def backtest_of(
    panel: Mapping[str, Series],
    places: Sequence[tuple[str, int]],
    forecasts: np.ndarray,
    seasons: Sequence[int],
    refit: bool,
    units: np.ndarray | None = None,
) -> Backtest:
    """A model's forecasts (W, h) of the windows at these places (series, first row), beside the baselines'."""
    horizon = forecasts.shape[1]
    beside: dict[str, list[np.ndarray]] = {}
    scales: list[tuple[float, float]] = []
    for (name, start), season in zip(places, seasons, strict=True):
        known = panel[name].head(start).fill_masked(season)
        for rule, values in baselines(known.values, horizon, season).items():
            beside.setdefault(rule, []).append(values)
        scales.append((mase_scale(known.observed, season), rmsse_scale(known.observed)))
    return Backtest(
        np.array([panel[name].observed[start : start + horizon] for name, start in places]),
        {NETWORK: forecasts, **{rule: np.array(each) for rule, each in beside.items()}},
        np.array([scale for scale, _ in scales]),
        tuple((panel[name].label(start), panel[name].label(start + horizon - 1)) for name, start in places),
        tuple(start for _, start in places),
        tuple(name for name, _ in places) if "" not in panel else (),
        units,
        np.array([root for _, root in scales]),
        refit,
    )
