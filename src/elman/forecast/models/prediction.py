"""The protocols of a forecaster's fitted models and of the strategies that train them, and `Prediction`.

A model forecasts a panel of series; one series is a panel with one entry. `local_model.py`, `global_model.py` and
`recursive_model.py` hold the models, `local_strategy.py` and `global_strategy.py` the strategies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, Self, TypeVar

import numpy as np

from elman.estimators.ensemble import OnProgress
from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.models.window_spec import WindowSpec
from elman.network import Network
from elman.series.inputs import Inputs
from elman.series.panel import Panel
from elman.series.series import Series

__all__ = ["Model", "Prediction", "Strategy"]


class Prediction(NamedTuple):
    """The forecasts of the h rows that follow each of N series."""

    values: np.ndarray  # (N, h)
    error_scale: np.ndarray | None  # (N, h, 2), the expected size of errors below and above a value; None: not known


class Model(Protocol):
    """A fitted model. It forecasts the series on which it was trained, and other series with the same covariates."""

    @property
    def name(self) -> str:
        """Returns the name of its forecasts in a backtest: "combination" or "network"."""
        ...

    @property
    def context(self) -> int:
        """Returns the context: the number of rows that the model reads before a forecast."""
        ...

    @property
    def horizon(self) -> int:
        """Returns the forecast horizon: the number of rows that the model was trained to forecast."""
        ...

    @property
    def seasons(self) -> tuple[int, ...]:
        """Returns the lengths of the seasons in rows, in increasing order; (1,) for none."""
        ...

    @property
    def inputs(self) -> Inputs:
        """Returns the covariates that the model reads."""
        ...

    @property
    def spec(self) -> WindowSpec | None:
        """Returns what the windows of a global model hold; None for a local model."""
        ...

    @property
    def networks(self) -> tuple[Network, ...]:
        """Returns the networks of the ensemble."""
        ...

    def check_history(self, series: Series) -> None:
        """Raises `DataError` for a series from which the model cannot forecast."""
        ...

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """Returns the forecasts of each series, in the order of the panel.

        horizon   number of rows to forecast; None: the horizon of the model. Rows past that horizon are forecast from
                  the earlier forecasts, in their place as values
        """
        ...


M_co = TypeVar("M_co", bound=Model, covariant=True)


class Strategy(Protocol[M_co]):
    """A way to train a model on a panel of series, and to backtest it."""

    @property
    def horizon(self) -> int | None:
        """Returns the number of rows to forecast; None before `resolve` has chosen it."""
        ...

    def resolve(self, panel: Panel, with_backtest: bool, skip_bad: bool) -> tuple[Panel, Self]:
        """Returns the series that are long enough, and a copy of the strategy whose horizon is chosen for them.

        with_backtest   whether the series must also have rows for a backtest window
        skip_bad        whether series that are too short are left out; otherwise the first one raises `DataError`
        """
        ...

    def seasons_of(self, panel: Panel) -> tuple[int, ...]:
        """Returns the seasons that a model of these series has, in rows; (1,) for none."""
        ...

    def train(self, panel: Panel, on_progress: OnProgress | None = None, backtest: Backtest | None = None) -> M_co:
        """Trains a model on all rows of the panel and returns it.

        backtest   the backtest of the panel, by which a combination weighs its members
        """
        ...

    def train_on(self, panel: Panel, model: Model, updates: int | None) -> M_co:
        """Returns a model for all rows of the panel, which may be trained further from `model` or trained anew.

        updates   number of updates of further training; None: chosen by the strategy
        """
        ...

    def backtest(
        self,
        panel: Panel,
        windows: int,
        step: int | None = None,
        refit: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> Backtest | None:
        """Returns a backtest on the last windows of each series, or None if the series are too short for any.

        windows   number of windows; there are fewer if the series are too short
        step      number of rows from the start of one window to the start of the next; None: chosen by the strategy
        refit     True: one model is trained for each window; False: one model, trained on the rows before all windows,
                  forecasts all of them; None: chosen by the strategy
        """
        ...
