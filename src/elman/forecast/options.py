"""The constraints of a Forecaster's options, and how series are learned from where options have these values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from elman.core import checks, fields
from elman.estimators.base import Constraints
from elman.forecast import intervals
from elman.forecast.many import Recipe
from elman.forecast.model import EFFORTS_OF_ONE
from elman.forecast.pooled import EFFORTS, effort_of
from elman.forecast.power import parse_power
from elman.forecast.recursive import SAMPLED
from elman.forecast.short import ShortRecipe
from elman.series import limits
from elman.series.calendar import check_freq
from elman.series.covariates import parse_calendar
from elman.series.series import MISSING, Series

__all__ = ["CONSTRAINTS", "HEADS", "recipe_of"]

HEADS = ("median", "quantiles", *SAMPLED)
INSTEAD = ("cell", "hidden_size", "members", "updates")  # options that, where given, replace what the effort says
LONG = 1000  # rows from which one series is learned from as many series are, by larger networks


def _seasons(name: str, season: Any) -> tuple[int, ...]:
    """Returns the lengths of one season or several in rising order, of which each divides the next."""
    given = season if isinstance(season, list | tuple) else (season,)
    seasons = tuple(sorted(checks.whole(name, each, low=1) for each in given))
    if not seasons or any(b % a or a == b for a, b in pairwise(seasons)):
        raise ValueError(f"{name}: expected lengths of which each divides the next, got {checks.shown(season)}")
    return seasons


def _freq(_: str, freq: Any) -> str:
    """Returns the word for a step in time, checked."""
    check_freq(freq)
    return freq


CONSTRAINTS: Constraints = {
    "horizon": [fields.whole(1, limits.HORIZON), None],
    "season": [_seasons, None],
    "context": [lambda name, value: checks.whole(name, value, low=1), None],
    "levels": [lambda _, value: intervals.parse_levels(value), None],
    "windows": [fields.whole(0, limits.WINDOWS)],
    "freq": [_freq, None],
    "missing": [fields.one_of(*MISSING)],
    "effort": [fields.one_of(*EFFORTS)],
    "cell": [fields.one_of("tanh", "relu", "gru", "lstm"), None],
    "hidden_size": [fields.whole(1, limits.HIDDEN), None],
    "members": [fields.whole(1, limits.MEMBERS), None],
    "updates": [fields.whole(1, limits.UPDATES), None],
    "head": [fields.one_of(*HEADS)],
    "skip": [fields.whole(0, limits.SKIP)],
    "power": [lambda _, value: parse_power(value), None],
    "calendar": [lambda _, value: parse_calendar(value)],
    "skip_bad": [fields.flag],
    "seed": [fields.whole(0, limits.SEED)],
}


def recipe_of(asked: Mapping[str, Any], panel: Mapping[str, Series]) -> Recipe | ShortRecipe:
    """Returns how these series are learned from, where `asked` are a Forecaster's checked options."""
    seasons, horizon, context = asked["season"], asked["horizon"], asked["context"]
    power, calendar, seed = asked["power"], asked["calendar"], asked["seed"]
    first = next(iter(panel.values()))
    plain = asked["head"] == "median" and asked["skip"] == 1 and (seasons is None or len(seasons) == 1)
    changed = {name: asked[name] for name in INSTEAD if asked[name] is not None}
    if plain and list(panel) == [""] and len(first) < LONG and not first.masked:
        settings = replace(EFFORTS_OF_ONE[asked["effort"]], seed=seed, **changed)
        return ShortRecipe(None if seasons is None else seasons[0], horizon, context, settings, power, calendar)
    made = effort_of(asked["effort"], sum(map(len, panel.values())))._replace(**changed)
    return Recipe(seasons, horizon, context, made, seed, asked["head"], asked["skip"], power, calendar)
