"""Makes forecasts with a fitted model: the values for each series, and intervals calibrated by a backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from elman.forecast.combination.model import CombinedModel
from elman.forecast.evaluation import intervals
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.baselines import baselines, rows_ago
from elman.forecast.evaluation.coverage import pooled_errors
from elman.forecast.models.prediction import Model, Prediction
from elman.forecast.result import Forecast
from elman.series.errors import DataError
from elman.series.panel import Panel
from elman.series.series import Series
from elman.series.tables.frames import FrameType

__all__ = ["forecastable", "forecasts"]


def forecastable(model: Model, panel: Panel, h: int, skip_bad: bool) -> Panel:
    """Returns the series that the model can forecast h rows ahead.

    `DataError` for the first series that it cannot, unless `skip_bad` is set and there are others.
    """

    def check(id: str) -> Series:
        model.check_history(panel[id])
        model.inputs.check(panel[id], h)
        return panel[id]

    return panel.replaced(*panel.map(check, skip_bad, "forecast"))


def forecasts(
    model: Model,
    backtest: Backtest | None,
    panel: Panel,
    h: int,
    levels: Sequence[float],
    source: str | None,
    frame: FrameType | None = None,
) -> dict[str, Forecast]:
    """Returns the forecast of the h rows after each series, by its id.

    levels   levels of the intervals in percent; ignored without a backtest
    source   the baseline whose forecast it is; None: the model's
    frame    type of the data frame that the series came in
    """
    season, members = model.seasons[0], dict[str, np.ndarray]()
    if isinstance(model, CombinedModel):
        predicted, members = model.predict_with_members(panel, h)
    else:
        predicted = model.predict(panel, h)
    if source in members:
        predicted = predicted._replace(values=members[source])
    elif source is not None:
        rules = [
            baselines(series.fill_masked(season).values, h, season, rows_ago(series.calendar, season))[source]
            for series in panel.values()
        ]
        predicted = predicted._replace(values=np.array(rules))
    bands: Sequence[Mapping[float, np.ndarray]] = [{}] * len(panel)
    name = source or model.name
    if levels and backtest is not None:
        bands = _bands(backtest, name, panel, predicted, levels)
    recursive_steps = max(0, h - model.horizon) if source is None else 0
    results: dict[str, Forecast] = {}
    for (id, series), values, band in zip(panel.items(), predicted.values, bands, strict=True):
        if not all(np.isfinite(each).all() for each in (values, *band.values())):
            raise DataError(
                panel.problem(id, f"the forecast of {name!r} is too large for a number; fit the model again")
            )
        own = backtest
        if backtest is not None and not backtest.single:
            own = backtest.of(id) if id in backtest.places else None
        results[id] = Forecast(series, values, band, name, own, recursive_steps, season, frame=frame)
    return results


def _bands(
    backtest: Backtest, source: str, panel: Panel, predicted: Prediction, levels: Sequence[float]
) -> list[dict[float, np.ndarray]]:
    """Returns for each series its intervals by level, (h, 2); those of a series that is never negative are cut at 0."""
    floors = [0.0 if series.values.min() >= 0.0 else -np.inf for series in panel.values()]
    if predicted.error_scale is None:
        errors = backtest.truth, backtest.forecasts[source]
        return [
            intervals.bands(values, *errors, levels, relative=backtest.relative, floor=floor)
            for values, floor in zip(predicted.values, floors, strict=True)
        ]
    ids = list(backtest.places) if backtest.single else list(panel)  # a new history may have another name
    bounds = pooled_errors(backtest, source).bands(ids, predicted.values, predicted.error_scale, levels)
    return [
        {level: np.maximum(bounds[k, i], floor) for k, level in enumerate(levels)} for i, floor in enumerate(floors)
    ]
