"""The options of a Forecaster, checked, and the strategy that they stand for."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from elman.core import checks
from elman.forecast.boxcox import parse_lambda
from elman.forecast.evaluation import intervals
from elman.forecast.models.efforts import LOCAL, global_recipe
from elman.forecast.models.global_strategy import GlobalStrategy
from elman.forecast.models.local_strategy import LocalStrategy
from elman.forecast.models.recursive_model import DENSITIES
from elman.series import limits
from elman.series.calendar import check_freq
from elman.series.inputs import parse_calendar
from elman.series.panel import Panel
from elman.series.series import MISSING

if TYPE_CHECKING:
    from elman.forecast.forecaster import Forecaster

__all__ = ["DISTRIBUTIONS", "check", "strategy_of"]

DISTRIBUTIONS = ("median", "quantiles", *DENSITIES)
LONG = 1000  # rows from which a series alone is learned from as many are: windows enough for larger networks


class _Options(NamedTuple):
    """Those that a recipe is made of, as they were checked; `asked` are those that say more than the effort does."""

    horizon: int | None
    context: int | None
    seasons: tuple[int, ...] | None
    distribution: str
    skip_seasons: int
    boxcox_lambda: float | None
    calendar: tuple[str, ...]
    seed: int
    effort: str
    asked: dict[str, Any]


def check(given: Forecaster) -> None:
    """ValueError or TypeError for an option that no fit takes."""
    _checked(given)
    checks.whole("windows", given.windows, 0, limits.WINDOWS)
    checks.choice("missing", given.missing, MISSING)
    checks.flag("skip_bad", given.skip_bad)
    check_freq(given.freq)
    if given.levels is not None:
        intervals.parse_levels(given.levels)


def strategy_of(given: Forecaster, panel: Panel) -> LocalStrategy | GlobalStrategy:
    """How these series are learned from; the options that say it are checked."""
    asked = _checked(given)
    direct = asked.distribution == "median" and asked.skip_seasons == 1
    one_season = asked.seasons is None or len(asked.seasons) == 1
    if panel.single and direct and one_season and len(panel.first) < LONG and not panel.first.masked:
        return LocalStrategy(
            None if asked.seasons is None else asked.seasons[0],
            asked.horizon,
            asked.context,
            replace(LOCAL[asked.effort], **asked.asked),
            asked.seed,
            asked.boxcox_lambda,
            asked.calendar,
        )
    return GlobalStrategy(
        asked.seasons,
        asked.horizon,
        asked.context,
        replace(global_recipe(asked.effort, sum(map(len, panel.values()))), **asked.asked),
        asked.seed,
        asked.distribution,
        asked.skip_seasons,
        asked.boxcox_lambda,
        asked.calendar,
    )


def as_season(seasons: tuple[int, ...]) -> int | tuple[int, ...]:
    """One season as a number, several as they are."""
    short, *longer = seasons
    return seasons if longer else short


def renamed_argument(owner: str, old: str, given: Any, new: str, value: Any) -> Any:
    """The value of an argument that has a new name: `given` under the earlier one, with a FutureWarning."""
    if given is None:
        return value
    if value is not None:
        raise TypeError(f"{old}: expected {new} alone, which is its name now, got both")
    warnings.warn(f"{owner}: the argument {old} is called {new} now", FutureWarning, stacklevel=3)
    return given


def _checked(given: Forecaster) -> _Options:
    return _Options(
        None if given.horizon is None else checks.whole("horizon", given.horizon, 1, limits.HORIZON),
        None if given.context is None else checks.whole("context", given.context, low=1),
        _seasons(given.season),
        checks.choice("distribution", given.distribution, DISTRIBUTIONS),
        checks.whole("skip_seasons", given.skip_seasons, 0, limits.SKIP),
        parse_lambda(given.boxcox_lambda),
        parse_calendar(given.calendar),
        checks.whole("seed", given.seed, 0, limits.SEED),
        checks.choice("effort", given.effort, tuple(LOCAL)),
        _asked(given),
    )


def _asked(given: Forecaster) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if given.cell is not None:
        asked["cell"] = checks.choice("cell", given.cell, ("tanh", "relu", "gru", "lstm"))
    most = {"hidden_size": limits.HIDDEN, "members": limits.MEMBERS, "updates": limits.UPDATES}
    for name, high in most.items():
        if getattr(given, name) is not None:
            asked[name] = checks.whole(name, getattr(given, name), 1, high)
    return asked


def _seasons(season: Any) -> tuple[int, ...] | None:
    if season is None:
        return None
    given = season if isinstance(season, list | tuple) else (season,)
    seasons = tuple(sorted(checks.whole("season", each, low=1) for each in given))
    if not seasons or any(b % a or a == b for a, b in pairwise(seasons)):
        raise ValueError(f"season: expected lengths of which each divides the next, got {checks.shown(season)}")
    return seasons
