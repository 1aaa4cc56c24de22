"""The options of a Forecaster, checked, and the recipe that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from elman.core import checks
from elman.forecast import intervals
from elman.forecast.many import Recipe
from elman.forecast.model import EFFORTS_OF_ONE
from elman.forecast.pooled import EFFORTS, effort_of
from elman.forecast.power import parse_power
from elman.forecast.recursive import SAMPLED
from elman.forecast.short import ShortRecipe
from elman.series import limits
from elman.series.calendar import check_freq
from elman.series.inputs import parse_calendar
from elman.series.series import MISSING, Series

if TYPE_CHECKING:
    from elman.forecast.forecaster import Forecaster

__all__ = ["HEADS", "check", "recipe_of"]

HEADS = ("median", "quantiles", *SAMPLED)
LONG = 1000  # rows from which a series alone is learned from as many are: windows enough for larger networks


class _Options(NamedTuple):
    """Those that a recipe is made of, as they were checked; `asked` are those that say more than the effort does."""

    horizon: int | None
    context: int | None
    seasons: tuple[int, ...] | None
    head: str
    skip: int
    power: float | None
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


def recipe_of(given: Forecaster, panel: Mapping[str, Series]) -> Recipe | ShortRecipe:
    """How these series are learned from; what was said of it is checked."""
    asked = _checked(given)
    first = next(iter(panel.values()))
    plain = asked.head == "median" and asked.skip == 1 and (asked.seasons is None or len(asked.seasons) == 1)
    if plain and list(panel) == [""] and len(first) < LONG and not first.masked:
        season = None if asked.seasons is None else asked.seasons[0]
        settings = replace(EFFORTS_OF_ONE[asked.effort], seed=asked.seed, **asked.asked)
        return ShortRecipe(season, asked.horizon, asked.context, settings, asked.power, asked.calendar)
    made = effort_of(asked.effort, sum(map(len, panel.values())))._replace(**asked.asked)
    return Recipe(
        asked.seasons,
        asked.horizon,
        asked.context,
        made,
        asked.seed,
        asked.head,
        asked.skip,
        asked.power,
        asked.calendar,
    )


def _checked(given: Forecaster) -> _Options:
    return _Options(
        None if given.horizon is None else checks.whole("horizon", given.horizon, 1, limits.HORIZON),
        None if given.context is None else checks.whole("context", given.context, low=1),
        _seasons(given.season),
        checks.choice("head", given.head, HEADS),
        checks.whole("skip", given.skip, 0, limits.SKIP),
        parse_power(given.power),
        parse_calendar(given.calendar),
        checks.whole("seed", given.seed, 0, limits.SEED),
        checks.choice("effort", given.effort, tuple(EFFORTS)),
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
