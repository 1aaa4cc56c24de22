"""The options that all estimators of sequences have: their constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from elman.core import checks, fields
from elman.estimators.base import Constraints

__all__ = ["CONSTRAINTS", "POOLINGS"]

POOLINGS = ("last", "mean", "max", "attention", "mean+max")
MOST_UNITS = 2**16
MOST_MEMBERS = 1000
MOST_UPDATES = 2**31 - 1
MOST_SEED = 2**64 - 1


def _columns(name: str, value: object) -> tuple[int, ...]:
    """Returns numbers of columns."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name}: expected a list of columns, got {checks.shown(value)}")
    return tuple(checks.whole(f"{name}[{i}]", each, low=0) for i, each in enumerate(cast("Sequence[Any]", value)))


_SHARE = fields.number(0.0, 1.0)

CONSTRAINTS: Constraints = {
    "hidden_size": [fields.whole(1, MOST_UNITS)],
    "cell": [fields.one_of("tanh", "relu", "gru", "lstm")],
    "num_layers": [fields.whole(1, 100)],
    "bidirectional": [fields.flag],
    "pooling": [fields.one_of(*POOLINGS)],
    "dropout": [_SHARE],
    "embedding_size": [fields.whole(1, MOST_UNITS)],
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
