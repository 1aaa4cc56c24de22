"""The options of `SpeechModel`: the checks of which one must pass."""

from __future__ import annotations

from elman.core import fields
from elman.estimators.base import Constraints
from elman.series import limits
from elman.speech.features import SCALINGS
from elman.speech.frames import MOST_BANDS, MOST_STACKED
from elman.speech.labels import LEVELS
from elman.speech.wav import FASTEST, SLOWEST

__all__ = ["CHANNELS", "CONSTRAINTS"]

CHANNELS = ("error", "mean", "first")
share = fields.number(0.0, 0.95)

CONSTRAINTS: Constraints = {
    "level": [fields.one_of(*LEVELS)],
    "rate": [fields.whole(SLOWEST, FASTEST), None],
    "channels": [fields.one_of(*CHANNELS)],
    "resample": [fields.flag],
    "frame_ms": [fields.number(1.0, 1000.0)],
    "step_ms": [fields.number(0.5, 1000.0)],
    "bands": [fields.whole(1, MOST_BANDS)],
    "low": [fields.number(0.0)],
    "high": [fields.number(0.0, open_low=True), None],
    "stack": [fields.whole(1, MOST_STACKED)],
    "scaling": [fields.one_of(*SCALINGS), None],
    "cell": [fields.one_of("lstm", "gru", "tanh", "relu")],
    "hidden_size": [fields.whole(1, limits.HIDDEN)],
    "num_layers": [fields.whole(1, 64)],
    "bidirectional": [fields.flag],
    "dropout": [share],
    "speed": [fields.number(0.0, 0.5)],
    "gain": [fields.number(0.0, 60.0)],
    "noise": [fields.number(0.0, 10.0)],
    "mask_bands": [fields.whole(0, MOST_BANDS)],
    "mask_seconds": [fields.number(0.0, 60.0)],
    "updates": [fields.whole(1, 2**31)],
    "batch_size": [fields.whole(1, 2**16)],
    "learning_rate": [fields.number(0.0, 1.0, open_low=True)],
    "weight_decay": [fields.number(0.0, 10.0)],
    "validation_fraction": [fields.number(0.0, 0.9)],
    "patience": [fields.whole(1), None],
    "seed": [fields.whole(0, limits.SEED)],
}
