"""A fitted Forecaster as plain JSON values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from elman import checks
from elman.describe import layers_from_plain
from elman.forecast.backtest import Backtest
from elman.forecast.calendar import Calendar
from elman.forecast.covariates import Covariates, Inputs, parse_calendar
from elman.forecast.dates import Style
from elman.forecast.model import FEATURES, Model, Plan, steps_and_lags
from elman.forecast.panel import Panel
from elman.forecast.pooled import PooledModel
from elman.forecast.recursive import SAMPLED, SampledModel, sampled_features
from elman.forecast.series import Series
from elman.forecast.view import View
from elman.layers import Layout
from elman.network import Network

if TYPE_CHECKING:
    from elman.forecast.forecaster import Forecaster

__all__ = ["contents", "restore"]


def contents(forecaster: Forecaster) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(description, tensors) as a file holds them."""
    model, backtest, series = forecaster.model_, forecaster.backtest_, forecaster.series_
    panel = {None: series} if isinstance(series, Series) else series
    plain, _ = model.networks[0].contents()
    description: dict[str, Any] = {
        "options": _plain_options(forecaster.get_params()),
        "levels": list(forecaster.levels_),
        "columns": forecaster.named_columns()._asdict(),
        "network": {"layers": plain["layers"], "input_size": plain["input_size"]},
        "model": _plain_model(model),
        "series": [{"id": name, "rows": len(each), **_plain_series(each)} for name, each in panel.items()],
        "skipped": forecaster.skipped_,
        "backtest": None,
    }
    tensors = {
        "theta": np.stack([network.theta for network in model.networks]),
        "values": np.concatenate([each.values for each in panel.values()]),
    }
    for name in ("past", "future"):
        each = [getattr(s.covariates, name) for s in panel.values() if s.covariates is not None]
        if each and each[0].shape[1]:
            tensors[name] = np.concatenate(each)
    times = [each.times.astype(np.int64) for each in panel.values() if each.times is not None]
    if times:
        tensors["times"] = np.concatenate(times)
    if backtest is not None:
        description["backtest"] = {
            "models": list(backtest.forecasts),
            "labels": [list(pair) for pair in backtest.labels],
            "starts": list(backtest.starts),
            "series": list(backtest.series),
            "refit": backtest.refit,
            "relative": backtest.relative,
        }
        tensors |= {
            "backtest.truth": backtest.truth,
            "backtest.forecasts": np.stack(list(backtest.forecasts.values())),
            "backtest.scales": backtest.scales,
        }
        if backtest.root_scales is not None:  # always, of a forecaster's own
            tensors["backtest.root_scales"] = backtest.root_scales
        if backtest.units is not None:
            tensors["backtest.units"] = backtest.units
    return description, tensors


def restore(kind: type[Forecaster], description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Forecaster:
    """What `contents` described. ValueError, TypeError or KeyError where it does not fit together."""
    forecaster = kind(**description["options"])
    panel = _panel(description["series"], tensors)
    forecaster.model_ = model = _model(description, tensors["theta"])
    forecaster.skipped_ = {str(name): str(why) for name, why in description["skipped"].items()}
    many = description["series"][0]["id"] is not None
    forecaster.series_ = Panel(panel, forecaster.skipped_) if many else next(iter(panel.values()))
    if (len(panel) > 1 and not many) or (many and not isinstance(model, PooledModel)):
        raise ValueError("series: expected one without an id, or some with ids and a model of many")
    forecaster.name_columns(**description["columns"])
    for each in panel.values():
        model.check_history(each)
        model.inputs.check(each, 0)
    forecaster.horizon_, forecaster.season_ = model.horizon, model.season
    forecaster.levels_ = tuple(float(level) for level in description["levels"])
    forecaster.backtest_ = _backtest(
        description["backtest"], tensors, model.horizon, isinstance(model, PooledModel), many
    )
    return forecaster


def _plain_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options as JSON says them; all but these are numbers, strings or None."""
    levels, calendar = options["levels"], options["calendar"]
    plain = {name: int(value) if isinstance(value, np.integer) else value for name, value in options.items()}
    plain["levels"] = None if levels is None else [float(level) for level in levels]
    return plain | {"calendar": calendar if calendar is None or isinstance(calendar, str) else list(calendar)}


def _plain_series(series: Series) -> dict[str, Any]:
    return {
        "name": series.name,
        "time_name": series.time_name,
        "filled": list(series.filled),
        "masked": series.masked,
        "covariates": None if series.covariates is None else _plain_covariates(series.covariates),
        "calendar": None if series.calendar is None else vars(series.calendar),
        "style": vars(series.style),
    }


def _plain_covariates(given: Covariates) -> dict[str, Any]:
    names = {f"{kind}_names": list(getattr(given, f"{kind}_names")) for kind in ("past", "future", "static")}
    return {**names, "static": list(given.static), "known": len(given.future)}


def _covariates(
    plain: Sequence[Mapping[str, Any]], rows: Sequence[int], tensors: Mapping[str, np.ndarray]
) -> list[Covariates | None]:
    """Those of each series, cut out of the arrays of all."""
    about = [each["covariates"] for each in plain]
    if all(each is None for each in about):
        return [None] * len(plain)
    names = {kind: tuple(map(str, about[0][f"{kind}_names"])) for kind in ("past", "future", "static")}
    lengths = {"past": rows, "future": [checks.whole("known", each["known"], low=0) for each in about]}
    parts: dict[str, list[np.ndarray]] = {}
    for kind, counts in lengths.items():
        shape = (sum(counts), len(names[kind]))
        array = _floats(tensors[kind], 2) if names[kind] else np.zeros(shape)
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"{kind}: expected finite numbers {shape}, got {array.shape}")
        parts[kind] = np.split(array, np.cumsum(counts)[:-1])
    found: list[Covariates | None] = []
    for each, past, future in zip(about, parts["past"], parts["future"], strict=True):
        fixed = tuple(word if isinstance(word, str) else float(word) for word in each["static"])
        if len(fixed) != len(names["static"]) or (names["future"] and len(future) < len(past)):
            raise ValueError("covariates: expected a number for every row, and a value for every static name")
        found.append(Covariates(past, future, fixed, names["past"], names["future"], names["static"]))
    return found


def _panel(plain: Sequence[Mapping[str, Any]], tensors: Mapping[str, np.ndarray]) -> dict[str, Series]:
    values, times = _floats(tensors["values"], 1), tensors.get("times")
    rows = [checks.whole("rows", each["rows"], low=2) for each in plain]
    dated = [each["calendar"] is not None for each in plain]
    if sum(rows) != len(values) or len({*dated}) != 1 or not np.isfinite(values).all():
        raise ValueError("series: expected finite values for every row, and times for all or none")
    if (times is None) == dated[0] or (times is not None and times.shape != values.shape):
        raise ValueError("times: expected one for each value and a calendar, or neither")
    ends = np.cumsum(rows)[:-1]
    parts = np.split(values, ends)
    if any(not 0 < i < count for each, count in zip(plain, rows, strict=True) for i in each["filled"]):
        raise ValueError("filled: expected rows of the series")
    moments = [None] * len(rows) if times is None else np.split(times.astype(np.int64).astype("datetime64[us]"), ends)
    return {
        str(each["id"]): Series(
            part,
            moment,
            None if moment is None else Calendar(**each["calendar"]),
            Style(**each["style"]),
            str(each["name"]),
            each["time_name"],
            tuple(each["filled"]),
            checks.flag("masked", each["masked"]),
            beside,
        )
        for each, part, moment, beside in zip(plain, parts, moments, _covariates(plain, rows, tensors), strict=True)
    }


def _plain_model(model: Model | PooledModel) -> dict[str, Any]:
    if isinstance(model, PooledModel):
        return {"view": {**vars(model.view), "seasons": list(model.view.seasons), "inputs": vars(model.view.inputs)}}
    return {
        "inputs": vars(model.inputs),
        "lags": model.lags,
        "plan": list(model.plan),
        "context": model.context,
        "season": model.season,
        "horizon": model.horizon,
        "shrink": model.shrink,
    }


def _model(description: Mapping[str, Any], theta: np.ndarray) -> Model | PooledModel:
    plain, about = description["network"], description["model"]
    layout = Layout(layers_from_plain(plain["layers"]), plain["input_size"])
    if theta.ndim != 2 or theta.shape[1] != layout.size or not len(theta) or theta.dtype != np.float32:
        raise ValueError(f"theta: expected float32 (members, {layout.size}), got {theta.dtype} {theta.shape}")
    networks = tuple(Network.from_theta(layout, row) for row in theta)
    if "view" in about:
        view = _view(about["view"])
        sampled = view.head in SAMPLED
        found: Model | PooledModel = (SampledModel if sampled else PooledModel)(view, networks)
        expected = (sampled_features(view), 2, False) if sampled else (view.features, view.outputs, True)
        fits = True
    else:
        base, power = about["plan"]
        context, season, horizon, lags = (
            checks.whole(name, about[name], low=1) for name in ("context", "season", "horizon", "lags")
        )
        plan = Plan(checks.choice("base", base, ("last", "season")), checks.number("power", power, 0.0, 1.0))
        fits = context > season and steps_and_lags(context, plan, season, lags)[1] == lags
        shrink, inputs = checks.number("shrink", about["shrink"], 0.0, 1.0), _inputs(about["inputs"])
        found = Model(plan, context, season, horizon, shrink, lags, networks, inputs)
        expected = (FEATURES * lags + inputs.features(lags, horizon, False) * bool(inputs), horizon, True)
    if not fits or (layout.input_size, layout.output_size, layout.last) != expected:
        raise ValueError("model: expected a network and rows that fit one another")
    return found


def _view(plain: Mapping[str, Any]) -> View:
    seasons = tuple(checks.whole("seasons", each, low=1) for each in plain["seasons"])
    context, horizon, lag = (checks.whole(name, plain[name], low=1) for name in ("context", "horizon", "lag"))
    if (
        not seasons
        or lag not in seasons
        or context % seasons[0]
        or context < seasons[-1]
        or sorted(seasons) != [*seasons]
    ):
        raise ValueError(f"view: expected rows that fit one another, got {dict(plain)}")
    return View(
        seasons,
        context,
        horizon,
        lag,
        checks.number("power", plain["power"], 0.0, 1.0),
        checks.choice("head", plain["head"], ("median", "quantiles", *SAMPLED)),
        checks.whole("skip", plain["skip"], low=0),
        checks.flag("masked", plain["masked"]),
        _inputs(plain["inputs"]),
    )


def _inputs(plain: Mapping[str, Any]) -> Inputs:
    scaled = {
        kind: tuple((str(name), float(mean), float(scale)) for name, mean, scale in plain[kind])
        for kind in ("past", "future")
    }
    static = tuple(
        (str(name), *map(float, about)) if len(about) == 2 else (str(name), tuple(map(str, about[0])))
        for name, *about in plain["static"]
    )
    return Inputs(parse_calendar(plain["calendar"]), scaled["past"], scaled["future"], static)


def _backtest(
    plain: Mapping[str, Any] | None, tensors: Mapping[str, np.ndarray], horizon: int, pooled: bool, many: bool
) -> Backtest | None:
    if plain is None:
        return None
    truth, forecasts, scales, roots = (
        _floats(tensors[f"backtest.{k}"], d)
        for k, d in (("truth", 2), ("forecasts", 3), ("scales", 1), ("root_scales", 1))
    )
    models, count = plain["models"], len(truth)
    series = tuple(str(name) for name in plain["series"])
    units = _floats(tensors["backtest.units"], 3) if pooled else None
    if (
        len(series) != (count if many else 0)
        or (units is not None and units.shape != (*truth.shape, 2))
        or truth.shape != (count, horizon)
        or forecasts.shape != (len(models), count, horizon)
        or {len(scales), len(roots), len(plain["labels"]), len(plain["starts"])} != {count}
        or "network" not in models
        or len(models) < 2
    ):
        raise ValueError("backtest: expected models, windows and horizon to fit one another")
    labels = tuple((str(first), str(last)) for first, last in plain["labels"])
    starts = tuple(checks.whole("starts", start, low=0) for start in plain["starts"])
    whole = dict(zip(models, forecasts, strict=True))
    refit, relative = (checks.flag(name, plain[name]) for name in ("refit", "relative"))
    return Backtest(truth, whole, scales, labels, starts, series, units, roots, refit, relative)


def _floats(array: np.ndarray, ndim: int) -> np.ndarray:
    if array.dtype != np.float64 or array.ndim != ndim:
        raise ValueError(f"expected a float64 array of {ndim} axes, got {array.dtype} {array.shape}")
    return array
