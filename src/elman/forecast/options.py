"""The constraints of the options of a `Forecaster`, and the strategy that the options select."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from elman.core import checks, fields
from elman.estimators.base import Constraints
from elman.forecast.boxcox import parse_lambda
from elman.forecast.combination.members import MEMBERS, NETWORK
from elman.forecast.combination.strategy import CombinedStrategy
from elman.forecast.evaluation import intervals
from elman.forecast.models.efforts import LOCAL, global_recipe, smoothed_recipe
from elman.forecast.models.global_strategy import GlobalStrategy
from elman.forecast.models.local_strategy import LocalStrategy
from elman.forecast.models.recursive_model import DENSITIES
from elman.forecast.models.window_spec import SMOOTHING
from elman.series import limits
from elman.series.calendar import check_freq
from elman.series.dates.holidays import PREFIX, parse_holidays
from elman.series.inputs import parse_calendar
from elman.series.order.grid import check_regular_step
from elman.series.order.in_order import DUPLICATES
from elman.series.panel import Panel
from elman.series.series import MISSING

__all__ = ["CONSTRAINTS", "DISTRIBUTIONS", "as_season", "strategy_of"]

DISTRIBUTIONS = ("median", "quantiles", *DENSITIES)
RECIPE_OPTIONS = ("cell", "hidden_size", "members", "updates")  # options that replace values of the effort's recipe
LONG = 1000  # a single series of at least so many rows has enough windows for a global model with larger networks


def _seasons(name: str, season: Any) -> tuple[int, ...]:
    """Checks one season or several, and returns them in increasing order."""
    given = season if isinstance(season, list | tuple) else (season,)
    seasons = tuple(sorted(checks.whole(name, each, low=1) for each in given))
    if not seasons or any(b % a or a == b for a, b in pairwise(seasons)):
        raise ValueError(f"{name}: expected lengths of which each divides the next, got {checks.shown(season)}")
    return seasons


def _models(name: str, models: Any) -> tuple[str, ...]:
    """Checks the names of what is combined, and returns them in the order of `MEMBERS`."""
    given = (models,) if isinstance(models, str) else models
    if not isinstance(given, list | tuple) or not given:
        raise TypeError(f"{name}: expected some of {', '.join(MEMBERS)}, got {checks.shown(models)}")
    chosen = {checks.choice(name, each, MEMBERS) for each in given}
    return tuple(each for each in MEMBERS if each in chosen)


CONSTRAINTS: Constraints = {
    "horizon": [fields.whole(1, limits.HORIZON), None],
    "season": [_seasons, None],
    "context": [lambda name, value: checks.whole(name, value, low=1), None],
    "levels": [lambda _, value: intervals.parse_levels(value), None],
    "windows": [fields.whole(0, limits.WINDOWS)],
    "freq": [lambda _, value: check_freq(value), None],
    "missing": [fields.one_of(*MISSING)],
    "duplicates": [fields.one_of(*DUPLICATES), None],
    "regular": [lambda _, value: check_regular_step(value), None],
    "effort": [fields.one_of(*LOCAL)],
    "cell": [fields.one_of("tanh", "relu", "gru", "lstm"), None],
    "hidden_size": [fields.whole(1, limits.HIDDEN), None],
    "models": [_models, None],
    "members": [fields.whole(1, limits.MEMBERS), None],
    "updates": [fields.whole(1, limits.UPDATES), None],
    "distribution": [fields.one_of(*DISTRIBUTIONS)],
    "skip_seasons": [fields.whole(0, limits.SKIP)],
    "boxcox_lambda": [lambda _, value: parse_lambda(value), None],
    "calendar": [lambda _, value: parse_calendar(value), None],
    "holidays": [lambda _, value: parse_holidays(value), None],
    "skip_bad": [fields.flag],
    "seed": [fields.whole(0, limits.SEED)],
}


def strategy_of(checked: Mapping[str, Any], panel: Panel) -> CombinedStrategy | LocalStrategy | GlobalStrategy:
    """Returns the strategy that the checked options of a forecaster select for these series.

    It combines the network with other models, unless `models` says otherwise, or the distribution is another than the
    median: these other models have no such distributions.
    """
    network, models = _network_strategy(checked, panel), checked["models"]
    if models is None:
        models = (NETWORK,) if checked["distribution"] != "median" else MEMBERS
    if models == (NETWORK,):
        return network
    if checked["distribution"] != "median":
        raise ValueError(f"models: expected {NETWORK!r} for distribution={checked['distribution']!r}, got {models}")
    return CombinedStrategy(network, _smoothed_strategy(checked, panel, network), checked["horizon"], models)


def _network_strategy(checked: Mapping[str, Any], panel: Panel) -> LocalStrategy | GlobalStrategy:
    """Returns the strategy of the network.

    It trains a local model on one series of less than `LONG` rows without masked values, if the options ask for the
    median, at most one season and one skip season; else a global model.
    """
    seasons, horizon, context, seed = checked["season"], checked["horizon"], checked["context"], checked["seed"]
    distribution, skip_seasons = checked["distribution"], checked["skip_seasons"]
    boxcox_lambda, calendar = checked["boxcox_lambda"], checked["calendar"]
    holidays = () if checked["holidays"] is None else (PREFIX + checked["holidays"],)
    changed = _changed(checked)
    one_season = seasons is None or len(seasons) == 1
    short = panel.single and len(panel.first) < LONG and not panel.first.masked
    if short and one_season and distribution == "median" and skip_seasons == 1:
        season, recipe = None if seasons is None else seasons[0], replace(LOCAL[checked["effort"]], **changed)
        return LocalStrategy(season, horizon, context, recipe, seed, boxcox_lambda, (calendar or ()) + holidays)
    recipe = replace(global_recipe(checked["effort"], sum(map(len, panel.values()))), **changed)
    return GlobalStrategy(
        seasons, horizon, context, recipe, seed, distribution, skip_seasons, boxcox_lambda, calendar, holidays
    )


def _smoothed_strategy(
    checked: Mapping[str, Any], panel: Panel, network: LocalStrategy | GlobalStrategy
) -> GlobalStrategy:
    """Returns the strategy of the network that corrects exponential smoothing, which reads the features of `network`
    and chooses its context by itself."""
    recipe = replace(smoothed_recipe(checked["effort"], sum(map(len, panel.values()))), **_changed(checked))
    holidays = () if isinstance(network, LocalStrategy) else network.holidays  # which has them among the others
    return GlobalStrategy(
        checked["season"], checked["horizon"], None, recipe, checked["seed"], calendar=network.calendar,
        holidays=holidays, base=SMOOTHING,
    )  # fmt: skip


def _changed(checked: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that replace values of the effort's recipe."""
    return {name: checked[name] for name in RECIPE_OPTIONS if checked[name] is not None}


def as_season(seasons: tuple[int, ...]) -> int | tuple[int, ...]:
    """Returns one season as a number, and several as a tuple."""
    short, *longer = seasons
    return seasons if longer else short
