"""Forecasts by a fitted model: which series can be served, their values, and the intervals a backtest gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from elman.forecast import intervals
from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.baselines import baselines
from elman.forecast.coverage import pooled_errors
from elman.forecast.model import Model
from elman.forecast.pooled import PooledModel
from elman.forecast.result import Forecast
from elman.series.errors import DataError
from elman.series.panel import map_series
from elman.series.series import Series

__all__ = ["forecasts", "usable"]


def usable(
    model: Model | PooledModel, panel: Mapping[str, Series], h: int, skip_bad: bool
) -> tuple[dict[str, Series], dict[str, str]]:
    """The series that can be forecast h rows ahead, and what is wrong with the others; the first of these is an error
    unless it may be skipped."""

    def check(name: str) -> Series:
        model.check_history(panel[name])
        model.inputs.check(panel[name], h)
        return panel[name]

    return map_series(panel, check, skip_bad, "forecast", single="" in panel)


def forecasts(
    model: Model | PooledModel,
    backtest: Backtest | None,
    panel: Mapping[str, Series],
    h: int,
    levels: Sequence[float],
    source: str,
) -> dict[str, Forecast]:
    """Each series' forecast of h rows by `source`, the network or a baseline, with the intervals of these levels, which
    need a backtest."""
    rolled = max(0, h - model.horizon) if source == NETWORK else 0
    season = model.season[0] if isinstance(model.season, tuple) else model.season
    full = [series.fill_masked(season) for series in panel.values()]
    units: np.ndarray | None = None
    if isinstance(model, PooledModel):
        values, units = model.predict(full, h)
    else:
        values = np.array([model.predict(series, h) for series in full])
    if source != NETWORK:
        values = np.array([baselines(series.values, h, season)[source] for series in full])
    bands: Sequence[Mapping[float, np.ndarray]] = [{}] * len(full)
    if levels and backtest is not None:
        bands = _bands(backtest, source, panel, values, units, levels)
    found: dict[str, Forecast] = {}
    for (name, series), forecast, band in zip(panel.items(), values, bands, strict=True):
        if not all(np.isfinite(each).all() for each in (forecast, *band.values())):
            raise DataError(
                (f"series {name!r}: " if name else "") + f"the forecast of {source!r} is beyond reckoning; fit it anew"
            )
        own = backtest
        if backtest is not None and backtest.series:
            own = backtest.of(name) if name in backtest.places else None
        found[name] = Forecast(series, forecast, band, source, own, rolled)
    return found


def _bands(
    backtest: Backtest,
    source: str,
    panel: Mapping[str, Series],
    values: np.ndarray,
    units: np.ndarray | None,
    levels: Sequence[float],
) -> list[dict[float, np.ndarray]]:
    """For each series: level -> (h, 2); what was never below zero is not forecast to be."""
    floors = [0.0 if series.values.min() >= 0.0 else -np.inf for series in panel.values()]
    if units is None:
        errors = backtest.truth, backtest.forecasts[source]
        return [
            intervals.bands(forecast, *errors, levels, relative=backtest.relative, floor=floor)
            for forecast, floor in zip(values, floors, strict=True)
        ]
    bounds = pooled_errors(backtest, source).bands(list(panel), values, units, levels)
    return [
        {level: np.maximum(bounds[k, i], floor) for k, level in enumerate(levels)} for i, floor in enumerate(floors)
    ]
