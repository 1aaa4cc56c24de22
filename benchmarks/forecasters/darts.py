"""darts' recurrent models: one of all series, in float32, as its example of the airline passengers is made.

`RNNModel` answers one row at a time and reads its own answers on; `BlockRNNModel` answers the whole horizon. Its
defaults say nothing of the context: two seasons or two horizons, whichever is more. `training_length` is as long as
what the network runs over when it forecasts.
"""

from __future__ import annotations

import logging
from typing import Any

import darts
import numpy as np
import torch
from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.models import BlockRNNModel, RNNModel

from benchmarks.forecasters import UPDATES, Known, Work

__all__ = ["forecast", "versions"]

logging.disable(logging.WARNING)
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}


def versions() -> dict[str, str]:
    return {"darts": darts.__version__, "torch": torch.__version__}


def forecast(work: Work, known: Known, kind: str, scaled: bool = True, block: bool = False) -> Known:
    context = 2 * max(work.seasons[0], work.horizon)
    series: Any = [TimeSeries.from_values(values.astype(np.float32)) for values in known.values()]
    scaler = Scaler()
    if scaled:
        series = scaler.fit_transform(series)
    options: dict[str, Any] = {
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu", "max_steps": UPDATES, **QUIET},
    }
    beside: dict[str, Any] = {}
    if block:
        model: Any = BlockRNNModel(context, work.horizon, model=kind, **options)
    else:
        model = RNNModel(context, model=kind, training_length=context + work.horizon, **options)
        if scaled and len(known) == 1:
            beside["future_covariates"] = [_calendar(len(values), work) for values in known.values()]
    model.fit(series, verbose=False, **beside)
    found = model.predict(work.horizon, series=series, verbose=False, **beside)
    if scaled:
        found = scaler.inverse_transform(found)
    return {name: each.values().ravel().astype(np.float64) for name, each in zip(known, found, strict=True)}


def _calendar(rows: int, work: Work) -> TimeSeries:
    """Time, from 0 to 1 over the rows that are known, and the place in the season, one column a place."""
    time = np.arange(rows + work.horizon)
    places = time[:, None] % work.seasons[0] == np.arange(work.seasons[0])
    return TimeSeries.from_values(np.column_stack([time / (rows - 1), places]).astype(np.float32))
