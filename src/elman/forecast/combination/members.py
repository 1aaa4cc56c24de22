"""What is combined beside trained models: models of each series alone, which are fitted whenever they forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.core.smoothing import DAMPED_FORMS, FORMS
from elman.forecast.decomposition import Decomposition, decompose
from elman.forecast.evaluation.backtest import LINEAR, NETWORK, ON_SMOOTHING
from elman.forecast.evaluation.baselines import RULES, YEAR_AGO, baselines, rows_ago
from elman.forecast.evaluation.metrics import mase_scale
from elman.forecast.smoothing import SmoothingModels, fit_theta
from elman.forecast.smoothing.fit import LONGEST_SEASON, fit_choices
from elman.series.limits import LARGEST_FORECAST, SMALLEST
from elman.series.season import shown_season
from elman.series.seasonal.year import rows_per_year
from elman.series.series import Series

__all__ = [
    "DAMPED",
    "LEAST_ROWS",
    "LINEAR",
    "MEAN",
    "MEMBERS",
    "NAIVE",
    "NETWORK",
    "ON_SMOOTHING",
    "PRIOR",
    "SEASONAL",
    "SMOOTHING",
    "THETA",
    "Members",
    "knows_season",
    "member_forecasts",
]

NAIVE, SEASONAL = RULES[:2]
SMOOTHING, DAMPED, THETA, MEAN = "exponential smoothing", "damped trend", "theta", "seasonal mean"
PERIODS = 2  # of the longest season, over which the seasonal mean is taken
LEAST_ROWS = 3  # rows of a series, below which nothing is forecast
LAST = 2000  # rows of a series that smoothing and Theta are fitted to: they forget, and each row takes time
# the weights before any window is seen, up to a factor
PRIOR = {
    NETWORK: 1.0,
    ON_SMOOTHING: 1.0,
    LINEAR: 1.0,
    SMOOTHING: 1.0,
    DAMPED: 1.0,
    THETA: 1.0,
    MEAN: 1.0,
    **dict.fromkeys(RULES, 0.1),
    SEASONAL: 0.25,
    YEAR_AGO: 0.25,
}
MEMBERS = tuple(PRIOR)
DYNAMIC = "DOTM"  # the dynamic optimised Theta model: better on held-out rows than a choice among four


class Members(NamedTuple):
    """What each member but the trained models forecasts after N series."""

    forecasts: dict[str, np.ndarray]  # name -> (N, h)
    spread: np.ndarray  # (N, h), how large errors are expected to be
    damped: SmoothingModels | None  # of all rows, divided by their mean absolute values; None: it was fitted to others


def member_forecasts(series: Sequence[Series], horizon: int, seasons: Sequence[int]) -> Members:
    """Returns what each member but the trained models forecasts after N series.

    The expected size of errors is the geometric mean of two: the standard deviation of exponential smoothing, which
    follows the course of a series, but is too low after a fit to few rows; and the mean change over a season, or a row,
    times the root of the step, which has no parameters.
    """
    season = shown_season(seasons[0], max(map(len, series)))
    values = [each.fill_masked(season).values for each in series]
    own = [shown_season(season, len(each)) for each in values]
    years = [rows_ago(each.calendar, m) for each, m in zip(series, own, strict=True)]
    rules = [baselines(each, horizon, m, year) for each, m, year in zip(values, own, years, strict=True)]
    adjusted, rest = _adjusted(series, values, seasons), season
    if adjusted is not None:
        values, rest = [each.adjusted for each in adjusted], 1
    sizes = np.maximum([np.abs(each).mean() for each in values], SMALLEST)[:, None]  # variances of 1e200 would overflow
    values = [each / size for each, size in zip(values, sizes, strict=True)]
    last = [each[-LAST:] for each in values]
    smoothing, damped = fit_choices(last, rest, [FORMS, DAMPED_FORMS])
    found = {
        SMOOTHING: smoothing.forecast(horizon),
        DAMPED: damped.forecast(horizon),
        THETA: fit_theta(last, rest, (DYNAMIC,)).forecast(horizon),
    }
    deviation = sizes * np.sqrt(smoothing.variances(horizon))
    if adjusted is not None:
        means = [_mean(each, year or seasons[-1]) for each, year in zip(values, years, strict=True)]
        found[MEAN] = np.repeat(np.array(means)[:, None], horizon, axis=1)
    found = {name: sizes * each for name, each in found.items()}
    if adjusted is not None:
        found = {name: np.array([a.restored(row) for a, row in zip(adjusted, each, strict=True)])
                 for name, each in found.items()}  # fmt: skip
        deviation *= np.array([np.abs(a.ahead(horizon)) if a.multiplicative else np.ones(horizon) for a in adjusted])
    found |= {rule: np.array([each[rule] for each in rules]) for rule in RULES if all(rule in each for each in rules)}
    changes = np.array([_change(each.observed, m) for each, m in zip(series, own, strict=True)])
    spread = np.sqrt(deviation * changes[:, None] * np.sqrt(np.arange(1, horizon + 1)))
    return Members(
        {name: np.clip(each, -LARGEST_FORECAST, LARGEST_FORECAST) for name, each in found.items()},
        np.clip(spread, SMALLEST, LARGEST_FORECAST),
        damped if adjusted is None and all(len(each) <= LAST for each in values) else None,
    )


def _mean(adjusted: np.ndarray, period: int) -> float:
    """Returns the mean of the last `PERIODS` periods of values without seasons."""
    return float(adjusted[-PERIODS * period :].mean())


def _adjusted(
    series: Sequence[Series], values: Sequence[np.ndarray], seasons: Sequence[int]
) -> list[Decomposition] | None:
    """Returns the series without their seasons, where exponential smoothing cannot know these by itself; None where it
    can."""
    if knows_season(series, seasons):
        return None
    years = [rows_per_year(each.calendar) for each in series]
    return [decompose(each, seasons, year) for each, year in zip(values, years, strict=True)]


def knows_season(series: Sequence[Series], seasons: Sequence[int]) -> bool:
    """Returns whether exponential smoothing knows the seasons of these series by itself: it does not know several, long
    ones, or a year whose rows are no whole number."""
    years = [rows_per_year(each.calendar) for each in series]
    long = any(year is not None and len(each) >= 2 * year for year, each in zip(years, series, strict=True))
    return len(seasons) == 1 and seasons[0] <= LONGEST_SEASON and not long


def _change(values: np.ndarray, season: int) -> float:
    """Returns the mean absolute change over a season, or over a row where the season repeats exactly; at least
    `SMALLEST`."""
    scale = mase_scale(values, season)
    return scale if np.isfinite(scale) else SMALLEST
