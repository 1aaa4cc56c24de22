"""The contents of the file of a fitted `Forecaster`, and the checks that its parts are consistent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.core import checks
from elman.estimators.codec import Codec
from elman.forecast.combination.members import MEMBERS
from elman.forecast.combination.model import CombinedModel
from elman.forecast.combination.weights import Weights
from elman.forecast.evaluation import intervals
from elman.forecast.evaluation.backtest import LINEAR, NETWORK, ON_SMOOTHING, Backtest
from elman.forecast.evaluation.baselines import ALWAYS, RULES, YEAR_AGO
from elman.forecast.evaluation.metrics import rmsse_scale
from elman.forecast.models.global_model import DirectModel
from elman.forecast.models.linear_model import LinearModel
from elman.forecast.models.local_model import LocalModel
from elman.forecast.models.local_windows import Configuration
from elman.forecast.models.prediction import Model
from elman.forecast.models.recursive_model import RecursiveModel
from elman.forecast.models.window_spec import SEASON, WindowSpec
from elman.series.calendar import Calendar
from elman.series.columns import Columns, check_times
from elman.series.covariates import Covariates
from elman.series.dates.style import Style
from elman.series.inputs import Inputs
from elman.series.series import Series

__all__ = ["CODEC", "ColumnNames", "Fitted"]


class ColumnNames(NamedTuple):
    """The names of the columns that `fit` was given; new rows are read from the same columns."""

    target: str | tuple[str, ...] | None
    time: str | None
    id: str | None
    past: str | tuple[str, ...] | None
    future: str | tuple[str, ...] | None
    static: str | tuple[str, ...] | None
    date_format: str | None
    zone: str | None


@dataclass(frozen=True, eq=False)
class Fitted:
    """The state of a fitted `Forecaster`.

    model     the fitted model
    series    the fitted series by id
    single    whether there is one series, which was given alone
    skipped   why each series was left out, by its id
    levels    levels of the intervals, in percent
    columns   names of the columns of the fitted data
    backtest  the backtest; None: there is none
    """

    model: CombinedModel | LocalModel | DirectModel | RecursiveModel
    series: dict[str, Series]
    single: bool
    skipped: dict[str, str]
    levels: tuple[float, ...]
    columns: ColumnNames
    backtest: Backtest | None

    def validate(self) -> None:
        """Raises ValueError for parts that are not consistent with each other."""
        check_times(Columns(**self.columns._asdict()))
        if self.single and len(self.series) != 1:
            raise ValueError(f"single: expected one series, got {len(self.series)}")
        _check_series(self.series, self.model)
        intervals.parse_levels(self.levels)
        if self.backtest is None:
            if self.levels:
                raise ValueError(f"levels: expected none without a backtest, got {self.levels}")
            return
        if self.backtest.single != self.single:
            raise ValueError(f"backtest.single: expected {self.single}, got {self.backtest.single}")
        _check_backtest(self.backtest, self.series, self.model)
        intervals.check_enough(self.levels, int(np.isfinite(self.backtest.truth).sum()))


CODEC = Codec(
    Fitted,
    {
        "forecaster/1": Fitted,
        "columns/2": ColumnNames,
        "combined model/2": CombinedModel,
        "linear model/1": LinearModel,
        "weights/1": Weights,
        "local model/1": LocalModel,
        "configuration/1": Configuration,
        "direct model/1": DirectModel,
        "recursive model/1": RecursiveModel,
        "window spec/2": WindowSpec,
        "inputs/1": Inputs,
        "series/1": Series,
        "covariates/1": Covariates,
        "calendar/2": Calendar,
        "date style/2": Style,
        "backtest/1": Backtest,
    },
    {
        "combined model/1": lambda old: {**old, "smoothed": None, "year": None},
        "window spec/1": lambda old: {**old, "base": SEASON},
        "columns/1": lambda old: {**old, "date_format": None, "zone": None},
        "calendar/1": lambda old: {**old, "zone": ""},
        "date style/1": lambda old: {**old, "zone": ""},
    },
)


def _check_series(series: dict[str, Series], model: Model) -> None:
    """Raises ValueError for series on which the model cannot have been trained."""
    if not series or (len(series) > 1 and isinstance(model, LocalModel)):
        raise ValueError("series: expected one, or several and a global model")
    if len({each.calendar is None for each in series.values()}) > 1:
        raise ValueError("series: expected times for all of them, or for none")
    inputs, first = model.inputs, next(iter(series.values()))
    kinds = ("past", "future", "static")
    named = {
        each.covariates and tuple(getattr(each.covariates, f"{kind}_names") for kind in kinds)
        for each in series.values()
    }
    if named not in ({None}, {tuple(tuple(each[0] for each in getattr(inputs, kind)) for kind in kinds)}):
        raise ValueError("series: expected the covariates of the model for every series, got others")
    if named == {None} and (inputs.past or inputs.future or inputs.static):
        raise ValueError("series: expected the covariates of the model, got none")
    if inputs.calendar and first.calendar is None:
        raise ValueError("series: expected times for the calendar features of the model, got none")
    longest = max(map(len, series.values()))
    if not isinstance(model, CombinedModel) and longest < model.context + model.horizon:
        raise ValueError(
            f"horizon: expected context and horizon of at most {longest} rows together, as the longest series has, got"
            f" {model.context} and {model.horizon}"
        )


def _check_backtest(backtest: Backtest, series: dict[str, Series], model: Model) -> None:
    """Raises ValueError for a backtest that does not agree with the model or with the values of the series."""
    if backtest.horizon != model.horizon or (backtest.error_scale is None) != isinstance(model, LocalModel):
        raise ValueError(
            f"backtest.truth: expected {model.horizon} rows in each window, and an error scale but for a local model"
        )
    first, *others = backtest.forecasts
    combination = isinstance(model, CombinedModel)
    if first != model.name or not {*ALWAYS} <= {*others} <= {*(MEMBERS if combination else RULES)}:
        raise ValueError(
            f"backtest.forecasts: expected {model.name!r} and the baselines, got {checks.shown([*backtest.forecasts])}"
        )
    if not len(backtest) or not {*backtest.ids} <= {*series}:
        raise ValueError("backtest.ids: expected the id of one of the series for each window")
    expected = np.empty(len(backtest))
    for w, (id, start) in enumerate(zip(backtest.ids, backtest.starts, strict=True)):
        whole, end = series[id], start + model.horizon
        if not 1 <= start <= len(whole) - model.horizon:
            raise ValueError(
                f"backtest.starts: expected windows of {model.horizon} rows within the series, got {start}"
            )
        labels = whole.label(start), whole.label(end - 1)
        expected[w] = rmsse_scale(whole.head(start).observed)
        if backtest.labels[w] != labels or not np.array_equal(
            backtest.truth[w], whole.observed[start:end], equal_nan=True
        ):
            raise ValueError(f"backtest: expected the rows from {labels[0]} to {labels[1]} in window {w}, got others")
    roots, scales, errors = backtest.root_scales, backtest.scales, backtest.error_scale
    if roots is None or not np.isclose(roots, expected, rtol=1e-6, atol=0.0, equal_nan=True).all():
        raise ValueError("backtest.root_scales: expected those of the rows before the windows, got others")
    may_miss = (NETWORK, ON_SMOOTHING, LINEAR, YEAR_AGO) if combination else ()
    if not all(
        np.isfinite(each[~np.isnan(each)] if name in may_miss else each).all()
        for name, each in backtest.forecasts.items()
    ):
        raise ValueError("backtest.forecasts: expected finite forecasts")
    if not (np.isnan(scales) | ((scales > 0.0) & np.isfinite(scales))).all():
        raise ValueError("backtest.scales: expected scales above zero")
    if errors is not None and not ((errors >= 0.0) & np.isfinite(errors)).all():
        raise ValueError("backtest.error_scale: expected finite numbers of at least zero")
