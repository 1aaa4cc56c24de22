"""The options of an AnomalyDetector: their constraints, and the training recipe that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from elman.anomaly.network import EFFORTS
from elman.core import checks, fields
from elman.estimators.base import Constraints
from elman.estimators.recipe import Recipe
from elman.series import limits
from elman.series.calendar import check_freq
from elman.series.order.grid import check_regular_step
from elman.series.order.in_order import DUPLICATES

__all__ = ["CONSTRAINTS", "MISSING", "training_recipe"]

MISSING = ("error", "interpolate", "zero")  # "mask", as in a Forecaster, would score values that are none


def training_recipe(effort: str, cell: str | None, hidden_size: int | None) -> Recipe:
    """Returns the recipe by which a detector with these checked options trains its networks."""
    recipe = EFFORTS[effort]
    return replace(recipe, cell=cell or recipe.cell, hidden_size=hidden_size or recipe.hidden_size)


def _probation(name: str, value: object) -> float:
    """Returns a share of the rows, below 1, or a whole number of them."""
    share = checks.number(name, value, 0.0, open_low=True)
    return share if share < 1.0 else checks.whole(name, value, low=1)


def _seasons(name: str, value: object) -> tuple[int, ...]:
    """Returns the lengths of one or several seasons in rising order."""
    given = cast("Sequence[object]", value) if isinstance(value, list | tuple) else (value,)
    if not given:
        raise ValueError(f"{name}: expected a number of rows, or several, got none")
    return tuple(sorted({checks.whole(name, each, low=1) for each in given}))


CONSTRAINTS: Constraints = {
    "rate": [fields.number(0.0, 0.1, open_low=True)],
    "probation": [_probation, None],
    "season": [_seasons, None],
    "freq": [lambda _, value: check_freq(value), None],
    "missing": [fields.one_of(*MISSING)],
    "duplicates": [fields.one_of(*DUPLICATES), None],
    "regular": [lambda _, value: check_regular_step(value), None],
    "effort": [fields.one_of(*EFFORTS)],
    "cell": [fields.one_of("tanh", "relu", "gru", "lstm"), None],
    "hidden_size": [fields.whole(1, limits.HIDDEN), None],
    "seed": [fields.whole(0, limits.SEED)],
}
