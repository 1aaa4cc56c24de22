"""What the file of a fitted Forecaster holds, and how its parts must fit one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from elman.core import checks, fields
from elman.core.stack import is_stack
from elman.estimators.codec import Codec
from elman.forecast import intervals
from elman.forecast.backtest import NETWORK, Backtest
from elman.forecast.baselines import RULES
from elman.forecast.metrics import rmsse_scale
from elman.forecast.model import FEATURES, Model, Plan, least_context, steps_and_lags
from elman.forecast.pooled import PooledModel
from elman.forecast.recursive import SAMPLED, SampledModel, sampled_features
from elman.forecast.view import View
from elman.forecast.view import least_context as least_of_many
from elman.network import Network
from elman.series import limits
from elman.series.calendar import Calendar
from elman.series.covariates import Covariates, Inputs
from elman.series.dates import Style
from elman.series.series import Series

__all__ = ["CODEC", "ColumnNames", "Fitted"]


class ColumnNames(NamedTuple):
    """The columns that `fit` was given by name; new rows are read by the same ones."""

    target: str | None
    time: str | None
    id: str | None
    past: str | tuple[str, ...] | None
    future: str | tuple[str, ...] | None
    static: str | tuple[str, ...] | None


@dataclass(frozen=True, eq=False)
class Fitted:
    """All that `Forecaster.fit` leaves.

    series    by id; one series alone has the id ""
    skipped   what was wrong with each series that was left out
    levels    of the intervals, in percent
    """

    model: Model | PooledModel
    series: dict[str, Series]
    skipped: dict[str, str]
    levels: tuple[float, ...]
    columns: ColumnNames
    backtest: Backtest | None

    def validate(self) -> None:
        """Raises ValueError where the parts do not fit one another."""
        _check_model(self.model)
        _check_series(self.series, self.model)
        _check_networks(self.model)
        intervals.parse_levels(self.levels)
        if self.backtest is None:
            if self.levels:
                raise ValueError(f"levels: expected none without a backtest, got {self.levels}")
            return
        _check_backtest(self.backtest, self.series, self.model)
        intervals.check_enough(self.levels, int(np.isfinite(self.backtest.truth).sum()))


CODEC = Codec(
    Fitted,
    {
        "forecaster/1": Fitted,
        "columns/1": ColumnNames,
        "local model/1": Model,
        "plan/1": Plan,
        "global model/1": PooledModel,
        "sampled model/1": SampledModel,
        "window/1": View,
        "inputs/1": Inputs,
        "series/1": Series,
        "covariates/1": Covariates,
        "calendar/1": Calendar,
        "date style/1": Style,
        "backtest/1": Backtest,
    },
)


def _check_model(model: Model | PooledModel) -> None:
    if isinstance(model, PooledModel):
        _check_view(model.view)
        heads = tuple(SAMPLED) if isinstance(model, SampledModel) else ("median", "quantiles")
        checks.choice("model.view.head", model.view.head, heads)
        return
    for name in ("context", "season", "horizon", "lags"):
        checks.whole(f"model.{name}", getattr(model, name), 1, fields.LARGEST_COUNT)
    checks.choice("model.plan.base", model.plan.base, ("last", "season"))
    checks.number("model.plan.power", model.plan.power, 0.0, 1.0)
    checks.number("model.shrink", model.shrink, 0.0, 1.0)
    plan, season, context = model.plan, model.season, model.context
    lags = steps_and_lags(context, plan, season, model.lags)[1]
    if context < least_context(season) or lags != model.lags or (plan.base == "season" and season == 1):
        raise ValueError("model: expected context, season and lags that fit one another, got others")


def _check_view(view: View) -> None:
    for name in ("context", "horizon", "lag"):
        checks.whole(f"model.view.{name}", getattr(view, name), 1, fields.LARGEST_COUNT)
    for season in view.seasons:
        checks.whole("model.view.seasons", season, 1, fields.LARGEST_COUNT)
    checks.number("model.view.power", view.power, 0.0, 1.0)
    checks.whole("model.view.skip", view.skip, 0, limits.SKIP)
    if (
        not view.seasons
        or any(b % a or a == b for a, b in pairwise(view.seasons))
        or view.lag not in view.seasons
        or view.context % view.step
        or view.context < least_of_many(view.seasons)
    ):
        raise ValueError("model.view: expected seasons, lag and context that fit one another, got others")


def _check_networks(model: Model | PooledModel) -> None:
    """That they are such as training makes for this model."""
    networks = model.networks
    if not 1 <= len(networks) <= limits.MEMBERS:
        raise ValueError(f"model.networks: expected 1 to {limits.MEMBERS} networks, got {len(networks)}")
    if isinstance(model, Model):
        inputs = model.inputs.features(model.lags, model.horizon, False) if model.inputs else 0
        reads, answers, output, skip = FEATURES * model.lags + inputs, model.horizon, "last", True
    elif isinstance(model, SampledModel):
        reads, answers, output, skip = sampled_features(model.view), 2, "sequence", model.view.skip > 0
    else:
        reads, answers, output, skip = model.view.features, model.view.outputs, "last", model.view.skip > 0
    for network in networks:
        _check_network(network, networks[0], reads, answers, output, skip)


def _check_network(network: Network, first: Network, reads: int, answers: int, output: str, skip: bool) -> None:
    layout = network.layout
    if layout.input_size != reads or layout.output_size != answers:
        raise ValueError(
            f"model.networks: expected {reads} inputs, {answers} outputs, as the model has them, got others"
        )
    if not is_stack(layout.layers, answers, output, skip) or layout.layers != first.layout.layers:
        raise ValueError(
            "model.networks: expected one recurrent layer and what the model's answer takes, in each alike"
        )
    if network.dtype != np.float32 or not np.isfinite(network.theta).all():
        raise ValueError("model.networks.theta: expected finite numbers, float32")


def _check_series(series: dict[str, Series], model: Model | PooledModel) -> None:
    if [*series] != [""] and (not series or "" in series or isinstance(model, Model)):
        raise ValueError("series: expected one without an id, or several by their ids and a model of many")
    if len({each.calendar is None for each in series.values()}) > 1:
        raise ValueError("series: expected times for all of them, or for none")
    inputs, first = model.inputs, next(iter(series.values()))
    kinds = ("past", "future", "static")
    named = {
        each.covariates and tuple(getattr(each.covariates, f"{kind}_names") for kind in kinds)
        for each in series.values()
    }
    if named not in ({None}, {tuple(tuple(each[0] for each in getattr(inputs, kind)) for kind in kinds)}):
        raise ValueError("series: expected the covariates of the model, beside every series")
    if named == {None} and (inputs.past or inputs.future or inputs.static):
        raise ValueError("series: expected the covariates of the model, got none")
    if inputs.calendar and first.calendar is None:
        raise ValueError("series: expected times for features of the dates, got none")
    longest = max(map(len, series.values()))
    if longest < model.context + model.horizon:
        raise ValueError(f"horizon: expected one that {longest} rows teach, got {model.horizon} after {model.context}")


def _check_backtest(tested: Backtest, series: dict[str, Series], model: Model | PooledModel) -> None:
    """What the series themselves say of its windows must be what it says."""
    if tested.horizon != model.horizon or (tested.units is None) != isinstance(model, Model):
        raise ValueError(f"backtest.truth: expected {model.horizon} rows in each window, and units of many series")
    if [*tested.forecasts] != [NETWORK, *RULES]:
        raise ValueError(f"backtest.forecasts: expected {(NETWORK, *RULES)}, got {checks.shown([*tested.forecasts])}")
    names: Sequence[str] = tested.series
    if "" in series and not names:
        names = [""] * len(tested)
    if not len(tested) or len(names) != len(tested) or not {*names} <= {*series}:
        raise ValueError("backtest.series: expected one a window where there are many series, else none")
    expected = np.empty(len(tested))
    for w, (name, start) in enumerate(zip(names, tested.starts, strict=True)):
        whole, end = series[name], start + model.horizon
        if not 1 <= start <= len(whole) - model.horizon:
            raise ValueError(
                f"backtest.starts: expected windows of {model.horizon} rows within the series, got {start}"
            )
        labels = whole.label(start), whole.label(end - 1)
        expected[w] = rmsse_scale(whole.head(start).observed)
        if tested.labels[w] != labels or not np.array_equal(tested.truth[w], whole.observed[start:end], equal_nan=True):
            raise ValueError(f"backtest: expected the rows from {labels[0]} to {labels[1]} in window {w}, got others")
    roots, scales, units = tested.root_scales, tested.scales, tested.units
    if roots is None or not np.isclose(roots, expected, rtol=1e-6, atol=0.0, equal_nan=True).all():
        raise ValueError("backtest.root_scales: expected those of the rows before the windows, got others")
    if not all(np.isfinite(each).all() for each in tested.forecasts.values()):
        raise ValueError("backtest.forecasts: expected finite forecasts")
    if not (np.isnan(scales) | ((scales > 0.0) & np.isfinite(scales))).all():
        raise ValueError("backtest.scales: expected scales above zero")
    if units is not None and not ((units >= 0.0) & np.isfinite(units)).all():
        raise ValueError("backtest.units: expected units of at least zero")
