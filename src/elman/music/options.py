"""The options of `MusicModel`, and the checks of which one must pass."""

from __future__ import annotations

from typing import Any

from elman.core import fields
from elman.estimators.base import Constraints
from elman.music.chords import KeysInOrder
from elman.music.encoding import Encoding
from elman.music.independent import IndependentKeys
from elman.music.keyboard import MOST_STEPS_PER_BEAT

__all__ = ["CONSTRAINTS", "encoding_of"]

MOST_UNITS, MOST_LAYERS, MOST_MEMBERS, MOST_UPDATES, MOST_BEATS = 2**14, 16, 100, 10**8, 64
share = fields.number(0.0, 0.95)

CONSTRAINTS: Constraints = {
    "joint": [fields.flag],
    "steps_per_beat": [fields.whole(1, MOST_STEPS_PER_BEAT)],
    "beats_per_bar": [fields.whole(1, MOST_BEATS)],
    "cell": [fields.one_of("tanh", "relu", "lstm", "gru")],
    "hidden_size": [fields.whole(1, MOST_UNITS)],
    "num_layers": [fields.whole(1, MOST_LAYERS)],
    "dropout": [share],
    "recurrent_dropout": [share],
    "members": [fields.whole(1, MOST_MEMBERS)],
    "updates": [fields.whole(1, MOST_UPDATES)],
    "batch_size": [fields.whole(1, 2**16)],
    "learning_rate": [fields.number(0.0, 1.0, open_low=True)],
    "weight_decay": [fields.number(0.0, 10.0)],
    "transpose": [fields.whole(0, 12)],
    "validation_fraction": [fields.number(0.0, 0.5)],
    "skip_bad": [fields.flag],
    "seed": [fields.whole(0, 2**64 - 1)],
}


def encoding_of(options: dict[str, Any]) -> Encoding:
    """Returns the kind of output that checked options ask for."""
    bar = options["beats_per_bar"] * options["steps_per_beat"]
    return KeysInOrder(bar) if options["joint"] else IndependentKeys(bar)
