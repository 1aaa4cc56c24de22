"""neuralforecast's recurrent models: one of all series, with the defaults or the options of its quick start."""

from __future__ import annotations

import logging
from typing import Any

import neuralforecast
import torch
from neuralforecast import NeuralForecast, models

from benchmarks.forecasters import Known, Work
from benchmarks.forecasters.frames import frame, unframe

__all__ = ["forecast", "versions"]

logging.disable(logging.WARNING)
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}


def versions() -> dict[str, str]:
    return {"neuralforecast": neuralforecast.__version__, "torch": torch.__version__}


def forecast(work: Work, known: Known, kind: str, quick: bool = False) -> Known:
    options: dict[str, Any] = {"random_seed": 0, "accelerator": "cpu", **QUIET}
    if quick:
        options |= {"input_size": 2 * work.horizon, "max_steps": 500, "scaler_type": "standard"}
        options |= {"encoder_hidden_size": 64, "decoder_hidden_size": 64}
    model = getattr(models, kind)(h=work.horizon, alias="found", **options)
    whole = NeuralForecast(models=[model], freq=1)
    whole.fit(frame(known))
    return unframe(whole.predict())
