"""The yardsticks: rules that learn nothing."""

from __future__ import annotations

import numpy as np

from benchmarks.forecasters import Known, Work
from elman.forecast.evaluation.baselines import naive2, seasonal_naive

__all__ = ["forecast", "versions"]


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}


def forecast(work: Work, known: Known, rule: str) -> Known:
    given = {"naive2": naive2, "seasonal naive": seasonal_naive}[rule]
    return {name: given(values, work.horizon, work.seasons[0]) for name, values in known.items()}
