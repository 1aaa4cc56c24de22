"""The options of an AnomalyDetector, checked, and how its networks are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from elman.anomaly.network import EFFORTS
from elman.core import checks, fields
from elman.estimators.base import Constraints
from elman.estimators.recipe import Recipe
from elman.series import limits
from elman.series.calendar import check_freq

__all__ = ["CONSTRAINTS", "MISSING", "recipe_of"]

MISSING = ("error", "interpolate")  # a masked value would be scored as if it were one


def recipe_of(asked: Mapping[str, Any]) -> Recipe:
    """How the networks of a detector with these checked options are trained."""
    changed = {name: asked[name] for name in ("cell", "hidden_size") if asked[name] is not None}
    return replace(EFFORTS[asked["effort"]], **changed)


def _probation(name: str, value: Any) -> float:
    """Returns a share of the rows, below 1, or a number of rows."""
    share = checks.number(name, value, 0.0, open_low=True)
    return share if share < 1.0 else checks.whole(name, value, low=1)


def _seasons(name: str, value: Any) -> tuple[int, ...]:
    """Returns the lengths of one season or several in rising order, each once."""
    given = value if isinstance(value, list | tuple) else (value,)
    if not given:
        raise ValueError(f"{name}: expected a number of rows, or several, got none")
    return tuple(sorted({checks.whole(name, each, low=1) for each in given}))


def _freq(_: str, value: Any) -> str:
    check_freq(value)
    return value


CONSTRAINTS: Constraints = {
    "rate": [fields.number(0.0, 0.1, open_low=True)],
    "probation": [_probation],
    "season": [_seasons, None],
    "freq": [_freq, None],
    "missing": [fields.one_of(*MISSING)],
    "effort": [fields.one_of(*EFFORTS)],
    "cell": [fields.one_of("tanh", "relu", "gru", "lstm"), None],
    "hidden_size": [fields.whole(1, limits.HIDDEN), None],
    "seed": [fields.whole(0, limits.SEED)],
}
