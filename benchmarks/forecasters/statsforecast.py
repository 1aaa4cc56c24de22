"""statsforecast's automatic models: one for each series, in as many processes as there are cores."""

from __future__ import annotations

import statsforecast
from statsforecast import StatsForecast, models

from benchmarks.forecasters import Known, Work
from benchmarks.forecasters.frames import frame, unframe

__all__ = ["forecast", "versions"]


def versions() -> dict[str, str]:
    return {"statsforecast": statsforecast.__version__}


def forecast(work: Work, known: Known, kind: str) -> Known:
    season = list(work.seasons) if kind == "MSTL" else work.seasons[0]
    model = getattr(models, kind)(season_length=season, alias="found")
    whole = StatsForecast(models=[model], freq=1, n_jobs=min(work.threads, len(known)))
    return unframe(whole.forecast(df=frame(known), h=work.horizon))
