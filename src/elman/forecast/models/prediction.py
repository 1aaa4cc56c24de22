"""What every fitted model of a forecaster answers, and every way of making one: a panel of series in, a prediction out.

One series is a panel of one. `local_model.py`, `global_model.py` and `recursive_model.py` are the models;
`local_strategy.py` and `global_strategy.py` make and test them.
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
    """The forecast of the h rows that follow each of N series."""

    values: np.ndarray  # (N, h)
    error_scale: np.ndarray | None  # (N, h, 2): the usual size of an error below and above the value; None: not known


class Model(Protocol):
    """A fitted model: it forecasts the series it was made of, and others like them."""

    @property
    def context(self) -> int:
        """The rows that it reads before a forecast."""
        ...

    @property
    def horizon(self) -> int:
        """The rows that it was trained to forecast."""
        ...

    @property
    def seasons(self) -> tuple[int, ...]:
        """The rows of each of its seasons, growing; (1,) for none."""
        ...

    @property
    def inputs(self) -> Inputs:
        """The covariates that it reads."""
        ...

    @property
    def spec(self) -> WindowSpec | None:
        """What the windows of a global model hold, so that it can be trained on; None for a local model."""
        ...

    @property
    def networks(self) -> tuple[Network, ...]:
        """The members of its ensemble."""
        ...

    def check_history(self, series: Series) -> None:
        """`DataError` for a series that it cannot forecast from."""
        ...

    def predict(self, panel: Mapping[str, Series], horizon: int | None = None) -> Prediction:
        """The forecast of `horizon` rows (None: its own) of each series, in the order of the panel. Rows past its own
        horizon are forecast from forecasts."""
        ...


M_co = TypeVar("M_co", bound=Model, covariant=True)


class Strategy(Protocol[M_co]):
    """How a model is made of a panel of series, and tested on it."""

    @property
    def horizon(self) -> int | None:
        """The rows to forecast; None: not known before `resolve`."""
        ...

    def resolve(self, panel: Panel, tested: bool, skip_bad: bool) -> tuple[Panel, Self]:
        """The series that can be learned from, and the strategy with all that depends on them, such as the horizon;
        `tested`: rows for a backtest are needed too. `DataError` for series that are too short, of many the first one
        unless it may be skipped."""
        ...

    def train(self, panel: Panel, on_progress: OnProgress | None = None) -> M_co:
        """The model of all rows."""
        ...

    def train_on(self, panel: Panel, model: Model, updates: int | None) -> M_co:
        """A model that goes on from `model` with these rows; one made afresh where that does not pay."""
        ...

    def backtest(
        self,
        panel: Panel,
        windows: int,
        step: int | None = None,
        refit: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> Backtest | None:
        """The last `windows` windows of each series, `step` rows apart, each forecast by a model that saw nothing of
        it: one for each window (`refit`), or one for all of them. Fewer windows where rows are few; None where not one
        is left."""
        ...
