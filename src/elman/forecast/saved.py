"""A fitted Forecaster as plain JSON values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from elman import checks
from elman.describe import layers_from_plain
from elman.forecast.backtest import Backtest
from elman.forecast.calendar import Calendar
from elman.forecast.dates import Style
from elman.forecast.model import FEATURES, Model, Plan
from elman.forecast.series import Series
from elman.layers import Layout
from elman.network import Network

if TYPE_CHECKING:
    from elman.forecast.forecaster import Forecaster

__all__ = ["contents", "restore"]


def contents(forecaster: Forecaster) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(description, tensors) as a file holds them."""
    series, model, backtest = forecaster.series_, forecaster.model_, forecaster.backtest_
    plain, _ = model.networks[0].contents()
    description: dict[str, Any] = {
        "options": _plain_options(forecaster.get_params()),
        "levels": list(forecaster.levels_),
        "network": {"layers": plain["layers"], "input_size": plain["input_size"]},
        "model": {"plan": list(model.plan), "context": model.context, "season": model.season, "horizon": model.horizon,
                  "shrink": model.shrink},
        "series": {"name": series.name, "time_name": series.time_name, "filled": list(series.filled),
                   "calendar": None if series.calendar is None else vars(series.calendar), "style": vars(series.style)},
        "backtest": None,
    }  # fmt: skip
    tensors = {"theta": np.stack([network.theta for network in model.networks]), "values": np.array(series.values)}
    if series.times is not None:
        tensors["times"] = series.times.astype(np.int64)
    if backtest is not None:
        description["backtest"] = {
            "models": list(backtest.forecasts),
            "labels": [list(pair) for pair in backtest.labels],
            "starts": list(backtest.starts),
        }
        tensors |= {
            "backtest.truth": backtest.truth,
            "backtest.forecasts": np.stack(list(backtest.forecasts.values())),
            "backtest.scales": backtest.scales,
        }
    return description, tensors


def restore(kind: type[Forecaster], description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Forecaster:
    """What `contents` described. ValueError, TypeError or KeyError where it does not fit together."""
    forecaster = kind(**description["options"])
    forecaster.series_ = _series(description["series"], tensors)
    forecaster.model_ = model = _model(description, tensors["theta"])
    model.check_history(forecaster.series_.values)
    forecaster.horizon_, forecaster.season_ = model.horizon, model.season
    forecaster.levels_ = tuple(float(level) for level in description["levels"])
    forecaster.backtest_ = _backtest(description["backtest"], tensors, model.horizon)
    return forecaster


def _plain_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options as JSON says them; all but these are numbers, strings or None."""
    levels = options["levels"]
    plain = {name: int(value) if isinstance(value, np.integer) else value for name, value in options.items()}
    return {**plain, "levels": None if levels is None else [float(level) for level in levels]}


def _series(plain: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Series:
    values, times = _floats(tensors["values"], 1), tensors.get("times")
    if (times is None) != (plain["calendar"] is None) or (times is not None and times.shape != values.shape):
        raise ValueError("times: expected one for each value and a calendar, or neither")
    if len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"values: expected at least 2 finite numbers, got {checks.shown(values)}")
    return Series(
        values,
        None if times is None else times.astype(np.int64).astype("datetime64[us]"),
        None if times is None else Calendar(**plain["calendar"]),
        Style(**plain["style"]),
        str(plain["name"]),
        plain["time_name"],
        tuple(plain["filled"]),
    )


def _model(description: Mapping[str, Any], theta: np.ndarray) -> Model:
    plain = description["network"]
    layout = Layout(layers_from_plain(plain["layers"]), plain["input_size"])
    if theta.ndim != 2 or theta.shape[1] != layout.size or not len(theta) or theta.dtype != np.float32:
        raise ValueError(f"theta: expected float32 (members, {layout.size}), got {theta.dtype} {theta.shape}")
    about = description["model"]
    base, log = about["plan"]
    context, season, horizon = (checks.whole(name, about[name], low=1) for name in ("context", "season", "horizon"))
    plan = Plan(checks.choice("base", base, ("last", "season")), checks.flag("log", log))
    networks = tuple(Network.from_theta(layout, row) for row in theta)
    if (layout.output_size, layout.last, context > season) != (horizon, True, True) or layout.input_size % FEATURES:
        raise ValueError("model: expected a network and rows that fit one another")
    return Model(plan, context, season, horizon, checks.number("shrink", about["shrink"], 0.0, 1.0), networks)


def _backtest(plain: Mapping[str, Any] | None, tensors: Mapping[str, np.ndarray], horizon: int) -> Backtest | None:
    if plain is None:
        return None
    truth, forecasts, scales = (
        _floats(tensors[f"backtest.{k}"], d) for k, d in (("truth", 2), ("forecasts", 3), ("scales", 1))
    )
    models, count = plain["models"], len(truth)
    if (
        truth.shape != (count, horizon)
        or forecasts.shape != (len(models), count, horizon)
        or {len(scales), len(plain["labels"]), len(plain["starts"])} != {count}
        or "network" not in models
        or len(models) < 2
    ):
        raise ValueError("backtest: expected models, windows and horizon to fit one another")
    labels = tuple((str(first), str(last)) for first, last in plain["labels"])
    starts = tuple(checks.whole("starts", start, low=0) for start in plain["starts"])
    return Backtest(truth, dict(zip(models, forecasts, strict=True)), scales, labels, starts)


def _floats(array: np.ndarray, ndim: int) -> np.ndarray:
    if array.dtype != np.float64 or array.ndim != ndim:
        raise ValueError(f"expected a float64 array of {ndim} axes, got {array.dtype} {array.shape}")
    return array
