"""A forecaster's fit on many series: one model for all, tested on the last windows of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.forecast import intervals
from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.baselines import baselines
from elman.forecast.errors import DataError
from elman.forecast.metrics import mase_scale, rmsse_scale
from elman.forecast.panel import Panel
from elman.forecast.pooled import Effort, PooledModel, context_rows, least_rows, train_pooled
from elman.forecast.season import default_horizon, find_season
from elman.forecast.series import Series

__all__ = ["PooledErrors", "Recipe", "find_seasons", "pooled_errors", "sized_errors", "without_short"]

ASKED = 100  # series that are asked for their season
PRIOR = 0.5  # what all series say of one's errors, in windows of its own


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
        raise DataError(f"series {name!r}: {why}" if name else why)
    return Panel({name: panel[name] for name in panel if name not in short}, panel.skipped | short), horizon


@dataclass(frozen=True)
class Recipe:
    """What a model of many series is made by; `seasons` None: found in what it is made of."""

    seasons: tuple[int, ...] | None
    horizon: int
    context: int | None
    effort: Effort
    seed: int

    def train(self, panel: Mapping[str, Series]) -> PooledModel:
        """The model of all rows of these series."""
        seasons = find_seasons(panel) if self.seasons is None else self.seasons
        rows = np.array([len(series) for series in panel.values()])
        context = context_rows(self.context, rows, self.horizon, seasons)
        values = [series.values for series in panel.values()]
        return train_pooled(values, seasons, self.horizon, context, self.effort, self.seed)

    def test(self, panel: Mapping[str, Series], windows: int) -> Backtest | None:
        """The last windows of every series, one horizon after another, by a model that saw nothing after the first of
        them, in any series. At most `windows`, fewer where too few rows would be left; None where not one is."""
        for count in range(windows, 0, -1):
            known = {name: series.head(max(0, len(series) - count * self.horizon)) for name, series in panel.items()}
            known = {name: series for name, series in known.items() if len(series) >= 2 * self.horizon}
            if not known:
                continue
            seasons = find_seasons(known) if self.seasons is None else self.seasons
            least = least_rows(self.horizon, seasons)
            known = {name: series for name, series in known.items() if len(series) >= least}
            if 2 * len(known) > len(panel):
                model = replace(self, seasons=seasons).train(known)
                return _backtest({name: panel[name] for name in known}, model, count, seasons[0])
        return None


@dataclass(frozen=True, eq=False)
class PooledErrors:
    """What intervals about a model's forecasts are made of: errors of all series together, each over how large the
    errors of its own series are in the other windows.

    pooled   those errors
    sizes    how large each series' errors are, in units;  usual  the same of a series without windows
    """

    pooled: intervals.Calibration
    sizes: Mapping[str, float]
    usual: float

    def bands(
        self, series: str, forecast: np.ndarray, unit: np.ndarray, levels: Sequence[float], floor: float
    ) -> dict[float, np.ndarray]:
        """Level in percent -> (h, 2), lower and upper bound about a forecast (h,) with its unit (h,); none below
        floor."""
        widths = self.pooled.half_widths(levels)[:, : len(forecast)] * (self.sizes.get(series, self.usual) * unit)
        return {
            level: np.maximum(np.column_stack([forecast - width, forecast + width]), floor)
            for level, width in zip(levels, widths, strict=True)
        }


def pooled_errors(backtest: Backtest, model: str) -> PooledErrors:
    """Of a backtest of many series."""
    errors, others, sizes, usual = sized_errors(backtest, model)
    return PooledErrors(intervals.calibrate(errors / others[:, None]), sizes, usual)


def sized_errors(backtest: Backtest, model: str) -> tuple[np.ndarray, np.ndarray, dict[str, float], float]:
    """Errors (W, h) in units; how large those of the same series are in its other windows (W,); how large each series'
    are in all; and the same of all series together.

    A size is a geometric mean over windows; that of all series is one more, with the weight `PRIOR`.
    """
    if backtest.units is None:
        raise ValueError("backtest: expected one of many series, with the units of their errors")
    errors = backtest.residuals(model) / backtest.units
    windows = np.log(np.maximum(np.abs(errors / intervals.horizon_scale(errors)).mean(axis=1), 1e-12))
    usual = float(windows.mean())
    whose = backtest.series or ("",) * len(backtest)
    names, own, counts = np.unique(whose, return_inverse=True, return_counts=True)
    sums = np.bincount(own, windows)
    others = np.exp((sums[own] - windows + PRIOR * usual) / (counts[own] - 1 + PRIOR))
    sizes = np.exp((sums + PRIOR * usual) / (counts + PRIOR))
    return errors, others, dict(zip(names.tolist(), sizes.tolist(), strict=True)), float(np.exp(usual))


def _backtest(panel: Mapping[str, Series], model: PooledModel, count: int, season: int) -> Backtest:
    """The last `count` windows of every series."""
    horizon = model.view.horizon
    starts = [(name, len(series) - k * horizon) for name, series in panel.items() for k in range(count, 0, -1)]
    known = [panel[name].values[:start] for name, start in starts]
    found, units = model.predict_with_units(known)
    forecasts: dict[str, list[np.ndarray]] = {NETWORK: list(found)}
    for values in known:
        for name, forecast in baselines(values, horizon, season).items():
            forecasts.setdefault(name, []).append(forecast)
    return Backtest(
        np.array([panel[name].values[start : start + horizon] for name, start in starts]),
        {name: np.array(each) for name, each in forecasts.items()},
        np.array([mase_scale(values, season) for values in known]),
        tuple((panel[name].label(start), panel[name].label(start + horizon - 1)) for name, start in starts),
        tuple(start for _, start in starts),
        tuple(name for name, _ in starts),
        units,
        np.array([rmsse_scale(values) for values in known]),
    )
