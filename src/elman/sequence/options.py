"""The options that all estimators of sequences have: their constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from elman.core import checks, fields
from elman.estimators.base import Constraints

__all__ = ["CLASS_WEIGHT", "CONSTRAINTS", "POOLINGS"]

POOLINGS = ("last", "mean", "max", "attention")
MOST_UNITS = 2**16
MOST_MEMBERS = 1000
MOST_UPDATES = 2**31 - 1
MOST_SEED = 2**64 - 1


def _columns(name: str, value: object) -> tuple[int | str, ...]:
    """Returns columns by their numbers or names."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name}: expected a list of columns, got {checks.shown(value)}")
    given = cast("Sequence[Any]", value)
    return tuple(
        each if isinstance(each, str) else checks.whole(f"{name}[{i}]", each, low=0) for i, each in enumerate(given)
    )


def _sizes(name: str, value: object) -> int | tuple[int, ...]:
    """Returns one size, or one for each column of tokens."""
    if not isinstance(value, list | tuple):
        return checks.whole(name, value, 1, MOST_UNITS)
    if not value:
        raise ValueError(f"{name}: expected a size, or one for each column of tokens, got none")
    given = cast("Sequence[Any]", value)
    return tuple(checks.whole(f"{name}[{i}]", each, 1, MOST_UNITS) for i, each in enumerate(given))


def _pooling(name: str, value: object) -> str:
    """Returns one of POOLINGS, or different ones joined by "+"."""
    parts = fields.text(name, value).split("+")
    for part in parts:
        checks.choice(name, part, POOLINGS)
    if len({*parts}) < len(parts):
        raise ValueError(f"{name}: expected each of {', '.join(POOLINGS)} once, joined by '+', got {value!r}")
    return "+".join(parts)


def _class_weight(name: str, value: object) -> Any:
    """Returns a mapping of labels to weights, which are checked with the labels."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: expected 'balanced' or a mapping of labels to weights, got {checks.shown(value)}")
    return dict(value)


CLASS_WEIGHT = [fields.one_of("balanced"), _class_weight, None]
_SHARE = fields.number(0.0, 1.0)

CONSTRAINTS: Constraints = {
    "hidden_size": [fields.whole(1, MOST_UNITS)],
    "cell": [fields.one_of("tanh", "relu", "gru", "lstm")],
    "num_layers": [fields.whole(1, 100)],
    "bidirectional": [fields.flag],
    "pooling": [_pooling],
    "dropout": [_SHARE],
    "embedding_size": [_sizes],
    "min_count": [fields.whole(1)],
    "token_columns": [_columns],
    "standardize": [fields.flag],
    "epochs": [fields.whole(1, MOST_UPDATES), None],
    "batch_size": [fields.whole(1)],
    "learning_rate": [fields.number(0.0, open_low=True)],
    "weight_decay": [fields.number(0.0)],
    "members": [fields.whole(1, MOST_MEMBERS)],
    "early_stopping": [fields.flag],
    "validation_fraction": [fields.number(0.0, 0.9, open_low=True)],
    "patience": [fields.whole(1, MOST_UPDATES)],
    "warm_start": [fields.flag],
    "id": [fields.text, None],
    "time": [fields.text, None],
    "progress": [fields.flag],
    "seed": [fields.whole(0, MOST_SEED)],
}
