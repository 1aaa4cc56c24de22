"""What the file of a Forecaster must say: every field, its range, how they fit, and the shapes that follow."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.core import checks, fields
from elman.core.describe import layout_from_plain
from elman.core.layers import Layout
from elman.core.stack import is_stack
from elman.forecast import intervals
from elman.forecast.backtest import NETWORK
from elman.forecast.baselines import RULES
from elman.forecast.model import FEATURES, Model, Plan, least_context, steps_and_lags
from elman.forecast.options import HEADS
from elman.forecast.pooled import PooledModel
from elman.forecast.recursive import SAMPLED, SampledModel, sampled_features
from elman.forecast.view import View
from elman.forecast.view import least_context as least_of_many
from elman.series.calendar import Calendar
from elman.series.columns import Columns
from elman.series.inputs import CALENDAR, Inputs
from elman.series.limits import LARGEST
from elman.series.tables.dates import Style

if TYPE_CHECKING:
    from elman.core.io import Shapes
    from elman.forecast.forecaster import Forecaster

__all__ = ["described", "shapes"]


def described(kind: type[Forecaster], description: Mapping[str, Any]) -> dict[str, Any]:
    """The checked fields of a description: its `options` as a Forecaster that is not fitted, its `network` as a Layout,
    its `model` without networks. ValueError or TypeError for anything that `saved.contents` never says."""
    series: dict[str, fields.Check] = {
        "id": fields.optional(fields.text),
        "rows": fields.whole(2),
        "name": fields.text,
        "time_name": fields.optional(fields.text),
        "filled": _rising,
        "masked": fields.flag,
        "covariates": fields.optional(_covariates),
        "calendar": fields.optional(Calendar.of_plain),
        "style": Style.of_plain,
    }
    known: dict[str, fields.Check] = {
        "options": lambda _, plain: kind.of_options(plain),
        "levels": lambda _, plain: intervals.parse_levels(plain),
        "columns": _columns,
        "network": layout_from_plain,
        "model": _model,
        "series": fields.items(lambda name, plain: fields.record(name, plain, series), 1),
        "skipped": fields.mapping(fields.text),
        "backtest": fields.optional(_backtest),
    }
    plain = fields.record("forecaster", description, known)
    _check_series(plain["series"], plain["model"])
    _check_network(plain["network"], plain["model"])
    _check_backtest(plain)
    return plain


def shapes(plain: Mapping[str, Any]) -> Shapes:
    """Of every array of a forecaster with this checked description; the ensemble may have any number of members."""
    series, layout = plain["series"], plain["network"]
    rows = sum(each["rows"] for each in series)
    double = np.dtype(np.float64)
    found: Shapes = {"theta": ((None, layout.size), np.dtype(np.float32)), "values": ((rows,), double)}
    about = series[0]["covariates"]
    if about is not None and about["past_names"]:
        found["past"] = (rows, len(about["past_names"])), double
    if about is not None and about["future_names"]:
        found["future"] = (sum(each["covariates"]["known"] for each in series), len(about["future_names"])), double
    if series[0]["calendar"] is not None:
        found["times"] = (rows,), np.dtype(np.int64)
    tested, model = plain["backtest"], plain["model"]
    if tested is not None:
        windows = len(tested["starts"])
        found |= {
            "backtest.truth": ((windows, model.horizon), double),
            "backtest.forecasts": ((len(tested["models"]), windows, model.horizon), double),
            "backtest.scales": ((windows,), double),
            "backtest.root_scales": ((windows,), double),
        }
        if isinstance(model, PooledModel):
            found["backtest.units"] = (windows, model.horizon, 2), double
    return found


# ------------------------------------------------------------------------------------------ one field each


def _columns(name: str, plain: Any) -> Columns:
    known = {each: fields.optional(fields.text) for each in ("target", "id")}
    # as 0.1.0 wrote them, times and covariates may be arrays beside an array, which are no names
    several = dict.fromkeys(("time", "past", "future", "static"), _name_or_list)
    return Columns(**fields.record(name, plain, {**known, **several})).by_name()


def _name_or_list(name: str, plain: Any) -> Any:
    if plain is not None and not isinstance(plain, str | list):
        raise TypeError(f"{name}: expected the name of a column, or a list of them, got {checks.shown(plain)}")
    return plain


def _rising(name: str, plain: Any) -> tuple[int, ...]:
    """Rows in rising order; without a check for each, since there may be many."""
    if not isinstance(plain, list) or not all(type(row) is int for row in plain):
        raise TypeError(f"{name}: expected a list of rows, got {checks.shown(plain)}")
    if any(b <= a for a, b in pairwise([0, *plain])):
        raise ValueError(f"{name}: expected rising rows after the first, got {checks.shown(plain)}")
    return tuple(plain)


def _covariates(name: str, plain: Any) -> dict[str, Any]:
    listed = fields.items(fields.text)
    names = {f"{kind}_names": listed for kind in ("past", "future", "static")}
    return fields.record(name, plain, {**names, "static": fields.items(_number_or_word), "known": fields.whole()})


def _number_or_word(name: str, plain: Any) -> float | str:
    return plain if isinstance(plain, str) else checks.number(name, plain)


def _model(name: str, plain: Any) -> Model | PooledModel:
    if isinstance(plain, dict) and "view" in plain:
        view = fields.record(name, plain, {"view": _view})["view"]
        return (SampledModel if view.head in SAMPLED else PooledModel)(view, ())
    known: dict[str, fields.Check] = {
        **{each: fields.whole(1) for each in ("context", "season", "horizon", "lags")},
        "plan": _plan,
        "shrink": fields.number(0.0, 1.0),
        "inputs": _inputs,
    }
    model = Model(**fields.record(name, plain, known), networks=())
    plan, season, context = model.plan, model.season, model.context
    lags = steps_and_lags(context, plan, season, model.lags)[1]
    if context < least_context(season) or lags != model.lags or (plan.base == "season" and season == 1):
        raise ValueError(f"{name}: expected context, season and lags that fit one another, got {checks.shown(plain)}")
    return model


def _plan(name: str, plain: Any) -> Plan:
    base, power = _of_length(name, plain, 2)
    return Plan(checks.choice(f"{name}[0]", base, ("last", "season")), checks.number(f"{name}[1]", power, 0.0, 1.0))


def _view(name: str, plain: Any) -> View:
    known: dict[str, fields.Check] = {
        **{each: fields.whole(1) for each in ("context", "horizon", "lag")},
        "seasons": fields.items(fields.whole(1), 1),
        "power": fields.number(0.0, 1.0),
        "head": fields.one_of(*HEADS),
        "skip": fields.whole(),
        "masked": fields.flag,
        "inputs": _inputs,
    }
    view = View(**fields.record(name, plain, known))
    if (
        any(b % a or a == b for a, b in pairwise(view.seasons))
        or view.lag not in view.seasons
        or view.context % view.step
        or view.context < least_of_many(view.seasons)
    ):
        raise ValueError(f"{name}: expected seasons, lag and context that fit one another, got {checks.shown(plain)}")
    return view


def _inputs(name: str, plain: Any) -> Inputs:
    known: dict[str, fields.Check] = {
        "calendar": fields.items(fields.one_of(*CALENDAR)),
        "past": fields.items(_scaled),
        "future": fields.items(_scaled),
        "static": fields.items(_fixed),
    }
    return Inputs(**fields.record(name, plain, known))


def _scaled(name: str, plain: Any) -> tuple[str, float, float]:
    word, mean, scale = _of_length(name, plain, 3)
    mean, scale = checks.number(name, mean, -LARGEST, LARGEST), checks.number(name, scale, 0.0, LARGEST, open_low=True)
    return fields.text(name, word), mean, scale


def _fixed(name: str, plain: Any) -> tuple[Any, ...]:
    if isinstance(plain, list) and len(plain) == 3:
        return _scaled(name, plain)
    word, categories = _of_length(name, plain, 2)
    return fields.text(name, word), fields.items(fields.text, 1)(name, categories)


def _of_length(name: str, plain: Any, count: int) -> list[Any]:
    if not isinstance(plain, list) or len(plain) != count:
        raise TypeError(f"{name}: expected a list of {count} values, got {checks.shown(plain)}")
    return plain


def _backtest(name: str, plain: Any) -> dict[str, Any]:
    known: dict[str, fields.Check] = {
        "models": fields.items(fields.text),
        "labels": fields.items(lambda name, pair: tuple(fields.text(name, each) for each in _of_length(name, pair, 2))),
        "starts": fields.items(fields.whole(1), 1),
        "series": fields.items(fields.text),
        "refit": fields.flag,
        "relative": fields.flag,
    }
    found = fields.record(name, plain, known)
    if found["models"] != (NETWORK, *RULES):
        raise ValueError(f"{name}.models: expected {(NETWORK, *RULES)}, got {checks.shown(found['models'])}")
    if len(found["labels"]) != len(found["starts"]):
        raise ValueError(f"{name}.labels: expected {len(found['starts'])}, one a window, got {len(found['labels'])}")
    return found


# ---------------------------------------------------------------------------------- how they fit one another


def _check_series(series: tuple[dict[str, Any], ...], model: Model | PooledModel) -> None:
    ids = [each["id"] for each in series]
    if ids != [None] and not (all(ids) and len({*ids}) == len(ids) and isinstance(model, PooledModel)):
        raise ValueError("series: expected one without an id, or several by their ids and a model of many")
    if len({each["calendar"] is None for each in series}) > 1:
        raise ValueError("series: expected times for all of them, or for none")
    kinds = ("past", "future", "static")
    named = [each["covariates"] and tuple(each["covariates"][f"{kind}_names"] for kind in kinds) for each in series]
    inputs = model.inputs
    if {*named} not in ({None}, {tuple(tuple(each[0] for each in getattr(inputs, kind)) for kind in kinds)}):
        raise ValueError("covariates: expected those of the model, beside every series")
    if named[0] is None and (inputs.past or inputs.future or inputs.static):
        raise ValueError("covariates: expected those of the model, got none")
    if inputs.calendar and series[0]["calendar"] is None:
        raise ValueError("calendar: expected times for features of the dates, got none")
    for i, each in enumerate(series):
        rows, about = each["rows"], each["covariates"]
        if each["filled"] and each["filled"][-1] >= rows:
            raise ValueError(f"series[{i}].filled: expected rows below {rows}, got {each['filled'][-1]}")
        if about is None:
            continue
        if len(about["static"]) != len(about["static_names"]):
            raise ValueError(f"series[{i}].static: expected {len(about['static_names'])} values")
        if (about["known"] < rows) if about["future_names"] else (about["known"] > rows):
            raise ValueError(f"series[{i}].known: expected covariates for all of {rows} rows, got {about['known']}")
    longest = max(each["rows"] for each in series)
    if longest < model.context + model.horizon:
        raise ValueError(f"horizon: expected one that {longest} rows teach, got {model.horizon} after {model.context}")


def _check_network(layout: Layout, model: Model | PooledModel) -> None:
    """That it is one that training makes for this model."""
    if isinstance(model, Model):
        inputs = model.inputs.features(model.lags, model.horizon, False) if model.inputs else 0
        reads, answers, output, skip = FEATURES * model.lags + inputs, model.horizon, "last", True
    elif isinstance(model, SampledModel):
        reads, answers, output, skip = sampled_features(model.view), 2, "sequence", model.view.skip > 0
    else:
        reads, answers, output, skip = model.view.features, model.view.outputs, "last", model.view.skip > 0
    if layout.input_size != reads or layout.output_size != answers:
        raise ValueError(f"network: expected {reads} inputs, {answers} outputs, as the model has them, got others")
    if not is_stack(layout.layers, answers, output, skip):
        raise ValueError("network: expected one recurrent layer and what the model's answer takes")


def _check_backtest(plain: Mapping[str, Any]) -> None:
    tested, series, horizon = plain["backtest"], plain["series"], plain["model"].horizon
    if tested is None:
        if plain["levels"]:
            raise ValueError(f"levels: expected none without a backtest, got {plain['levels']}")
        return
    rows = {each["id"]: each["rows"] for each in series}
    names = tested["series"] if None not in rows else (None,) * len(tested["starts"])
    if len(names) != len(tested["starts"]) or (None in rows and tested["series"]):
        raise ValueError("backtest.series: expected one a window where there are many series, else none")
    for name, start in zip(names, tested["starts"], strict=True):
        if name not in rows or start + horizon > rows[name]:
            raise ValueError(f"backtest.starts: expected windows of {horizon} rows within the series, got {start}")
