"""`CombinedModel`: the weighted mean of what a network, exponential smoothing, Theta and simple rules forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from elman.core import checks, fields
from elman.forecast.combination.members import LEAST_ROWS, LINEAR, NETWORK, ON_SMOOTHING, member_forecasts
from elman.forecast.combination.weights import Weights
from elman.forecast.combination.yearly import with_year, without_year
from elman.forecast.evaluation.backtest import COMBINATION, TRAINED
from elman.forecast.models.global_model import DirectModel
from elman.forecast.models.global_strategy import FEATURED
from elman.forecast.models.linear_model import LinearModel
from elman.forecast.models.local_model import LocalModel
from elman.forecast.models.prediction import Prediction
from elman.forecast.models.window_spec import SMOOTHING, WindowSpec
from elman.forecast.smoothing import SmoothingModels
from elman.network import Network
from elman.series.errors import DataError
from elman.series.inputs import NO_INPUTS, Inputs
from elman.series.series import Series

__all__ = ["CombinedModel", "can_read", "combined", "far", "forecasts_of"]


@dataclass(frozen=True, eq=False)
class CombinedModel:
    """Networks, where the series were long enough for them, with models of each series alone.

    The latter are fitted to the rows from which they forecast, so nothing of them is kept but their weights.

    network     the ensemble of networks; None: no series was long enough
    smoothed    the ensemble that corrects exponential smoothing; None: no series was long enough, or has such seasons
    linear      the linear model of long windows; None: no series was long enough
    weights     of each member, learned in a backtest
    own_horizon, own_seasons   number of rows to forecast, and lengths of the seasons
    year        rows of a year, whose part is taken out of what the linear model reads, and the network in a far
                forecast (`far`); None: none is
    """

    network: LocalModel | DirectModel | None
    smoothed: DirectModel | None
    linear: LinearModel | None
    weights: Weights
    own_horizon: int
    own_seasons: tuple[int, ...]
    year: float | None

    @property
    def name(self) -> str:
        """Returns the name of its forecasts in a backtest."""
        return COMBINATION

    def validate(self) -> None:
        """Raises ValueError or TypeError for a model that `CombinedStrategy` does not make."""
        checks.whole("own_horizon", self.own_horizon, 1, fields.LARGEST_COUNT)
        for season in self.own_seasons:
            checks.whole("own_seasons", season, 1, fields.LARGEST_COUNT)
        if self.year is not None:
            checks.number("year", self.year, 1.0, fields.LARGEST_COUNT)
        for name, model in (("network", self.network), ("smoothed", self.smoothed)):
            if model is not None and model.horizon != self.own_horizon:
                raise ValueError(f"{name}: expected a horizon of {self.own_horizon}, got {model.horizon}")
        if self.smoothed is not None and self.smoothed.spec.base != SMOOTHING:
            raise ValueError(f"smoothed.spec.base: expected {SMOOTHING!r}, got {self.smoothed.spec.base!r}")
        if not self.own_seasons or not {*TRAINED} & {*self.weights.members} <= {*self._trained}:
            raise ValueError("weights: expected seasons, and no weights of a model that is not there")

    @property
    def context(self) -> int:
        """Returns the number of rows from which all members can forecast; with fewer, down to `LEAST_ROWS`, those of
        the statistical models can."""
        return max([LEAST_ROWS, *(model.context for model in self._trained.values())])

    @property
    def horizon(self) -> int:
        """Returns the number of rows that are forecast."""
        return self.own_horizon

    @property
    def seasons(self) -> tuple[int, ...]:
        """Returns the lengths of the seasons in rows, in increasing order."""
        return self.own_seasons

    @property
    def inputs(self) -> Inputs:
        """Returns the covariates that the networks read."""
        network = self.network or self.smoothed
        return NO_INPUTS if network is None else network.inputs

    @property
    def spec(self) -> WindowSpec | None:
        """Returns what the windows of the networks hold, where these are global."""
        return None if self.network is None else self.network.spec

    @property
    def networks(self) -> tuple[Network, ...]:
        """Returns the networks of the ensemble."""
        network = self.network or self.smoothed
        return () if network is None else network.networks

    def check_history(self, series: Series) -> None:
        """Raises `DataError` for a series of too few rows."""
        if len(series) < LEAST_ROWS:
            raise DataError(f"history: expected at least {LEAST_ROWS} rows to forecast from, got {len(series)}")

    def weights_of(self, panel: Mapping[str, Series]) -> dict[str, dict[str, float]]:
        """Returns the weight of each member in the forecast of each series, by id and name."""
        names = self.weights.members
        trained = self._trained
        there = np.array(
            [[name not in trained or can_read(trained[name], each) for name in names] for each in panel.values()]
        )
        rows = self.weights.of(list(panel), there).tolist()
        return {id: dict(zip(names, row, strict=True)) for id, row in zip(panel, rows, strict=True)}

    @property
    def _trained(self) -> dict[str, LocalModel | DirectModel | LinearModel]:
        """Returns the models that were trained on all series, by name."""
        models = {NETWORK: self.network, ON_SMOOTHING: self.smoothed, LINEAR: self.linear}
        return {name: model for name, model in models.items() if model is not None}

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """Returns the forecasts of the series (see `prediction.Model`)."""
        return self.predict_with_members(panel, horizon)[0]

    def predict_with_members(
        self, panel: Mapping[str, Series], horizon: int | None = None
    ) -> tuple[Prediction, dict[str, np.ndarray]]:
        """Returns the forecasts of the series, and by the name of each member what it forecasts, (N, h); NaN where it
        does not forecast a series."""
        horizon = self.horizon if horizon is None else horizon
        found, spread, damped = member_forecasts(list(panel.values()), horizon, self.seasons)
        years = {LINEAR: self.year, NETWORK: self.year if far(self.horizon) else None}
        members = forecasts_of(self._trained, panel, horizon, years, damped) | found
        values = combined(self.weights, list(panel), members, [*panel.values()])
        return Prediction(values, np.repeat(spread[..., None], 2, axis=2)), members


def far(horizon: int) -> bool:
    """Returns whether a forecast reaches further than a network reads the features of the dates."""
    return horizon > FEATURED


def forecasts_of(
    models: Mapping[str, LocalModel | DirectModel | LinearModel],
    panel: Mapping[str, Series],
    horizon: int,
    years: Mapping[str, float | None],
    damped: SmoothingModels | None = None,
) -> dict[str, np.ndarray]:
    """Returns the forecasts (N, h) of trained models by name; NaN of series that are too short for one.

    years    for each model, rows of a year without whose part it reads the series; None, or none given: it reads them
             as they are
    damped   what `member_forecasts` returns, so that networks that correct it need not fit it again
    """
    read = {year: without_year(panel, year) for year in {years.get(name) for name in models}}
    forecasts = dict[str, np.ndarray]()
    for name, model in models.items():
        adjusted, parts = read[years.get(name)]
        found = np.full((len(panel), horizon), np.nan)
        long = {id: series for id, series in adjusted.items() if can_read(model, series)}
        if long:
            there = np.array([id in long for id in panel])
            if isinstance(model, DirectModel):
                values = model.predict(long, horizon, damped and damped.take(there)).values
            else:
                values = model.predict(long, horizon).values
            found[there] = with_year(values, parts, [*long], [len(each) for each in long.values()])
        forecasts[name] = found
    return forecasts


def can_read(model: LocalModel | DirectModel | LinearModel, series: Series) -> bool:
    """Returns whether a series is one from which a model can forecast."""
    try:
        model.check_history(series)
    except DataError:
        return False
    return True


def combined(
    weights: Weights, ids: Sequence[str], members: Mapping[str, np.ndarray], histories: Sequence[Series]
) -> np.ndarray:
    """Returns the weighted means (N, h) of what the members forecast, (N, h) each; one that is missing or NaN does not.

    histories  the rows before: series that were never negative have no negative forecasts
    """
    none = np.full((len(ids), next(iter(members.values())).shape[1]), np.nan)
    each = np.stack([members.get(name, none) for name in weights.members], axis=1)
    there = np.asarray(np.isfinite(each).all(axis=2))
    values = np.einsum("nk,nkh->nh", weights.of(ids, there), np.where(there[..., None], each, 0.0))
    lowest = np.array([series.values.min() for series in histories])
    return np.where(lowest[:, None] >= 0.0, np.maximum(values, 0.0), values)
