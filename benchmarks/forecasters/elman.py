"""elman's `Forecaster`: one series alone, or many with one model; no backtest, for nobody else makes one here."""

from __future__ import annotations

import elman
from benchmarks.forecasters import Known, Work
from elman import Forecaster

__all__ = ["forecast", "versions"]


def versions() -> dict[str, str]:
    found = elman.show_config()
    return {"elman": found["version"], "engine": found["engine"], "isa": str(found["isa"])}


def forecast(work: Work, known: Known, effort: str) -> Known:
    season = work.seasons if len(work.seasons) > 1 else work.seasons[0]
    model = Forecaster(horizon=work.horizon, season=season, windows=0, effort=effort)
    if len(known) == 1:
        ((name, values),) = known.items()
        return {name: model.fit(values).predict()}
    return model.fit(known).predict()
